"""What a run of the benchmark has found, as a table and as JSON."""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.evaluation.summary import cpu_name

from .targets import memory_verdicts, verdicts
from .timing import Ratio, Times

PACKAGE = ('ours', 'best', 'fast', 'window')
"""The contenders that are the package."""

# 80 characters, the width of a log, with what stands between them.
_COLUMNS = {'case': 8, 'F': 4, 'ours': 5, 'text- book': 5, 'floor': 5, 'over textbook': 9, 'of floor': 9, 'targets': 25}
_WORDS = dict(ours='', best=' worst', fast=' fast', window=' window')


@dataclass(frozen=True)
class Outcome:
    """What a case has shown.

    Attributes:
        case: Its name.
        images: How many images a run takes.
        times: Seconds of the contenders.
        counted: Operations of the contenders in forwards of the encoder.
        disagreement: Largest relative difference of a gradient from the textbook's.
        notes: What a reader must know besides.
        valid: Whether this is what the targets speak of; otherwise none is met.
    """

    case: str
    images: int
    times: Times
    counted: Mapping[str, float] = field(default_factory=dict)
    disagreement: float | None = None
    notes: str = ''
    valid: bool = True

    def verdicts(self, contender: str) -> list[tuple[str, bool | None]]:
        """Return each target of a contender and whether it is met, None if the rival is not there."""
        found = verdicts(self.case, contender, self.times, self.counted.get(contender))
        return [(target, met and self.valid) for target, met in found]


def machine(device: str) -> dict[str, Any]:
    """Return what the numbers depend on."""
    return dict(
        cpu=cpu_name(),
        device=torch.cuda.get_device_name() if device.startswith('cuda') else 'cpu',
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        load=os.getloadavg()[0],
        torch=torch.__version__,
        python=platform.python_version(),
        system=f'{platform.system()} {platform.machine()}',
    )


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome with every repetition and all ratios."""
    times = outcome.times
    rivals = [name for name in times.seconds if name not in PACKAGE] + ['ours']
    ours = [name for name in PACKAGE if name in times.seconds]
    return dict(
        images=outcome.images,
        repeats=times.repeats,
        seconds=dict(times.seconds),
        forwards=dict(outcome.counted),
        faster={name: {rival: asdict(times.over(name, rival)) for rival in rivals if rival != name} for name in ours},
        targets={name: dict(outcome.verdicts(name)) for name in ours},
        disagreement=outcome.disagreement,
        notes=outcome.notes,
    )


def table_of(outcomes: list[Outcome]) -> Table:
    """Return a line for each way to run the package in each case."""
    table = Table(title='Seconds; paired ratios, their median and 10 to 90 %', box=SIMPLE, padding=0)
    for column, width in _COLUMNS.items():
        table.add_column(column, justify='left' if column in ('case', 'targets') else 'right', width=width)
    for outcome in outcomes:
        for name in PACKAGE:
            if name in outcome.times.seconds:
                table.add_row(*_line(outcome, name))
    return table


def _line(outcome: Outcome, name: str) -> tuple[str, ...]:
    times, counted = outcome.times, outcome.counted.get(name if name != 'fast' else 'ours')
    over, of_floor = times.over(name, _rival(times)), times.over('floor', name)
    return (
        outcome.case + _WORDS[name],
        '' if counted is None else f'{counted:.1f}',
        *(_seconds(times.median(part)) for part in (name, _rival(times), 'floor')),
        _shown(over),
        _shown(of_floor),
        '\n'.join(_verdict(*verdict) for verdict in outcome.verdicts(name)),
    )


def _rival(times: Times) -> str:
    return 'textbook' if 'textbook' in times.seconds else 'pil'


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ''
    return f'{seconds:.3f}' if seconds < 1 else f'{seconds:.3g}'


def _shown(ratio: Ratio | None) -> str:
    if ratio is None:
        return ''
    digits = 2 if ratio.high < 10 else 1
    return f'{ratio.median:.2f}\n{ratio.low:.{digits}f}-{ratio.high:.{digits}f}'


def _verdict(target: str, met: bool | None) -> str:
    if met is None:
        return f'[dim]{target} absent[/dim]'
    return f'[green]{target} met[/green]' if met else f'[bold red]{target} MISSED[/bold red]'


def memory_table(peaks: Mapping[str, Mapping[int, dict[str, Any]]]) -> Table:
    """Return the peaks by number of windows, and the targets below them."""
    windows = sorted({count for peak in peaks.values() for count in peak})
    table = Table('peak, MiB (tensors)', *(f'{count} windows' for count in windows), title='SegPGD, ViT-B/14 at 518')
    for name, peak in peaks.items():
        table.add_row(name, *(_mib(peak[count]) if count in peak else '' for count in windows))
    lines = [f'{_verdict(target, met)} ({figure})' for target, met, figure in memory_verdicts(peaks)]
    table.caption = '\n'.join(lines)
    return table


def _mib(peak: Mapping[str, float]) -> str:
    return f'{peak["mib"]:.0f} ({peak["live"]:.0f})'
