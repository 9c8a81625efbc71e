"""A row with all that its records depend on, computed once and handed on."""

import copy
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds, tell_attacks
from mmssl_robust.encoders import use_encoder
from mmssl_robust.encoders.in_config import is_by_spec, weights_of
from mmssl_robust.evaluation.summary import config_hash
from mmssl_robust.utils.checkpoint import local_path
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.config_values import check_sections, check_values
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.json_files import json_digest
from mmssl_robust.utils.probe import is_finetuned
from mmssl_robust.utils.resume import training_settings
from mmssl_robust.version import __version__

from .files_of_data import files_of, listed_files_of
from .options import Options
from .suite import Row

HEAD_FILE = 'head.safetensors'
MODEL_FILE = 'model.safetensors'  # of a fine-tuned encoder and its head
NO_HEAD = 'none, the head needs no training'


class Weights(NamedTuple):
    """A file with weights.

    Attributes:
        source: Path or URL, as it was given.
        sha256: Of the file.
    """

    source: str
    sha256: str


class ResolvedRow:
    """A row of a suite, its config and its weights.

    Args:
        row: The row.
        heads: Folder of the heads that suites train.
        options: How it is run.

    Attributes:
        cfg: The config, with what the row changes; see :meth:`fresh_cfg` for one to build from.
        attacks: Name -> attack.
        thresholds: Name -> value of what says which pixels of the ground truth count.

    Raises:
        UserError: If the config is missing or no config of a task, or an attack cannot be built.
    """

    def __init__(self, row: Row, heads: Path, options: Options) -> None:
        self.row, self.heads, self.options = row, Path(heads), options
        self.cfg = _row_config(row)
        self.thresholds = share_thresholds(self.cfg)
        built = {name: build_attack(config) for name, config in row.attacks.items()}
        self.attacks = tell_attacks(built, self.thresholds)

    def fresh_cfg(self) -> Config:
        """A copy of the config: OpenMMLab's builders take their arguments out of it."""
        return copy.deepcopy(self.cfg)

    @property
    def trains_head(self) -> bool:
        """Whether its head is to be trained where it is missing."""
        return self.row.head is None and bool(self.cfg.get('train_dataloader'))

    @property
    def finetunes(self) -> bool:
        """Whether its encoder is trained along with its head."""
        return is_finetuned(self.cfg)

    @property
    def head_file(self) -> str:
        """Name of the file of what is trained."""
        return MODEL_FILE if self.finetunes else HEAD_FILE

    @property
    def encoder_source(self) -> str:
        """Path, URL or name of the encoder, before it is fine-tuned if it is.

        Raises:
            UserError: If the config names none.
        """
        backbone = self.cfg.model.backbone
        if is_by_spec(backbone):
            return str(backbone.spec)
        source = (backbone.get('init_cfg') or {}).get('checkpoint')
        if not source:
            raise UserError('a row of a suite needs an encoder with weights: set model.backbone.init_cfg.checkpoint')
        return source

    @cached_property
    def encoder(self) -> Weights:
        """The frozen encoder.

        Raises:
            UserError: If its file is not there.
        """
        if is_by_spec(self.cfg.model.backbone):
            return Weights(self.encoder_source, weights_of(self.cfg.model.backbone).sha256)
        return Weights(self.encoder_source, sha256(local_file(self.encoder_source)))

    @cached_property
    def known(self) -> dict[str, Any]:
        """What the records depend on, as far as it is known without any weights."""
        known = dict(
            config=self.row.config,
            config_hash=config_hash(self.cfg),
            head=self._head_words(),
            data_root=data_root_of(self.cfg.test_dataloader.dataset),
            max_images=self.row.max_images,
            sweep_images=self.row.sweep_images,
            batch_size=self.cfg.test_dataloader.batch_size,
            precision=self.options.precision,
            device=self.options.device.partition(':')[0],
            version=__version__,
        )
        if self.cfg.get('bank_dataloader'):  # a key that other rows, whose records may be older, do not have
            known['bank_data_root'] = data_root_of(self.cfg.bank_dataloader.dataset)
        return known | {key: files for key, files in self._files().items() if files}

    def identity(self, head: Path | None) -> dict[str, Any]:
        """All that the records depend on.

        Args:
            head: The head's weights; None if there are none.
        """
        return self.known | dict(encoder_sha256=self.encoder.sha256, head_sha256=sha256(head) if head else None)

    def _files(self) -> dict[str, str | None]:
        """Which images its records depend on, as far as they are there."""
        bank = self.cfg.get('bank_dataloader')
        return dict(
            image_files=files_of(self.cfg.test_dataloader.dataset, self._scope, self.row.max_images),
            bank_files=files_of(bank.dataset, self._scope) if bank else None,
            training_files=self._training_files if self.trains_head else None,
        )

    @cached_property
    def _training_files(self) -> str | None:
        return listed_files_of(self.cfg.train_dataloader.dataset, self._scope)

    @property
    def _scope(self) -> str:
        return self.cfg.get('default_scope', 'mmengine')

    @cached_property
    def head_folder(self) -> Path:
        """Where the head is trained: a folder for each encoder and each way to train."""
        settings = self._training | dict(
            encoder=self.encoder.sha256, data=data_root_of(self.cfg.train_dataloader.dataset)
        )
        if self._training_files:  # keys that the folders of other heads do not have
            settings['files'] = self._training_files
        if self.cfg.get('load_from'):
            settings['start'] = sha256(local_file(self.cfg.load_from))
        return self.heads / f'{self._stem}-{_digest(settings)}'

    def head(self) -> Path | None:
        """Return the head's weights if they are there; nothing is downloaded to find out about trained ones.

        Raises:
            UserError: If a file that the row names is not there.
        """
        if self.row.head:
            return local_file(self.row.head)
        if not self.trains_head or not any(self.heads.glob(f'{self._stem}-*/{self.head_file}')):
            return None
        head = self.head_folder / self.head_file
        return head if head.is_file() else None

    @property
    def _stem(self) -> str:
        return Path(self.row.config).stem

    @property
    def _training(self) -> dict[str, Any]:
        return dict(training=training_settings(self.cfg), epochs=self.cfg.train_cfg.max_epochs)

    def _head_words(self) -> str:
        if self.row.head:
            return self.row.head
        verb = 'fine-tuned' if self.finetunes else 'trained'
        return f'{verb}, settings {_digest(self._training)}' if self.trains_head else NO_HEAD


def local_file(source: str) -> Path:
    """Return the file behind a path or URL of weights.

    Raises:
        UserError: If it is not there.
    """
    path = local_path(source)
    if not path.is_file():
        raise UserError(f'{source} is not there: train it, or give its place in the suite')
    return path


def data_root_of(dataset: Mapping[str, Any]) -> str:
    """Absolute path of a data set's folder; of several, the first one's."""
    inner = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)
    return data_root_of(inner) if inner else str(Path(dataset.get('data_root') or '').resolve())


def _row_config(row: Row) -> Config:
    path = find_config(row.config, row.folder)
    cfg = read_config(path)
    check_sections(cfg, path)
    if row.spec and row.checkpoint:
        raise UserError(f'{row.name} has both a spec and a checkpoint: write the spec as {row.spec}?checkpoint=...')
    if row.spec:
        use_encoder(cfg, row.spec)
    if row.checkpoint:
        init_cfg = dict(type='Pretrained') | (cfg.model.backbone.get('init_cfg') or {})
        cfg.model.backbone.init_cfg = init_cfg | dict(checkpoint=row.checkpoint)
    if row.batch_size:
        cfg.test_dataloader.batch_size = row.batch_size
    check_values(cfg, path)
    return cfg


def _digest(settings: Mapping[str, Any]) -> str:
    return json_digest(settings)[:10]
