"""What verifying finds, and what follows from it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from scipy.stats import beta

Weight = Literal['fine', 'note', 'doubt', 'refuted']
WEIGHTS: tuple[Weight, ...] = ('fine', 'note', 'doubt', 'refuted')
"""From what speaks for the records to what contradicts them."""
VERDICTS = dict(fine='believable', note='believable', doubt='doubtful', refuted='refuted')
MEANINGS = dict(
    believable='nothing that was looked at speaks against these records',
    doubtful='not shown to be wrong, but neither to be believed until the doubts below are resolved',
    refuted='do not use these records: they are not what they say, see below',
)
"""Verdict -> what to conclude."""
LEVEL = 0.95


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes:
        check: What, a few words that are the same for all rows.
        weight: ``'fine'``, ``'note'`` for what a reader should know and nothing speaks against, ``'doubt'``, or
            ``'refuted'``.
        words: What was found, with figures.
    """

    check: str
    weight: Weight
    words: str

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def verdict_of(findings: list[Finding]) -> str:
    """``'believable'``, ``'doubtful'`` or ``'refuted'``: the heaviest finding decides."""
    heaviest = max((WEIGHTS.index(finding.weight) for finding in findings), default=0)
    return VERDICTS[WEIGHTS[heaviest]]


def highest_share(wrong: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of Clopper and Pearson for a share; 1 if nothing was looked at.

    Of 0 wrong ones it is 1 - 0.05 ** (1 / n), for many images about 3 / n. Images are drawn without repeats, for which
    it is a little too wide.
    """
    return 1.0 if wrong >= of else float(beta.ppf(LEVEL, wrong + 1, of - wrong))


def bounds(wrong: int, of: int) -> str:
    """Say how large the share of wrong ones is among all from which ``of`` were drawn; 95 % sure, of each bound."""
    low, high = f'at least {lowest_share(wrong, of):.0%}', f'at most {highest_share(wrong, of):.0%}'
    return f'{low} and {high}' if 0 < wrong < of else low if wrong else high


def lowest_share(wrong: int, of: int) -> float:
    """Lower end of the one-sided 95 % interval, likewise; 0 if none is wrong."""
    return 0.0 if not wrong else float(beta.ppf(1 - LEVEL, wrong, of - wrong + 1))
