"""From a submission and a copy of its images to a verdict on each of its rows."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.foreign_files import is_below
from mmssl_robust.utils.wording import counted

from ..believable import checks_of
from ..row_records import ROWS, RowRecords, read_rows
from .comparison import Compared
from .findings import MEANINGS, Finding, verdict_of
from .images import Copy
from .manifest import changed_files, files_of_row, read_manifest
from .row_check import Refuted, RowCheck
from .weights import Search

VERDICT_VERSION = 1
"""Of what :meth:`Verdict.as_dict` gives."""
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError)  # what values of another kind lead to
_VALUES = 10**8  # of a file of records


@dataclass(frozen=True)
class Settings:
    """How a submission is verified.

    Attributes:
        images: How many images of each row are attacked again.
        seed: Of the draw of these, which whoever made the records cannot know.
        steps: Of the stronger attack; 0 for none.
        device: Where to compute.
        encoders: Files and specs of encoders that the submission does not hold.
        trusts_code: Whether programs and types that the submission names may be run.

    Examples:
        >>> from mmssl_robust.benchmark.submission import Settings
        >>> settings = Settings(images=32, seed=20240613, steps=100)  # a seed that the other side could not foresee
        >>> settings.device, settings.trusts_code
        ('cpu', False)
    """

    images: int = 8
    seed: int = 0
    steps: int = 20
    device: str = 'cpu'
    encoders: Sequence[str] = ()
    trusts_code: bool = False


@dataclass
class RowVerdict:
    """What was found of a row.

    Attributes:
        name: Of the row.
        findings: All that was looked at.
        pairs: Records beside those that were made again.

    Examples:
        >>> from mmssl_robust.benchmark.submission import RowVerdict
        >>> from mmssl_robust.benchmark.submission.findings import Finding
        >>> row = RowVerdict('dinov2-cifar10', [Finding('numbers', 'fine', 'all follow from the records')])
        >>> row.verdict
        'believable'
        >>> row.findings.append(Finding('attacked again', 'doubt', 'could not be: no copy of the images'))
        >>> row.verdict  # the heaviest finding decides
        'doubtful'
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    pairs: list[Compared] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``'believable'``, ``'doubtful'`` or ``'refuted'``."""
        return verdict_of(self.findings)

    @property
    def meaning(self) -> str:
        """What to conclude from the verdict."""
        return MEANINGS[self.verdict]

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        findings = [finding.as_dict() for finding in self.findings]
        again = [pair.as_dict() for pair in self.pairs]
        return dict(name=self.name, verdict=self.verdict, findings=findings, attacked_again=again)


def verify(
    folder: Path, copy: Copy, settings: Settings, tell: Callable[[RowVerdict], object] = lambda row: None
) -> list[RowVerdict]:
    """Verify a submission.

    Args:
        folder: The submission, see :func:`.archive.unpacked`.
        copy: Of the images.
        settings: How.
        tell: Is told of each row when it is done.

    Returns:
        A verdict for each row.

    Raises:
        UserError: If it is no submission of this schema.

    Examples:
        >>> from pathlib import Path
        >>> from mmssl_robust import evaluate
        >>> from mmssl_robust.benchmark.submission import Copy, Settings, pack, verify
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> photos = ASSETS / 'samples/cifar10/test/cat'
        >>> results = evaluate('mini', photos, attacks='embed', steps=1, max_images=2, out='work_dirs/claimed')
        mini: 2 images, clean and 1 attack, done after ... s
        >>> pack(Path('work_dirs/claimed'), Path('claimed'), say=lambda words: None)
        >>> [row.verdict for row in verify(Path('claimed'), Copy([photos]), Settings(images=1, steps=0))]
        ['believable']
    """
    manifest = read_manifest(folder)
    changed = changed_files(folder, manifest)
    rows = _rows(folder, manifest)
    warnings = _warnings(rows)
    verdicts = []
    for number, claimed in enumerate(manifest['rows']):
        verdict = RowVerdict(claimed['name'])
        if changed:
            words = f'{counted(len(changed), "file")} changed, missing or added after packing, such as {changed[0]}'
            verdict.findings.append(Finding('files', 'refuted', words))
        verdict.findings += warnings.get(claimed['name'], ())
        try:
            _look(verdict, RowCheck(rows[number], claimed, folder, copy), settings, number)
        except Refuted as error:
            verdict.findings.append(Finding('weights', 'refuted', str(error)))
        except (UserError, *_DAMAGED) as error:
            if os.environ.get('MMSSL_TRACEBACK') == '1':
                raise
            verdict.findings.append(Finding('attacked again', 'doubt', f'could not be: {_reason(error)}'))
        verdicts.append(verdict)
        tell(verdict)
    return verdicts


def _look(verdict: RowVerdict, row: RowCheck, settings: Settings, number: int) -> None:
    verdict.findings += row.consistent()
    if verdict.verdict == 'refuted':  # what is wrong already is not attacked
        return
    search = Search(row.folder, settings.encoders, settings.trusts_code)
    verdict.pairs, findings = row.again(settings, search, number)
    verdict.findings += findings


def verdicts_as_dict(verdicts: Sequence[RowVerdict], settings: Settings, submission: str) -> dict[str, Any]:
    """What was found, for JSON.

    Args:
        verdicts: Of the rows.
        settings: How it was verified.
        submission: Name of the submission.

    Examples:
        >>> from mmssl_robust.benchmark.submission import RowVerdict, Settings, verdicts_as_dict
        >>> found = verdicts_as_dict([RowVerdict('dinov2-cifar10')], Settings(images=8), 'submission.zip')
        >>> found['submission'], found['images'], found['rows'][0]['verdict']
        ('submission.zip', 8, 'believable')
    """
    return dict(
        schema_version=VERDICT_VERSION,
        submission=submission,
        seed=settings.seed,
        images=settings.images,
        rows=[verdict.as_dict() for verdict in verdicts],
    )


def _rows(folder: Path, manifest: Mapping[str, Any]) -> list[RowRecords]:
    """The records of the rows, in the order of the manifest.

    Raises:
        UserError: If they are not there, or could be read from elsewhere or not at all.
    """
    suite, rows = read_rows(folder)
    names = [row['name'] for row in manifest['rows']]
    if [records.row.name for records in rows] != names:
        raise UserError('the suite of the submission has other rows than its manifest: ask for it again')
    for records in rows:
        attacks = [CLEAN, *records.row.attacks]
        files = [f'{ROWS}/{records.row.name}/{name}.parquet' for name in attacks]
        for file in (*files, *files_of_row(records.row.name)):
            if not is_below(file) or not (folder / file).is_file():
                raise UserError(f'the submission has no {file}: ask for it again')
        for file in files:
            _check_size(folder / file)
    return rows


def _check_size(path: Path) -> None:
    """Refuse records of which a small file holds more than can be read."""
    try:
        about = pq.read_metadata(path)
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        values = sum(group.column(number).num_values for group in groups for number in range(group.num_columns))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f'cannot read {path.name} of the submission ({first_line(error)}): ask for it again') from error
    if max(values, about.num_rows) > _VALUES:
        raise UserError(f'{path.name} of the submission holds {values} values, more than can be: do not trust it')


def _warnings(rows: list[RowRecords]) -> dict[str, list[Finding]]:
    """What the report would warn of, row by row."""
    found: dict[str, list[Finding]] = {}
    try:
        for check in (check for check in checks_of(rows) if not check.passed):
            words = f'{check.attack}: expected that {check.name}, but {check.figures}'
            found.setdefault(check.row, []).append(Finding('warning', 'doubt', words))
    except (UserError, *_DAMAGED):
        return {}  # each row says by itself what is wrong with it
    return found


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f'{type(error).__name__}, {first_line(error)}'
