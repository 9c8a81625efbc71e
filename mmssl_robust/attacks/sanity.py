"""Is an attack's result believable? Measurements that expose a gradient which does not lead where it should.

The checks are those of Athalye et al., *Obfuscated Gradients Give a False Sense of Security*, ICML 2018, and Carlini et
al., *On Evaluating Adversarial Robustness*, 2019.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmssl_robust.attacks.attack import Attack
from mmssl_robust.attacks.objectives.base import Forward
from mmssl_robust.attacks.objectives.classification import ClassificationObjective
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.attacks.square import Square
from mmssl_robust.attacks.threat_models import THREAT_MODELS

ZERO_GRADIENTS = 0.1  # share of exactly-zero gradient entries that is still no sign of a broken gradient
SLACK = 0.1  # share of an attack's effect that checks may differ by
WIDEST_STEPS = 40


@dataclass(frozen=True)
class SanityCheck:
    """Something that was looked at.

    Attributes:
        name: What.
        passed: Whether it is as it should be.
        figures: The numbers from which that follows.
    """

    name: str
    passed: bool
    figures: str


def measure(
    attack: Attack,
    forward: Forward,
    inputs: Tensor,
    targets: Tensor | None = None,
    keys: Sequence[int] | None = None,
    mask: Tensor | None = None,
    queries: int = 200,
    half: Forward | None = None,
    other: Forward | None = None,
) -> dict[str, Tensor]:
    """Run an attack and its variants on a batch; the first arguments are those of :meth:`Attack.__call__`.

    Args:
        attack: White-box, with steps. One that leaves images alone after their success is measured without that
            where their scores could still fall.
        forward: See there.
        inputs: See there.
        targets: See there.
        keys: See there.
        mask: See there.
        queries: Of Square.
        half: The model in lower precision, in which the attack is made again.
        other: Another model of the same task, whose adversarial images are tried on this one.

    Returns:
        Values (B,) for :func:`judge`: scores of the clean images and under each variant, shares of zero gradients,
        success in the widest ball, equality of a second run. Values of batches may be concatenated.
    """
    data = (inputs, targets, keys, mask)
    if not isinstance(attack.objective, ClassificationObjective):
        attack = copy.copy(attack)
        attack.stop_at_success = False
    own = attack(forward, *data)
    look = PGD(attack.objective, attack.norm, eps=0, steps=0)
    noise = PGD(attack.objective, attack.norm, attack.eps, steps=0, seed=attack.seed + 1)
    square = Square(attack.objective, attack.norm, attack.eps, queries=queries, stop_at_success=False)
    wide = _with_eps(_with_steps(attack, max(attack.steps, WIDEST_STEPS)), _widest(attack, inputs))
    found = dict(
        clean=look(forward, *data).score,
        attack=own.score,
        zero_grad=own.zero_grad,
        noise=noise(forward, *data).score,
        longer=_with_steps(attack, 4 * max(attack.steps, 1))(forward, *data).score,
        wide=wide(forward, *data).success.to(inputs.dtype),
        square=square(forward, *data).score,
        equal=(attack(forward, *data).adv == own.adv).flatten(1).all(dim=1).to(inputs.dtype),
    )
    for name, model in (('half', half), ('transfer', other)):
        if model is not None:
            made = attack(model, *data).adv
            with torch.no_grad():
                prepared = attack.objective.aim(attack.objective.prepare(forward, inputs, targets), 0)
                found[name] = attack.objective.score(forward(made), prepared)
    return found


def judge(found: dict[str, Tensor]) -> list[SanityCheck]:
    """Say what measurements mean.

    Args:
        found: What :func:`measure` returned, over any number of images.

    Returns:
        The checks, in the order of the list in ``docs/attacks.md``.
    """
    means = {name: float(values.double().mean()) for name, values in found.items()}
    effect = means['clean'] - means['attack']
    slack = SLACK * max(effect, 0) + 1e-9
    shown = f'score {means["attack"]:.4g} attacked, {means["clean"]:.4g} clean'
    checks = [
        SanityCheck(
            'gradients are not zero',
            means['zero_grad'] <= ZERO_GRADIENTS,
            f'{means["zero_grad"]:.1%} of their entries are exactly zero',
        ),
        SanityCheck(
            'random noise is weaker',
            means['clean'] - means['noise'] <= 0.5 * effect + 1e-9,
            f'{means["noise"]:.4g} under noise; {shown}',
        ),
        SanityCheck(
            'four times the steps change little',
            abs(means['longer'] - means['attack']) <= slack,
            f'{means["longer"]:.4g} with four times the steps; {shown}',
        ),
        SanityCheck(
            'the widest ball breaks everything',
            means['wide'] >= 1 - 1e-9,
            f'it succeeds on {means["wide"]:.1%} of the images',
        ),
        SanityCheck(
            'Square is no stronger',
            means['square'] >= means['attack'] - slack,
            f'{means["square"]:.4g} under Square; {shown}',
        ),
        SanityCheck('a second run is the same', means['equal'] == 1, f'{means["equal"]:.1%} of the images are'),
    ]
    if 'half' in means:
        close = abs(means['half'] - means['attack']) <= slack
        checks.append(SanityCheck('bfloat16 is as strong', close, f'{means["half"]:.4g} if made in bfloat16; {shown}'))
    if 'transfer' in means:
        weaker = means['transfer'] >= means['attack'] - slack
        figures = f'{means["transfer"]:.4g} under images made for another model; {shown}'
        checks.append(SanityCheck('a transfer is no stronger', weaker, figures))
    return checks


def _with_steps(attack: Attack, steps: int) -> Attack:
    changed = copy.copy(attack)
    changed.steps = steps
    return changed


def _with_eps(attack: Attack, eps: float) -> Attack:
    changed = copy.copy(attack)
    changed.threat = THREAT_MODELS[attack.norm](eps)
    changed.eps = eps
    if isinstance(attack, PGD):
        changed.step_size = eps / 10
    return changed


def _widest(attack: Attack, inputs: Tensor) -> float:
    """Radius of the ball that holds every image."""
    entries = inputs[0].numel()
    return dict(linf=1.0, l2=entries**0.5, l1=float(entries))[attack.norm]
