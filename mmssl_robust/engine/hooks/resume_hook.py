"""What a checkpoint must say and be, so that a training can go on from it."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.resume import differences, training_settings


@HOOKS.register_module()
class ResumeHook(Hook):
    """Keep a training's settings in its checkpoints; refuse to resume another one, or to save what is not finite."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the settings.

        Raises:
            UserError: If a weight is NaN or infinite: the checkpoints before it are the good ones.
        """
        bad = [key for key, value in checkpoint['state_dict'].items() if not torch.isfinite(value).all()]
        if bad:
            raise UserError(
                f'{len(bad)} tensors are not finite at step {runner.iter}, the first {bad[0]}: no checkpoint is '
                'written; train with a lower optim_wrapper.optimizer.lr, or with clip_grad'
            )
        checkpoint['meta']['training'] = training_settings(runner.cfg)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the settings, if this is to be the same training.

        Raises:
            UserError: If they differ; names them.
        """
        saved = checkpoint.get('meta', {}).get('training')
        if not runner._resume or saved is None:
            return
        differing = differences(saved, training_settings(runner.cfg))
        if differing:
            raise UserError(
                f'{runner.work_dir} holds the training of another config ({differing}): '
                'undo the change, or train in another --work-dir'
            )
