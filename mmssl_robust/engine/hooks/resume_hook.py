"""What a checkpoint must say and be, so that a training can go on from it."""

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmssl_robust.registry import HOOKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.resume import differences, training_settings
from mmssl_robust.utils.unwrapped import unwrapped


@HOOKS.register_module()
class ResumeHook(Hook):
    """Keep a training's settings in its checkpoints; refuse to resume another one, or to save what is not finite.

    Besides the config's settings these are the number of images and, of a model with a ``fingerprint()``, that: the
    teacher of adversarial training.

    Examples:
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> from mmssl_robust.utils.resume import differences, training_settings
        >>> cfg = read_config(find_config('mini_cifar10'))
        >>> cfg.default_hooks.resume
        {'type': 'mmssl_robust.ResumeHook'}
        >>> saved = training_settings(cfg)  # which a checkpoint keeps
        >>> cfg.optim_wrapper.optimizer.lr *= 10
        >>> differences(saved, training_settings(cfg))  # for which --resume is refused
        'optim_wrapper.optimizer.lr was 0.002, is 0.02'
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the settings.

        Raises:
            UserError: If a weight is NaN or infinite: the checkpoints before it are the good ones.
        """
        bad = [key for key, value in checkpoint['state_dict'].items() if not torch.isfinite(value).all()]
        if bad:
            last = checkpoint['message_hub']['runtime_info'].get('keep_ckpt_ids', [])[:-1]
            kept = f'the last good one is that of epoch {last[-1]}' if last else 'there is none before it'
            raise UserError(
                f'{len(bad)} weights are not finite at step {runner.iter} (learning rate '
                f'{runner.optim_wrapper.get_lr()["lr"][0]:g}), the first {bad[0]}: no checkpoint is written, {kept}; '
                'train with a lower optim_wrapper.optimizer.lr, or with clip_grad'
            )
        checkpoint['meta']['training'] = _settings(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the settings, if this is to be the same training, and mistrust the paths.

        Raises:
            UserError: If they differ, naming them, or the checkpoint says nothing of its training.
        """
        if not runner._resume:
            return
        meta = checkpoint.get('meta')
        saved = meta.get('training') if isinstance(meta, dict) else None
        if not isinstance(saved, dict):
            raise UserError(
                f'{runner._load_from} does not say how it was trained: to start from its weights, leave --resume out '
                'and set load_from'
            )
        differing = differences(saved, _settings(runner))
        if differing:
            raise UserError(
                f'{runner._load_from} belongs to another training ({differing}): undo the change, or train in another '
                '--work-dir without --resume'
            )
        info = checkpoint.get('message_hub', {}).get('runtime_info', {})
        for key in [key for key in info if key.startswith(('best_ckpt', 'last_ckpt', 'keep_ckpt_ids'))]:
            info[key] = _in_work_dir(info[key], Path(runner.work_dir))
            if info[key] is None:
                del info[key]


def _settings(runner: Runner) -> dict[str, Any]:
    model = unwrapped(runner.model)
    settings = training_settings(runner.cfg)
    settings['images'] = len(runner.train_dataloader.dataset)
    fingerprint = getattr(model, 'fingerprint', None)
    if fingerprint is not None:
        settings['teacher'] = fingerprint()
    return settings


def _in_work_dir(value: Any, work_dir: Path) -> Any:
    """MMEngine removes the files that a checkpoint names: they must be this training's own."""
    if isinstance(value, list):
        return [number for number in value if isinstance(number, int)]
    path = work_dir / Path(str(value)).name
    return str(path) if path.is_file() else None
