"""Test and validation loops that attack: clean and adversarial metrics in one pass over the data."""

from functools import partial
from typing import Any

from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from mmssl_robust.datasets import placed_loader
from mmssl_robust.evaluation.attack_log import AttackLog
from mmssl_robust.evaluation.robust_evaluation import RobustEvaluation, tolerant_dataloader
from mmssl_robust.registry import LOOPS
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.stopping import stop_together

from .whole import check_weights


class _AttackMixin(BaseLoop):
    """What the two loops share; they differ in the names of the hooks that they call.

    Args:
        runner: The runner.
        dataloader: Config of a data loader; the loop wraps its data set in
            :class:`~mmssl_robust.datasets.TolerantDataset`. A finished loader
            gives its own batches, of samples that say their place in its data set.
        evaluator: Metrics, clean ones. Each attack gets a copy.
        attacks: Name -> config of an attack. The name is the prefix of its metrics.
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how examples are made. They are scored in
            fp32.
        max_images: Take this many, evenly spread over the data set, not all.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read.
        attack_memory: Such as ``'2GB'``, for the activations that a dense gradient keeps; those beyond it are computed
            again. By default a quarter of the device's memory. Results are the same up to rounding.
    """

    stage: str

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        evaluator: Evaluator | dict[str, Any] | list[Any],
        attacks: dict[str, dict[str, Any]] | None = None,
        precision: str = 'fp32',
        max_images: int | None = None,
        on_corrupt: str = 'fail',
        attack_memory: str | int | None = None,
    ) -> None:
        self._is_even = isinstance(dataloader, dict) or get_world_size() == 1  # as many batches in every process
        if isinstance(dataloader, dict):
            dataloader = tolerant_dataloader(dataloader, max_images, on_corrupt)
        else:
            dataloader = placed_loader(dataloader)
        super().__init__(runner, dataloader, evaluator)
        self.evaluation = RobustEvaluation(self.evaluator, attacks or {}, precision, attack_memory)

    @property
    def summary(self) -> dict[str, Any]:
        """See :attr:`RobustEvaluation.summary`."""
        return self.evaluation.summary

    @property
    def logs(self) -> dict[str, AttackLog]:
        """See :attr:`RobustEvaluation.logs`."""
        return self.evaluation.logs

    def run(self) -> dict[str, float]:
        """Evaluate.

        Returns:
            Clean metrics under their own names and attacked ones as ``attack/metric``.

        Raises:
            UserError: If a file cannot be read, or none can, or the checkpoint does not fit the model.
            Stopped: After a batch in which it was asked to stop.
        """
        check_weights(self.runner)
        self._call_hook('before_{}')
        self._call_hook('before_{}_epoch')
        self.runner.model.eval()
        self.evaluation.start()
        description = ' + '.join(('clean', *self.evaluation.attacks))
        for index, data_batch in enumerate(track(self.dataloader, description)):
            self.run_iter(index, data_batch)
            if self._is_even:
                stop_together()
        metrics = self.evaluation.finish()
        self._call_hook('after_{}_epoch', metrics=metrics)
        self._call_hook('after_{}')
        return metrics

    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Evaluate one batch, of which unreadable samples are missing."""
        self._call_hook('before_{}_iter', batch_idx=idx, data_batch=data_batch)
        on_attack = partial(self.runner.call_hook, 'after_attack_iter')
        outputs = self.evaluation.process(self.runner.model, data_batch, on_attack)
        # Also for an empty batch: some hooks talk to the other processes.
        self._call_hook('after_{}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)

    def _call_hook(self, name: str, **kwargs: Any) -> None:
        self.runner.call_hook(name.format(self.stage), **kwargs)


@LOOPS.register_module()
class AttackTestLoop(_AttackMixin, TestLoop):
    """Test loop that attacks; arguments as in :class:`_AttackMixin`.

    Examples:
        >>> from mmengine.runner import Runner
        >>> from mmssl_robust.presets import load_preset
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> cfg = read_config(find_config('mini_cifar10'))  # with DATA_ROOT=mmssl_robust/assets/samples
        >>> attacks = dict(pgd=load_preset('pgd', steps=1))
        >>> cfg.test_cfg = dict(type='mmssl_robust.AttackTestLoop', attacks=attacks, max_images=4)
        >>> cfg.update(work_dir='work_dirs/mini_cifar10', log_level='ERROR')
        >>> runner = Runner.from_cfg(cfg)
        >>> runner.model.init_weights()  # of the encoder; the head is untrained
        >>> metrics = runner.test()
        >>> list(metrics), metrics['worst/accuracy/top1'] <= metrics['accuracy/top1']
        (['accuracy/top1', 'pgd/accuracy/top1', 'worst/accuracy/top1'], True)
    """

    stage = 'test'


@LOOPS.register_module()
class AttackValLoop(_AttackMixin, ValLoop):
    """Validation loop that attacks, e.g. for ``save_best='segpgd/mIoU'``; arguments as in :class:`_AttackMixin`.

    Examples:
        >>> from mmengine.runner import Runner
        >>> from mmssl_robust.presets import load_preset
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> cfg = read_config(find_config('mini_cifar10'))  # with DATA_ROOT=mmssl_robust/assets/samples
        >>> cfg.val_cfg = dict(type='mmssl_robust.AttackValLoop', attacks=dict(pgd=load_preset('pgd', steps=5)))
        >>> cfg.default_hooks.checkpoint.update(save_best='pgd/accuracy/top1', rule='greater')
        >>> cfg.update(work_dir='work_dirs/mini_cifar10', log_level='ERROR')
        >>> list(Runner.from_cfg(cfg).val_loop.evaluation.attacks)
        ['pgd']
    """

    stage = 'val'
