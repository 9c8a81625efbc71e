"""No model is attacked of which a Runner has loaded a part only."""

from mmengine.runner import BaseLoop, Runner

from mmssl_robust.utils.partial_loads import check_loaded_whole


def check_weights(runner: Runner) -> None:
    """Check what a Runner, of whatever class, has loaded before its model is attacked.

    Raises:
        UserError: See :func:`~mmssl_robust.utils.partial_loads.check_loaded_whole`.
    """
    # A test after a training has a train loop too: there the head has long been written.
    in_training = isinstance(runner._train_loop, BaseLoop)
    check_loaded_whole(runner.model, runner._load_from, in_training)
