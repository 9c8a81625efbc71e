"""Attack inside MMEngine's own test and validation loops."""

from typing import Any

from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.building import build_attack
from mmssl_robust.datasets import placed_loader
from mmssl_robust.evaluation.walk import victims_of
from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.precision import usable_precision
from mmssl_robust.victims.thresholds import check_thresholds

from ..whole import check_weights


@HOOKS.register_module()
class AttackHook(Hook):
    """Replace the images of each test and validation batch by adversarial ones.

    The metrics of a stock loop are then those of the attack, equal to what
    :class:`~mmssl_robust.engine.AttackTestLoop` reports for it, where the images of a batch have one size: MMPretrain
    pads others to the largest, the loop does not. Of an ensemble each image is the worst by the objective's score.

    Args:
        attack: Config of the attack.
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how examples are made.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.

    Examples:
        >>> from mmssl_robust.registry import HOOKS
        >>> pgd = dict(type='PGD', objective=dict(type='CrossEntropy'), norm='l2', eps=0.5, step_size=0.1, steps=20)
        >>> custom_hooks = [dict(type='mmssl_robust.AttackHook', attack=pgd)]  # of a config
        >>> hook = HOOKS.build(custom_hooks[0])
        >>> hook.attack.norm, hook.attack.eps, hook.attack.steps, hook.precision
        ('l2', 0.5, 20, 'fp32')
    """

    def __init__(self, attack: dict[str, Any], precision: str = 'fp32', attack_memory: str | int | None = None) -> None:
        self.attack = build_attack(attack)
        self.memory = attack_memory
        self.precision = usable_precision(precision, get_device())

    def before_test(self, runner: Runner) -> None:
        """Let samples say their place, from which noise follows.

        Raises:
            UserError: If the checkpoint does not fit the model.
        """
        check_weights(runner)
        runner.test_loop.dataloader = placed_loader(runner.test_loop.dataloader)

    def before_val(self, runner: Runner) -> None:
        """Likewise."""
        check_weights(runner)
        runner.val_loop.dataloader = placed_loader(runner.val_loop.dataloader)

    def before_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None) -> None:
        """Attack a test batch in place."""
        self._attack(runner, runner.test_loop, data_batch)

    def before_val_iter(self, runner: Runner, batch_idx: int, data_batch: dict[str, Any] | None = None) -> None:
        """Attack a validation batch in place."""
        self._attack(runner, runner.val_loop, data_batch)

    def _attack(self, runner: Runner, loop: Any, data_batch: dict[str, Any] | None) -> None:
        if data_batch is None:
            return
        check_thresholds(runner.model, loop.evaluator.metrics[0])
        images = []
        for victim, _ in victims_of(runner.model, data_batch, self.memory):
            images += victim.as_inputs(victim.attack(self.attack, self.precision).adv)
        data_batch['inputs'] = images
