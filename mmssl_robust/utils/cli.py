"""What commands and tools that build a Runner share: config, launcher, runner."""

import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .cfg_options import merge_options
from .checkpoint import register_safe_loaders
from .config_files import find_config, read_config
from .config_values import check_values
from .data_check import check_data_folders
from .errors import UserError
from .files import check_folder
from .known_keys import unknown_keys
from .launch import check_launcher, join_by_gloo
from .strict_runner import strict
from .terminal import warn


def load_config(args: argparse.Namespace) -> Config:
    """Read the config file and apply the common arguments.

    Raises:
        UserError: If the file is missing or cannot be understood.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(find_config(args.config))
    known = cfg.to_dict()
    merge_options(cfg, args.cfg_options, args.config)
    for note in unknown_keys(args.cfg_options, known, cfg.to_dict()):
        warn(f'--cfg-options {note}')
    check_values(cfg, args.config)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or os.path.join('work_dirs', Path(args.config).stem)
    if args.work_dir:
        check_folder(cfg.work_dir, '--work-dir')
    return cfg


def build_runner(cfg: Config, dataloaders: tuple[str, ...]) -> Runner:
    """Build the Runner with safe checkpoint loading, also for several processes on a host without a GPU.

    Args:
        cfg: The config.
        dataloaders: Those of its data loaders that will be used; their folders are looked for first.

    Raises:
        UserError: If a data folder is missing or empty, or an encoder does not fit its weights.
    """
    for name in dataloaders:
        if cfg.get(name):
            check_data_folders(cfg[name].dataset)
    register_safe_loaders()
    check_launcher(cfg.launcher)
    if cfg.launcher != 'none' and not torch.cuda.is_available():
        _use_gloo(cfg)
    name = cfg.get('runner_type', 'Runner')
    kind = name if isinstance(name, type) else RUNNERS.get(name)
    if kind is None:
        raise UserError(f'unknown runner_type {name!r}: import the file that registers it by custom_imports')
    if isinstance(name, type):
        cfg.runner_type = name.__name__  # the Runner writes its config down, which upstream's cannot with a class in it
    return strict(kind).from_cfg(cfg)


def _use_gloo(cfg: Config) -> None:
    # MMEngine would call torch.cuda.set_device, and give DDP a device index.
    if not torch.distributed.is_initialized():
        join_by_gloo(cfg.launcher, ((cfg.get('env_cfg') or {}).get('dist_cfg') or {}).get('timeout'))
    wrapper = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = wrapper | (cfg.get('model_wrapper_cfg') or {}) | dict(device_ids=None)
