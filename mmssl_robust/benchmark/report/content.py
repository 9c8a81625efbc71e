"""What a report says, before it is laid out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from mmssl_robust.tasks import TASKS
from mmssl_robust.utils.files import check_regular
from mmssl_robust.utils.precision_notes import precision_note

from ..believable import Check, checks_of
from ..joined import read_several
from ..results import curves_of, differences_of, kept_of, members_of, results_of
from ..row_records import RowRecords
from ..suite import Suite
from ..transfers import transfers_of


@dataclass(frozen=True)
class Content:
    """Everything that is read from records.

    Attributes:
        title: What stands above.
        suite: The suite.
        rows: Its rows with their records.
        results: See :func:`~mmssl_robust.benchmark.results.results_of`.
        members: See :func:`~mmssl_robust.benchmark.results.members_of`.
        differences: See :func:`~mmssl_robust.benchmark.results.differences_of`.
        curves: See :func:`~mmssl_robust.benchmark.results.curves_of`.
        kept: See :func:`~mmssl_robust.benchmark.results.kept_of`.
        checks: Signs of a weak evaluation, warnings first.
        costs: What each attack took, for each row.
        transfers: See :func:`~mmssl_robust.benchmark.transfers.transfers_of`.
        written: When the last record was written.
        digest: SHA-256 over all finished records.

    Examples:
        >>> import torch
        >>> from pathlib import Path
        >>> from mmssl_robust import evaluate
        >>> from mmssl_robust.benchmark.report import gather
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2))
        >>> batches = [(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))]
        >>> results = evaluate(network, batches, attacks='pgd', out='work_dirs/content')
        >>> content = gather(Path('work_dirs/content'), resamples=100)
        >>> len(content.rows), content.missing(), len(content.digest)
        (1, [], 64)
    """

    title: str
    suite: Suite
    rows: list[RowRecords]
    results: pd.DataFrame
    members: pd.DataFrame
    differences: pd.DataFrame
    curves: pd.DataFrame
    kept: pd.DataFrame
    checks: list[Check]
    costs: pd.DataFrame
    transfers: pd.DataFrame
    written: str
    digest: str

    @property
    def begun(self) -> list[RowRecords]:
        """Rows of which something is finished."""
        return [records for records in self.rows if records.finished]

    def missing(self) -> list[str]:
        """Lines about rows and attacks that have not yet run to their end."""
        return [
            f'{records.label}: {", ".join(records.missing) if records.finished else "nothing of it"}'
            for records in self.rows
            if records.missing
        ]

    def skipped(self) -> list[str]:
        """Messages of files that could not be read."""
        return [f'{records.label}: {text}' for records in self.begun for text in records.info.get('skipped') or ()]

    def environments(self) -> list[dict[str, Any]]:
        """The machines that it ran on."""
        found = [environment for records in self.begun for environment in records.info.get('environments', ())]
        return [environment for place, environment in enumerate(found) if environment not in found[:place]]

    def precisions(self) -> list[str]:
        """Sentences about rows whose examples were not made in plain fp32."""
        labels: dict[str, list[str]] = {}
        for records in self.begun:
            labels.setdefault(precision_note(records.precision), []).append(records.label)
        everything = len(labels) == 1
        return [
            f'{note[0].upper()}{note[1:]}' + ('.' if everything else f': {"; ".join(names)}.')
            for note, names in labels.items()
            if note
        ]

    def attacks(self) -> list[tuple[str, str]]:
        """Attack and its settings, in words, for all rows."""
        found: dict[tuple[str, str], None] = {}
        for records in self.begun:
            for attack in records.attacks:
                found.setdefault((attack, records.settings(attack).words()))
        return list(found)


def gather(work_dirs: Path | Sequence[Path], resamples: int, title: str | None = None) -> Content:
    """Read a benchmark; arguments as for :func:`mmssl_robust.benchmark.report.write_report`.

    Examples:
        >>> import torch
        >>> from pathlib import Path
        >>> from mmssl_robust import evaluate
        >>> from mmssl_robust.benchmark.report import gather
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2))
        >>> batches = [(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))]
        >>> results = evaluate(network, batches, attacks='pgd', out='work_dirs/gathered')
        >>> content = gather(Path('work_dirs/gathered'), resamples=100)
        >>> sorted(content.results['attack'].unique())
        ['clean', 'pgd', 'worst case']
    """
    suite, rows = read_several([work_dirs] if isinstance(work_dirs, Path) else work_dirs)
    return content_of(suite, rows, resamples, title or suite.title)


def content_of(suite: Suite, rows: list[RowRecords], resamples: int, title: str) -> Content:
    """Compute what a report of a suite's rows, or some of them, says."""
    files = sorted(path for records in rows for path in records.store.folder.glob('*.parquet'))
    moment = max((path.stat().st_mtime for path in files), default=0)
    digest = hashlib.sha256()
    for path in files:
        check_regular(path)
        digest.update(path.read_bytes())
    return Content(
        title=title,
        suite=suite,
        rows=rows,
        results=results_of(rows, resamples),
        members=members_of(rows, resamples),
        differences=differences_of(rows, resamples),
        curves=curves_of(rows, resamples),
        kept=kept_of(rows, resamples),
        checks=checks_of(rows),
        costs=_costs(rows),
        transfers=transfers_of(rows, resamples),
        written=datetime.fromtimestamp(moment, timezone.utc).strftime('%Y-%m-%d') if files else 'never',
        digest=digest.hexdigest(),
    )


def tasks_of(content: Content) -> list[str]:
    """Names of the tasks of which there are results, in the order in which they are known."""
    return [task for task in TASKS if (content.results['task'] == task).any()]


def _costs(rows: list[RowRecords]) -> pd.DataFrame:
    lines = []
    for records in rows:
        for attack in (name for name in records.finished if name not in records.row.sweeps):
            table = records.read(attack)
            images = table.groupby('index')[['forwards', 'backwards', 'seconds']].sum()
            lines.append(dict(row=records.label, attack=attack, images=len(images), **images.mean()))
    return pd.DataFrame(lines, columns=['row', 'attack', 'images', 'forwards', 'backwards', 'seconds'])
