"""Running a suite: for each row the head, the records, and what the records depend on."""

import gc
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dist import barrier, get_world_size, is_main_process

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.encoders.in_config import is_by_spec
from mmssl_robust.evaluation.summary import cpu_name, library_versions
from mmssl_robust.utils.data_check import check_data_folders, check_test_data
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.sole_writer import sole_writer
from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.wording import counted
from mmssl_robust.victims.surrogate import with_weights_named

from .heads import trained_head
from .options import Options
from .records import RecordStore
from .resolved_row import ResolvedRow
from .row_evaluation import RowEvaluation
from .row_records import store_of
from .suite import Row, Suite

_FACTS = ('images', 'classes', 'palette', 'skipped', 'weights')


def is_finished(row: Row, work_dir: Path) -> bool:
    """Whether all of a row is recorded."""
    return all(store_of(row, work_dir).is_finished(name) for name in (CLEAN, *row.attacks))


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
        self._resolved: dict[str, ResolvedRow] = {}

    def resolved(self, row: Row) -> ResolvedRow:
        """A row with all that its records depend on, of which nothing is computed twice.

        Raises:
            UserError: If its config or an attack cannot be used.
        """
        if row.name not in self._resolved:
            self._resolved[row.name] = ResolvedRow(row, self.heads, self.options)
        return self._resolved[row.name]

    def check(self) -> None:
        """Look for what all rows need, before hours of the first one.

        Raises:
            UserError: If a config, the data or the weights of a row are missing, or its records were made with other
                settings; says how many rows have a problem.
        """
        problems: dict[str, str] = {}
        for row in self.chosen:
            try:
                self._check_row(row)
            except UserError as error:
                problems.setdefault(str(error), row.name)
        if problems:
            first, name = next(iter(problems.items()))
            more = f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''
            raise UserError(f'{name}: {first}{more}')

    def _check_row(self, row: Row) -> None:
        resolved = self.resolved(row)
        store_of(row, self.work_dir).check(resolved.known, row.attacks)
        if is_finished(row, self.work_dir):
            return
        check_test_data(resolved.cfg)
        self._check_attacks(resolved)
        if not resolved.head() and resolved.trains_head:
            if self.options.shard.is_part:
                raise UserError('its head is not trained yet: give --only-heads in place of --shard first')
            check_data_folders(resolved.cfg.train_dataloader.dataset)
        _ = resolved.encoder

    def _check_attacks(self, resolved: ResolvedRow) -> None:
        stopping = [name for name, attack in resolved.attacks.items() if attack.stop_at_success]
        if stopping and self.options.precision != 'fp32':
            raise UserError(
                f'{stopping[0]} leaves an image alone after its success, which only fp32 decides: leave out --amp'
            )

    def run(self) -> None:
        """Make what is missing of all rows."""
        self.begin()
        for row in self.chosen:
            self.run_row(row)

    def begin(self) -> None:
        """Write what the suite is."""
        if is_main_process():
            self.suite.write(self.work_dir)

    def train_heads(self) -> None:
        """Train the heads that are missing.

        Raises:
            UserError: If one cannot be trained.
        """
        for row in self.chosen:
            if self.resolved(row).trains_head:
                head = trained_head(self.resolved(row), self.launcher)
                if is_main_process():
                    console.print(f'{row.name}: {head}', soft_wrap=True)

    def run_row(self, row: Row) -> None:
        """Make what is missing of a row; nothing is loaded if nothing is.

        Raises:
            UserError: If its records were made by another config, or other weights or attacks, or another process
                is at it.
        """
        resolved, store = self.resolved(row), store_of(row, self.work_dir)
        head = trained_head(resolved, self.launcher) if resolved.trains_head else resolved.head()
        with sole_writer(store.folder) if is_main_process() else nullcontext():
            self._record(row, _Entry(store, resolved, head))

    def _record(self, row: Row, entry: '_Entry') -> None:
        entry.write()
        if is_finished(row, self.work_dir):
            return
        start = time.monotonic()
        evaluation = RowEvaluation(entry.resolved, entry.head, entry.store)
        entry.write(evaluation.facts(), self._environment())
        evaluation.run(self._rival(row))
        entry.write(dict(skipped=entry.store.skipped()))
        if is_main_process():
            images, seconds = evaluation.own_images, time.monotonic() - start
            console.print(
                f'{row.name}: {counted(images, "image")}, clean and {counted(len(row.attacks), "attack")}, '
                f'done after {seconds:.0f} s',
                soft_wrap=True,
            )
        del evaluation
        gc.collect()  # one encoder at a time
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _rival(self, row: Row) -> tuple[ConfigDict, str | None] | None:
        """Another variant of a row's encoder among the chosen rows, whose weights are there."""
        for other in self.chosen:
            if row.is_of_the_model(other) and row.variant != other.variant:
                try:
                    resolved = self.resolved(other)
                    backbone, source = resolved.fresh_cfg().model.backbone, resolved.encoder.source
                    return backbone, None if is_by_spec(backbone) else source
                except UserError:  # a check less, and an error when that row's turn comes
                    continue
        return None

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
    resolved: ResolvedRow
    head: Path | None

    def write(self, facts: dict[str, Any] | None = None, environment: dict[str, Any] | None = None) -> None:
        """Add what has become known; every process must call it."""
        if is_main_process():
            known, row = self.store.info(), self.resolved.row
            info: dict[str, Any] = {key: known[key] for key in _FACTS if key in known}
            environments = known.get('environments', [])
            if environment and environment not in environments:
                environments = [*environments, environment]
            info |= dict(environments=environments, row=asdict(row)) | self._origin() | (facts or {})
            self.store.open(self.resolved.identity(self.head), info)
            self.store.begin(CLEAN, {})
            for name, attack in with_weights_named(self.resolved.attacks).items():
                self.store.begin(name, row.attacks[name], attack.settings, row.sweeps.get(name))
        barrier()

    def _origin(self) -> dict[str, str | None]:
        head = self.resolved.row.head or (str(self.head) if self.head else None)
        return dict(encoder=self.resolved.encoder.source, head=head)
