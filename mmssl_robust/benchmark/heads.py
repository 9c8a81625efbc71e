"""The linear heads of a suite: found, or trained when they are missing."""

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process

from mmssl_robust.utils.checkpoint import local_path, read_checkpoint, save_checkpoint, state_dict_of
from mmssl_robust.utils.cli import build_runner
from mmssl_robust.utils.data_check import check_class_count
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.resume import newest_checkpoint, resume_from, training_settings
from mmssl_robust.utils.state_dict import head_of

HEAD_FILE = 'head.safetensors'


def encoder_source(cfg: Config) -> str:
    """Path or URL of the frozen encoder of a config.

    Raises:
        UserError: If it names none.
    """
    source = (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint')
    if not source:
        raise UserError('a row of a suite needs an encoder with weights: set model.backbone.init_cfg.checkpoint')
    return source


def encoder_hash(cfg: Config) -> str:
    """SHA-256 of the file with the encoder.

    Raises:
        UserError: If it is not there.
    """
    return sha256(local_file(encoder_source(cfg)))


def local_file(source: str) -> Path:
    """Return the file behind a path or URL of weights.

    Raises:
        UserError: If it is not there.
    """
    path = local_path(source)
    if not path.is_file():
        raise UserError(f'{source} is not there: train it, or give its place in the suite')
    return path


def head_folder(cfg: Config, stem: str, root: Path) -> Path:
    """Where the head of a config is trained: a folder for each encoder and each way to train.

    Args:
        cfg: The config.
        stem: What the folder's name begins with.
        root: Folder of all heads.
    """
    settings = dict(
        training=training_settings(cfg),
        epochs=cfg.train_cfg.max_epochs,
        encoder=encoder_hash(cfg),
        data=data_root_of(cfg.train_dataloader.dataset),
    )
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
    return root / f'{stem}-{digest[:10]}'


def find_head(cfg: Config, stem: str, root: Path) -> Path | None:
    """Return the head of a config if it is trained already; nothing is downloaded to find out.

    Args:
        cfg: The config.
        stem: As for :func:`head_folder`.
        root: Folder of all heads.
    """
    if not any(root.glob(f'{stem}-*/{HEAD_FILE}')):
        return None
    head = head_folder(cfg, stem, root) / HEAD_FILE
    return head if head.is_file() else None


def data_root_of(dataset: Mapping[str, Any]) -> str:
    """Absolute path of a data set's folder; of several, the first one's."""
    inner = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)
    return data_root_of(inner) if inner else str(Path(dataset.get('data_root') or '').resolve())


def trained_head(cfg: Config, folder: Path) -> Path:
    """Return the head in a folder, after training it there if it is missing; goes on where a kill stopped it.

    Args:
        cfg: Its config; a copy is trained.
        folder: Where it is trained, see :func:`head_folder`.

    Raises:
        UserError: If it cannot be trained.
    """
    head = folder / HEAD_FILE
    found = head.is_file()
    barrier()  # no process may look after another has trained it
    if not found:
        checkpoint = _train(cfg, folder)
        if is_main_process():
            save_checkpoint(head_of(state_dict_of(read_checkpoint(checkpoint))), head)
            for path in folder.glob('epoch_*.pth'):  # each holds the whole encoder, for going on
                path.unlink()
        barrier()
    return head


def _train(cfg: Config, folder: Path) -> Path:
    """Train and return the last checkpoint."""
    cfg = copy.deepcopy(cfg)
    cfg.work_dir, cfg.experiment_name = str(folder), folder.name
    if 'SeededTrainLoop' in cfg.train_cfg.get('type', ''):
        # The paper's batch is that of an optimiser step, whatever the number of processes.
        cfg.train_cfg.setdefault('total_batch_size', cfg.train_dataloader.batch_size)
    # The benchmark evaluates it anyway.
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    newest, _ = resume_from(folder, 'auto')
    cfg.resume, cfg.load_from = newest is not None, str(newest) if newest else None
    runner = build_runner(cfg, ('train_dataloader',))
    check_class_count(runner.model, runner.train_loop.dataloader.dataset)
    runner.train()
    return newest_checkpoint(folder)[0]
