"""Running a suite: for each row the head, the records, and what the records depend on."""

import gc
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import barrier, get_world_size, is_main_process

from mmssl_robust.building import build_attack
from mmssl_robust.config_files import find_config
from mmssl_robust.evaluation.report import config_hash, library_versions
from mmssl_robust.utils.data_check import check_data_folders
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.resume import training_settings
from mmssl_robust.utils.terminal import console
from mmssl_robust.version import __version__

from .heads import data_root_of, encoder_hash, encoder_source, find_head, head_folder, local_file, trained_head
from .records import CLEAN, RecordStore
from .row_evaluation import Options, RowEvaluation
from .suite import Row, Suite

ROWS = 'rows'


def row_config(row: Row) -> Config:
    """Read the config of a row, with what the row changes.

    Raises:
        UserError: If it is missing, cannot be read, or is no config of a task.
    """
    path = find_config(row.config)
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is a program: anything can go wrong in it
        raise UserError(f'cannot use the config {path}: {first_line(error)}') from error
    if 'test_dataloader' not in cfg or 'model' not in cfg:
        raise UserError(f'{path} has no test section')
    if row.checkpoint:
        init_cfg = dict(type='Pretrained') | (cfg.model.backbone.get('init_cfg') or {})
        cfg.model.backbone.init_cfg = init_cfg | dict(checkpoint=row.checkpoint)
    if row.batch_size:
        cfg.test_dataloader.batch_size = row.batch_size
    return cfg


def store_of(row: Row, work_dir: Path) -> RecordStore:
    """The records of a row."""
    return RecordStore(Path(work_dir) / ROWS / row.name)


def is_finished(row: Row, work_dir: Path) -> bool:
    """Whether all of a row is recorded."""
    return all(store_of(row, work_dir).is_finished(name) for name in (CLEAN, *row.attacks))


def settings_of(row: Row, cfg: Config, options: Options) -> dict[str, Any]:
    """What the records of a row depend on, as far as it is known without its weights."""
    trained = {} if row.head else dict(training=training_settings(cfg), epochs=cfg.train_cfg.max_epochs)
    text = json.dumps(trained, sort_keys=True, default=str)
    return dict(
        config=row.config,
        config_hash=config_hash(cfg),
        head=row.head or f'trained, settings {hashlib.sha256(text.encode()).hexdigest()[:10]}',
        data_root=data_root_of(cfg.test_dataloader.dataset),
        max_images=row.max_images,
        sweep_images=row.sweep_images,
        batch_size=cfg.test_dataloader.batch_size,
        precision=options.precision,
        device=options.device.partition(':')[0],
        version=__version__,
    )


class SuiteRun:
    """A suite on this machine; every process of a distributed run has one.

    Args:
        suite: The suite, of which all rows are in the report.
        work_dir: Folder of its records and its report.
        heads: Folder of the heads that it trains, which suites may share.
        options: How to run it.
        launcher: As for ``tools/train.py``.
        chosen: The rows to run; None for all.
    """

    def __init__(
        self,
        suite: Suite,
        work_dir: Path,
        heads: Path,
        options: Options,
        launcher: str = 'none',
        chosen: Sequence[Row] | None = None,
    ) -> None:
        self.suite, self.work_dir, self.heads = suite, Path(work_dir), Path(heads)
        self.chosen = suite.rows if chosen is None else tuple(chosen)
        self.options, self.launcher = options, launcher

    def check(self) -> None:
        """Look for what all rows need, before hours of the first one.

        Raises:
            UserError: If a config, the data or the weights of a row are missing, or its records were made with other
                settings; says how many rows have a problem.
        """
        problems = {}
        for row in self.chosen:
            try:
                cfg = row_config(row)
                store_of(row, self.work_dir).check(settings_of(row, cfg, self.options), row.attacks)
                if is_finished(row, self.work_dir):
                    continue
                check_data_folders(cfg.test_dataloader.dataset)
                self._check_attacks(row)
                if row.head:
                    local_file(row.head)
                elif not find_head(cfg, Path(row.config).stem, self.heads):
                    check_data_folders(cfg.train_dataloader.dataset)
                encoder_hash(cfg)
            except UserError as error:
                problems.setdefault(str(error), row.name)
        if problems:
            first, name = next(iter(problems.items()))
            more = f' (and {len(problems) - 1} more: see --dry-run)' if len(problems) > 1 else ''
            raise UserError(f'{name}: {first}{more}')

    def _check_attacks(self, row: Row) -> None:
        attacks = {name: build_attack(settings) for name, settings in row.attacks.items()}
        stopping = [name for name, attack in attacks.items() if getattr(attack, 'stop_at_success', False)]
        if stopping and self.options.precision != 'fp32':
            raise UserError(
                f'{stopping[0]} leaves an image alone after its success, which only fp32 decides: leave out --amp'
            )

    def run(self) -> None:
        """Make what is missing of all rows."""
        if is_main_process():
            self.suite.write(self.work_dir)
        for row in self.chosen:
            self.run_row(row)

    def run_row(self, row: Row) -> None:
        """Make what is missing of a row; nothing is loaded if nothing is.

        Raises:
            UserError: If its records were made by another config, or other weights or attacks.
        """
        cfg = row_config(row)
        cfg.launcher = self.launcher
        head = row.head or str(trained_head(cfg, head_folder(cfg, Path(row.config).stem, self.heads)))
        store = store_of(row, self.work_dir)
        # Before anything is built: OpenMMLab's builders take their arguments out of the config.
        entry = _Entry(store, row, self._identity(row, cfg, head), dict(encoder=encoder_source(cfg), head=head))
        entry.write()
        if is_finished(row, self.work_dir):
            return
        start = time.monotonic()
        evaluation = RowEvaluation(row, cfg, head, store, self.options)
        entry.write(evaluation.facts(), self._environment())
        evaluation.run(self._rival(row))
        entry.write(dict(skipped=store.skipped()))
        if is_main_process():
            images, seconds = evaluation.facts()['images'], time.monotonic() - start
            console.print(
                f'{row.name}: {images} images, clean and {len(row.attacks)} attacks, done after {seconds:.0f} s',
                soft_wrap=True,
            )
        del evaluation
        gc.collect()  # one encoder at a time
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _rival(self, row: Row) -> tuple[ConfigDict, str] | None:
        """Another variant of a row's encoder among the chosen rows, whose weights are there."""
        for other in self.chosen:
            same = all(getattr(row, key) == getattr(other, key) for key in ('task', 'data', 'encoder'))
            if same and row.variant != other.variant:
                try:
                    cfg = row_config(other)
                    local_file(encoder_source(cfg))
                except UserError:  # a check less, and an error when that row's turn comes
                    continue
                return cfg.model.backbone, encoder_source(cfg)
        return None

    def _identity(self, row: Row, cfg: Config, head: str) -> dict[str, Any]:
        return settings_of(row, cfg, self.options) | dict(
            encoder_sha256=encoder_hash(cfg), head_sha256=sha256(local_file(head))
        )

    def _environment(self) -> dict[str, Any]:
        return dict(
            device=torch.cuda.get_device_name() if self.options.device.startswith('cuda') else cpu_name(),
            cores=os.cpu_count(),
            threads=torch.get_num_threads(),
            processes=get_world_size(),
            libraries=library_versions(),
        )


@dataclass(frozen=True)
class _Entry:
    """What ``row.json`` says."""

    store: RecordStore
    row: Row
    identity: dict[str, Any]
    origin: dict[str, Any]

    def write(self, facts: dict[str, Any] | None = None, environment: dict[str, Any] | None = None) -> None:
        """Add what has become known; every process must call it."""
        if is_main_process():
            known = self.store.info()
            info = {key: known[key] for key in ('images', 'classes', 'palette', 'skipped') if key in known}
            environments = known.get('environments', [])
            if environment and environment not in environments:
                environments = [*environments, environment]
            info |= dict(environments=environments, row=asdict(self.row)) | self.origin | (facts or {})
            self.store.open(self.identity, info)
            for name, settings in ({CLEAN: {}} | self.row.attacks).items():
                self.store.begin(name, settings)
        barrier()


def cpu_name() -> str:
    """What this machine calls its processor."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else 'CPU'
