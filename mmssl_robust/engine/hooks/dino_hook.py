"""What changes in DINO in the course of a training."""

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.optim import Optimizer

from mmssl_robust.models.algorithms.dino import DINO
from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number
from mmssl_robust.utils.unwrapped import unwrapped


def teacher_momentum(iteration: int, max_iters: int, base: float) -> float:
    """Cosine schedule of the moving average, from ``base`` at iteration 0 to 1 at ``max_iters``."""
    return 1 - (1 - base) * (1 + math.cos(math.pi * iteration / max_iters)) / 2


def teacher_temperature(epoch: int, start: float, end: float, warmup_epochs: int) -> float:
    """Linear warm-up: ``start`` in epoch 0, ``end`` from epoch ``warmup_epochs - 1`` on."""
    return start + (end - start) * min(1.0, epoch / max(warmup_epochs - 1, 1)) if warmup_epochs else end


@HOOKS.register_module()
class DINOHook(Hook):
    """Schedules of :class:`~mmssl_robust.models.algorithms.dino.DINO` (Caron et al., 2021, sec. 3.2).

    Args:
        base_momentum: Momentum of the teacher's moving average at the start;
            higher for smaller batches, e.g. 0.9995 for 256 images.
        teacher_temp: Temperature of the teacher's softmax after the warm-up.
        warmup_teacher_temp: The same in the first epoch.
        warmup_epochs: Length of the temperature's warm-up, 0 for none.
        freeze_last_layer_epochs: First epochs in which the head's last layer keeps still.

    Examples:
        >>> import torch
        >>> from mmengine.runner import Runner
        >>> from torch.utils.data import DataLoader
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny)
        >>> head = dict(type='mmssl_robust.DINOHead', in_dim=16, out_dim=32, hidden_dim=16, bottleneck_dim=8)
        >>> hook = dict(type='mmssl_robust.DINOHook', warmup_teacher_temp=0.04, teacher_temp=0.07, warmup_epochs=2)
        >>> images = [dict(inputs=[torch.randn(3, 16, 16) for view in range(2)]) for image in range(8)]
        >>> runner = Runner(
        ...     dict(type='mmssl_robust.DINO', backbone=backbone, head=head),
        ...     work_dir='work_dirs/dino',
        ...     train_dataloader=DataLoader(images, batch_size=4),
        ...     train_cfg=dict(type='mmssl_robust.SeededTrainLoop', max_epochs=2),
        ...     optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        ...     custom_hooks=[hook],
        ...     log_level='ERROR',
        ... )
        >>> runner.train().teacher_temp, runner.iter
        (0.07, 4)
    """

    def __init__(
        self,
        base_momentum: float = 0.996,
        teacher_temp: float = 0.04,
        warmup_teacher_temp: float = 0.04,
        warmup_epochs: int = 0,
        freeze_last_layer_epochs: int = 1,
    ) -> None:
        self.base_momentum = check_number(base_momentum, 'base_momentum', least=0, most=1)
        self.teacher_temp = check_number(teacher_temp, 'teacher_temp', above=0)
        self.warmup_teacher_temp = check_number(warmup_teacher_temp, 'warmup_teacher_temp', above=0)
        self.warmup_epochs = check_integer(warmup_epochs, 'warmup_epochs', 0)
        self.freeze_last_layer_epochs = check_integer(freeze_last_layer_epochs, 'freeze_last_layer_epochs', 0)

    def before_train(self, runner: Runner) -> None:
        """Let the optimiser skip the last layer as long as it is frozen."""
        last_layer = list(_dino(runner).student.head.last_layer.parameters())

        def drop_gradients(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            # Here and not by requires_grad: DistributedDataParallel waits for every gradient.
            if runner.epoch < self.freeze_last_layer_epochs:
                for parameter in last_layer:
                    parameter.grad = None

        self._handle = runner.optim_wrapper.optimizer.register_step_pre_hook(drop_gradients)

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the teacher's temperature."""
        _dino(runner).teacher_temp = teacher_temperature(
            runner.epoch, self.warmup_teacher_temp, self.teacher_temp, self.warmup_epochs
        )

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Update the teacher."""
        _dino(runner).update_teacher(teacher_momentum(runner.iter, runner.max_iters, self.base_momentum))

    def after_train(self, runner: Runner) -> None:
        """Give the optimiser back as it was."""
        self._handle.remove()


def _dino(runner: Runner) -> DINO:
    model = unwrapped(runner.model)
    if not isinstance(model, DINO):
        raise UserError(f'DINOHook serves DINO, not {type(model).__name__}: remove it from custom_hooks')
    return model
