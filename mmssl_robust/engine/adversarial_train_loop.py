"""The loop of adversarial training."""

import time
from dataclasses import asdict
from typing import Any

from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmssl_robust.models.algorithms import AdversarialTraining, Cost
from mmssl_robust.registry import LOOPS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.unwrapped import unwrapped

from .seeded_train_loop import SeededTrainLoop


@LOOPS.register_module()
class AdversarialTrainLoop(SeededTrainLoop):
    """:class:`SeededTrainLoop` that tells the model epoch, step and progress, and reports what each has cost.

    Args:
        runner: The runner, whose model is a :class:`~mmssl_robust.models.algorithms.AdversarialTraining`.
        dataloader: As for :class:`SeededTrainLoop`.
        max_epochs: How many epochs.
        val_at_start: Whether to validate before the first epoch.
        **kwargs: Further arguments of :class:`SeededTrainLoop`.

    Raises:
        UserError: If the model is another, or as :class:`SeededTrainLoop`.

    Examples:
        >>> import torch
        >>> from mmengine.dataset import pseudo_collate
        >>> from mmengine.runner import Runner
        >>> from mmpretrain.structures import DataSample
        >>> from torch.utils.data import DataLoader
        >>> images = [dict(inputs=torch.zeros(3, 16, 16, dtype=torch.uint8), data_samples=DataSample())] * 4
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> pixels = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> runner = Runner(
        ...     dict(type='mmssl_robust.FARE', backbone=backbone, data_preprocessor=pixels),
        ...     work_dir='work_dirs/fare',
        ...     train_dataloader=DataLoader(images, batch_size=2, collate_fn=pseudo_collate),
        ...     train_cfg=dict(type='mmssl_robust.AdversarialTrainLoop', max_epochs=1),
        ...     optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        ...     log_level='ERROR',
        ... )
        >>> cost = runner.train().cost
        >>> cost.forwards / cost.images  # ten steps of the attack, the teacher and the loss
        12.0
    """

    _seconds: float  # of the present epoch's steps

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        max_epochs: int,
        val_at_start: bool = True,
        **kwargs: Any,
    ) -> None:
        _adversarial(runner.model)
        super().__init__(runner, dataloader, max_epochs, val_at_start=val_at_start, **kwargs)

    @property
    def model(self) -> AdversarialTraining:
        """The model under training."""
        return _adversarial(self.runner.model)

    def run_epoch(self) -> None:
        """Iterate over the data once."""
        self.model.epoch = self._epoch
        self._take_up_cost()
        super().run_epoch()
        self._report_cost(self._seconds)

    def kept_amid_epoch(self) -> dict[str, Any]:
        """What an epoch that is stopped now goes on with; what it has cost so far among it."""
        return super().kept_amid_epoch() | dict(cost=asdict(self.model.cost), seconds=time.perf_counter() - self._start)

    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Make one step, or one batch of an accumulated one, with a model that knows how far the training is."""
        self.model.step = self._iter // self._accumulated
        self.model.progress = self._iter / self._max_iters
        super().run_iter(idx, data_batch)

    def _run_iters(self) -> None:
        self._start = time.perf_counter() - self._seconds
        super()._run_iters()
        self._seconds = time.perf_counter() - self._start

    def _take_up_cost(self) -> None:
        """From nothing, or from where the epoch was stopped."""
        stopped = self.stopped or {}
        try:
            self.model.cost = Cost(**{name: int(count) for name, count in stopped.get('cost', {}).items()})
            self._seconds = float(stopped.get('seconds', 0.0))
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(f'{self.runner._load_from} is damaged: --resume another checkpoint') from error

    def _report_cost(self, seconds: float) -> None:
        cost = self.model.cost
        images = cost.images * get_world_size()
        self.runner.logger.info(
            f'Cost of epoch {self._epoch}: {cost.forwards / cost.images:g} forwards and '
            f'{cost.backwards / cost.images:g} backwards an image, {images} images in {seconds:.1f} s, '
            f'{images / seconds:.1f} images/s'
        )
        scalars = dict(
            forwards=cost.forwards * get_world_size(),
            backwards=cost.backwards * get_world_size(),
            seconds=seconds,
            images_per_second=images / seconds,
        )
        self.runner.visualizer.add_scalars({f'cost/{key}': value for key, value in scalars.items()}, step=self._epoch)


def _adversarial(model: nn.Module) -> AdversarialTraining:
    model = unwrapped(model)
    if not isinstance(model, AdversarialTraining):
        raise UserError(
            f'AdversarialTrainLoop trains DeACL and other children of AdversarialTraining, not '
            f'{type(model).__name__}: set train_cfg.type to mmssl_robust.SeededTrainLoop'
        )
    return model
