"""How fast the package must be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .timing import Times


@dataclass(frozen=True)
class Target:
    """A bound on how many times faster a contender is than a rival, or slower.

    Attributes:
        case: Name of the case.
        contender: ``'ours'``, or another way to run the package.
        rival: What it is compared with.
        faster: At least so many times faster.
        slower: At most so many times as long.
    """

    case: str
    contender: str
    rival: str
    faster: float | None = None
    slower: float | None = None

    def __str__(self) -> str:
        if self.faster is not None:
            return f'{self.faster:g}x {self.rival}'
        return f'{self.slower:g} of {self.rival}'

    def met(self, times: Times) -> bool | None:
        """Return whether the median of the paired ratios keeps the bound; None where the rival did not take part."""
        ratio = times.over(self.contender, self.rival)
        if ratio is None:
            return None
        return ratio.median >= self.faster if self.faster is not None else 1 / ratio.median <= self.slower


TARGETS = (
    Target('pgd', 'ours', 'textbook', faster=1.4),
    Target('pgd', 'ours', 'torchattacks', faster=1.05),
    Target('pgd', 'ours', 'foolbox', faster=1.4),
    Target('pgd', 'ours', 'floor', slower=1.05),
    Target('pgd', 'best', 'textbook', faster=1.4),
    Target('pgd', 'best', 'torchattacks', faster=1.05),
    Target('pgd', 'best', 'foolbox', faster=1.4),
    Target('pgd', 'best', 'floor', slower=1.05),
    Target('pgd', 'fast', 'torchattacks', faster=1.7),
    Target('embed', 'ours', 'textbook', faster=1.45),
    Target('embed', 'ours', 'floor', slower=1.05),
    Target('embed', 'fast', 'textbook', faster=2.3),
    Target('active', 'ours', 'textbook', faster=3.0),
    Target('segpgd', 'ours', 'textbook', faster=1.8),
    Target('segpgd', 'ours', 'floor', slower=1.25),
    Target('segpgd', 'window', 'ours', slower=1.6),
    Target('tail', 'ours', 'textbook', faster=4.5),
    Target('depthpgd', 'ours', 'textbook', faster=1.65),
    Target('depthpgd', 'ours', 'floor', slower=1.1),
    Target('deacl', 'ours', 'textbook', faster=1.35),
    Target('deacl', 'ours', 'floor', slower=1.05),
    Target('pipeline', 'ours', 'pil', faster=2.2),
)

COUNTS = dict(pgd=40.0, embed=41.0, deacl=16.5)
"""Operations that the package may take at most, in forwards of the encoder."""

AGREE = 1e-3
"""Relative difference of two gradients in float32 that is rounding."""

SHARE = 1 / 8  # of the textbook's memory at three windows
FURTHER = 60.0  # MiB for each window more


def verdicts(case: str, contender: str, times: Times, counted: float | None) -> Iterator[tuple[str, bool | None]]:
    """Yield each target of a contender in a case, and whether it is met.

    Args:
        case: Name of the case.
        contender: One of its contenders.
        times: What was measured.
        counted: Its operations in forwards of the encoder.
    """
    for target in TARGETS:
        if (target.case, target.contender) == (case, contender):
            yield str(target), target.met(times)
    if case in COUNTS and contender in ('ours', 'best') and counted is not None:
        yield f'{COUNTS[case]:g} F', counted <= COUNTS[case]


def memory_verdicts(peaks: Mapping[str, Mapping[int, dict[str, Any]]]) -> Iterator[tuple[str, bool, str]]:
    """Yield each target of the memory, whether it is met, and the figure.

    Args:
        peaks: MiB, under contender and number of windows.
    """
    ours, textbook = (
        {windows: peak['mib'] for windows, peak in peaks.get(name, {}).items()} for name in ('ours', 'textbook')
    )
    if 3 in ours and 3 in textbook:
        share = ours[3] / textbook[3]
        yield 'at most 1/8 of textbook at 3 windows', share <= SHARE, f'1/{1 / share:.1f}'
    further = [windows for windows in ours if windows >= 3]
    if len(further) > 1:
        slope = (ours[max(further)] - ours[min(further)]) / (max(further) - min(further))
        yield f'at most {FURTHER:g} MiB a further window', slope <= FURTHER, f'{slope:.0f} MiB'
