"""What an attack is, in numbers and words: said by the attack itself, kept beside its records; neither knows the other.

Nothing here imports PyTorch, so that a report can be written where it is not installed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number
from mmssl_robust.utils.signatures import check_kinds

CLEAN = 'clean'
"""Name of no attack: the images as they are, which an attacker may leave alone."""
OUTSIDE = 'outside'
"""What the predictions outside a patch are called in records that hold the clean ones there, too."""
WORST = 'worst'
"""Name of the worst case over all attacks of one budget; ``worst-BUDGET`` where there are several."""
SLACK = dict(linf=1e-6, l2=1e-5, l1=1e-5, l0=1e-6)
"""By how much rounding may exceed a ball's radius in each norm; relative to a radius above 1."""
ZERO_GRADIENTS = 0.1
"""Share of exactly-zero gradient entries that is still no sign of a broken gradient."""

Reads = Literal['prediction', 'embedding']
Kind = Literal['image', 'joint', 'universal', 'transfer', 'patch', 'minimal', 'corruption']
_IN_A_BALL = ('image', 'joint', 'universal', 'transfer')

# Arguments that a reader wants to see, and the word before each.
_WORDS = {
    'target': 'target ',
    'norm': '',
    'eps': 'eps ',
    'steps': 'steps ',
    'queries': 'queries ',
    'step_size': 'step size ',
    'restarts': 'restarts ',
    'keep': 'keep ',
    'stop_at_success': 'stop at success ',
    'seed': 'seed ',
    'eot_samples': 'samples ',
    'tokens': 'tokens ',
    'directions': 'directions ',
    'balance': 'balance ',
    'heads': 'heads ',
}
# Said only where it is not so.
_USUAL = dict(
    **dict(stop_at_success=False, eot_samples=1, tokens='task', directions=False, balance='relative', heads=None),
    **dict(rotation=0, scale=0, block=None, fit='tile'),
)
# What optimisers and objectives are tuned by; other arguments are those of attacks of one's own.
_TUNING = (
    *('active', 'area', 'backward', 'bias', 'ignore_index', 'max_depth', 'members', 'min_depth', 'momentum', 'names'),
    *('overshoot', 'random_start', 'rho', 'sha256', 'smallest', 'stages', 'targets'),
)


@dataclass(frozen=True)
class AttackSettings:
    """What a built attack says of itself.

    Attributes:
        attack: Name of its class.
        objective: Name of its objective's class; of an ensemble, that of the first member.
        reads: What it differentiates: the prediction, or the embedding, which belongs to no task.
        norm: ``'linf'``, ``'l2'``, ``'l1'``, or ``'l0'`` of a patch.
        eps: Radius of the ball, for pixels in [0, 1]; in ``'l0'`` the share of the pixels that may change.
        steps: How many steps each restart takes, or queries; None for an ensemble.
        step_size: Length of a step in the norm; None where the attack chooses it.
        restarts: How many starts there are at most; None for an ensemble.
        objective_arguments: What the objective was given, such as a ``target`` or the label that does not count.
        arguments: Every argument, those that were left out too; ``eps`` and ``step_size`` as they were written.
        members: Of an ensemble, name -> what each member is.
        kind: Of what kind the threat is: ``'image'``, a perturbation of one image for the model at hand, or another.
    """

    attack: str
    objective: str
    reads: Reads
    norm: str
    eps: float
    steps: int | None = None
    step_size: float | None = None
    restarts: int | None = None
    objective_arguments: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    members: dict[str, 'AttackSettings'] = field(default_factory=dict)
    kind: Kind = 'image'

    @property
    def in_a_ball(self) -> bool:
        """Whether an attacker in the ball of :attr:`budget` may choose it, so that worst cases are over it, too."""
        return self.kind in _IN_A_BALL

    @property
    def budget(self) -> tuple[str, float]:
        """The ball: norm and eps. Attacks are comparable, and an attacker may choose among them, within one."""
        return self.norm, self.eps

    @property
    def averages(self) -> bool:
        """Whether its metrics are means over members, of which nobody chooses the worst for an image."""
        return self.kind == 'corruption'

    def budget_words(self) -> str:
        """How strong it is, such as ``'linf, 8/255'`` or ``'severity 3'``."""
        if 'severity' in self.arguments:
            return f'severity {self.arguments["severity"]}'
        return f'{self.norm}, {written(self.eps, self.norm)}'

    def number(self, name: str) -> float:
        """Return an argument as a number, such as what a sweep changes; a step size that was left out as it is taken.

        Raises:
            UserError: If it is no number.
        """
        resolved = dict(eps=self.eps, step_size=self.step_size).get(name)
        value = self.arguments[name] if resolved is None else resolved
        if isinstance(value, bool):
            raise UserError(f'{name}={value} is no number')
        return parse_number(value, name)

    def words(self) -> str:
        """One line for a person, such as ``linf, eps 8/255, steps 20, step size 2/255, restarts 1, keep best``."""
        known = self.arguments | {name: value for name, value in self.objective_arguments.items() if name == 'target'}
        shown = {name: value for name, value in known.items() if _USUAL.get(name, ...) != value and name not in _TUNING}
        words = _WORDS | {name: f'{name} ' for name in shown if name not in _WORDS}
        return ', '.join(f'{word}{_said(shown[name])}' for name, word in words.items() if name in shown)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :meth:`from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'AttackSettings':
        """Read what :meth:`as_dict` gave.

        Raises:
            TypeError: If an entry is missing or unknown.
            UserError: If one is of another type, or there is no such ball.
        """
        check_kinds(cls, values)
        members = {name: cls.from_dict(member) for name, member in values.get('members', {}).items()}
        settings = cls(**{**values, 'members': members})
        if settings.norm not in SLACK or not 0 <= settings.eps < inf:
            raise UserError(f'there is no ball of norm {settings.norm!r} and eps {settings.eps}')
        return settings


@dataclass(frozen=True)
class Sweep:
    """An attack's place in a sweep: it is another one but for one number.

    Attributes:
        base: Name of the other one.
        axis: Name of the argument that differs.
        value: What it is here.
    """

    base: str
    axis: str
    value: float


def _said(value: Any) -> Any:
    """A value for a person; of what has a section for each name, the names."""
    return ' '.join(value) if isinstance(value, Mapping) else value


def is_worst_case(name: str) -> bool:
    """Whether this is, or begins as, the name of a worst case, and so of no attack."""
    return name == WORST or name.startswith((f'{WORST}-', f'{WORST} '))


def written(value: float | str, norm: str) -> str:
    """A length as a person writes it: strings as they are, numbers in linf as so many of 255."""
    if isinstance(value, str):
        return value
    return f'{255 * value:.4g}/255' if norm == 'linf' else f'{value:.4g}'


def ball(norm: str, eps: float) -> str:
    """What to call a budget, such as ``'linf-8/255'`` or ``'l2-0.5'``."""
    return f'{norm}-{written(eps, norm)}'
