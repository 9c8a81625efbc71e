"""Train an encoder or a head."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.utils.cli import build_runner, load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.data_check import check_class_count, check_labels, named_data_errors
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.launch import leave_process_group
from mmssl_robust.utils.resume import resume_from
from mmssl_robust.utils.sole_writer import sole_writer
from mmssl_robust.utils.stopping import going_on_later

from .log_to import add_logs

PRECISIONS = {'bf16': ('bfloat16', dict(enabled=False)), 'fp16': ('float16', 'dynamic')}


def use_amp(cfg: Config, precision: str) -> None:
    """Train in mixed precision; the range of bfloat16 needs no loss scaling."""
    if not torch.cuda.is_available():
        raise UserError('--amp needs a GPU: leave it out')
    dtype, loss_scale = PRECISIONS[precision]
    cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype=dtype, loss_scale=loss_scale)


def use_auto_scale_lr(cfg: Config, config: str) -> None:
    """Scale the learning rate by the images of an optimiser step."""
    base = (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    if not base:
        raise UserError(f'{config} names no auto_scale_lr.base_batch_size: set the learning rate by hand')
    # MMEngine counts the images of one batch, of which accumulation makes a step from several.
    accumulated = cfg.optim_wrapper.get('accumulative_counts', 1)
    cfg.auto_scale_lr = dict(enable=True, base_batch_size=base / accumulated)


def set_on_corrupt(cfg: Config, what: str) -> None:
    """Say it to the loops, of which OpenMMLab's own know no such setting."""
    train = cfg.get('train_cfg', {})
    if not str(train.get('type', '')).startswith('mmssl_robust.'):
        raise UserError('--on-corrupt needs a loop of this package: set train_cfg.type to mmssl_robust.SeededTrainLoop')
    train['on_corrupt'] = what
    val = cfg.get('val_cfg') or {}
    if val.get('type') == 'mmssl_robust.AttackValLoop':
        val['on_corrupt'] = what


def find_resume(cfg: Config, wanted: str) -> list[Path]:
    """Have the training continue, or begin if there is no checkpoint yet; returns damaged ones."""
    checkpoint, damaged = resume_from(Path(cfg.work_dir), wanted)
    cfg.resume = checkpoint is not None
    if checkpoint:
        cfg.load_from = str(checkpoint)
    return damaged


def check_resumed(cfg: Config) -> None:
    """Have what is resumed checked, and mistrusted, whatever hooks a config has: MMEngine's own know no such thing."""
    custom = cfg.get('custom_hooks') or []
    hooks = [*(cfg.get('default_hooks') or {}).values(), *custom]
    if not any(hook and str(hook.get('type')).rpartition('.')[2] == 'ResumeHook' for hook in hooks):
        cfg.custom_hooks = [*custom, dict(type='mmssl_robust.ResumeHook')]


def run(args: argparse.Namespace) -> None:
    """Train."""
    cfg = load_config(args)
    missing = [name for name in ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper') if cfg.get(name) is None]
    if missing:
        raise UserError(f'{args.config} has no training section: {" and ".join(missing)} are not set')
    with (
        config_errors(cfg, args.config, ('model', 'train_dataloader', 'val_dataloader')),
        going_on_later('the same command with --resume goes on'),
    ):
        train(*prepared(cfg, args), args)
    leave_process_group()


def prepared(cfg: Config, args: argparse.Namespace) -> tuple[Runner, list[Path]]:
    """Put what the command line says into the config, and build its Runner; returns damaged checkpoints too."""
    share_thresholds(cfg)
    if args.amp:
        use_amp(cfg, args.amp)
    if args.auto_scale_lr:
        use_auto_scale_lr(cfg, args.config)
    if args.cache_features is not None:
        hook = dict(type='mmssl_robust.FeatureCacheHook', limit=args.cache_features)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    if args.on_corrupt:
        set_on_corrupt(cfg, args.on_corrupt)
    if args.log_to:
        add_logs(cfg, args.log_to)
    check_resumed(cfg)
    damaged = find_resume(cfg, args.resume) if args.resume is not None else []
    return build_runner(cfg, ('train_dataloader', 'val_dataloader')), damaged


def train(runner: Runner, damaged: Sequence[Path], args: argparse.Namespace) -> None:
    """Train as the only one in the folder."""
    with sole_writer(Path(runner.cfg.work_dir)) if is_main_process() else nullcontext():
        train_alone(runner, damaged, args)


def train_alone(runner: Runner, damaged: Sequence[Path], args: argparse.Namespace) -> None:
    """Train, after a look at the data."""
    cfg = runner.cfg
    if args.resume is not None and not cfg.resume:
        print_log(f'no checkpoint in {cfg.work_dir} yet: training from the beginning', 'current', logging.WARNING)
    for path in damaged:
        print_log(f'{path} is damaged and left out: continuing from {cfg.load_from}', 'current', logging.WARNING)
    with named_data_errors(cfg.train_dataloader.dataset.get('data_root') or args.config):
        dataset = runner.train_loop.dataloader.dataset
    check_class_count(runner.model, dataset)
    check_labels(runner.model, dataset)
    runner.train()
