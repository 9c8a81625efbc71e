"""Running a suite: for each row the head, the records, and what the records depend on."""

import gc
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_world_size, is_main_process

from mmssl_robust.engine.presets import find_config
from mmssl_robust.evaluation.report import config_hash, library_versions
from mmssl_robust.utils.data_check import check_data_folders
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.terminal import console

from .evaluation import Options, RowEvaluation
from .heads import data_root_of, encoder_hash, encoder_source, find_head, head_folder, local_file, trained_head
from .records import CLEAN, RecordStore
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


class SuiteRun:
    """A suite on this machine; every process of a distributed run has one.

    Args:
        suite: The suite.
        work_dir: Folder of its records and its report.
        heads: Folder of the heads that it trains, which suites may share.
        options: How to run it.
        launcher: As for ``tools/train.py``.
    """

    def __init__(self, suite: Suite, work_dir: Path, heads: Path, options: Options, launcher: str = 'none') -> None:
        self.suite, self.work_dir, self.heads = suite, Path(work_dir), Path(heads)
        self.options, self.launcher = options, launcher

    def check(self) -> None:
        """Look for what all rows need, before hours of the first one.

        Raises:
            UserError: If a config, the data or the weights of a row are missing; names all that are.
        """
        problems = {}
        for row in self.suite.rows:
            try:
                cfg = row_config(row)
                check_data_folders(cfg.test_dataloader.dataset)
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

    def run(self) -> None:
        """Make what is missing of all rows."""
        if is_main_process():
            self.suite.write(self.work_dir)
        for row in self.suite.rows:
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
        if all(store.is_finished(name) for name in (CLEAN, *row.attacks)):
            return
        start = time.monotonic()
        evaluation = RowEvaluation(row, cfg, head, store, self.options)
        entry.write(evaluation.facts(), self._environment())
        evaluation.run()
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

    def _identity(self, row: Row, cfg: Config, head: str) -> dict[str, Any]:
        return dict(
            config=row.config,
            config_hash=config_hash(cfg),
            encoder_sha256=encoder_hash(cfg),
            head_sha256=sha256(local_file(head)),
            data_root=data_root_of(cfg.test_dataloader.dataset),
            max_images=row.max_images,
            sweep_images=row.sweep_images,
            batch_size=cfg.test_dataloader.batch_size,
            precision=self.options.precision,
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
