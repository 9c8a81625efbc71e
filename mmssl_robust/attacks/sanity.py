"""Is an attack's result believable? Measurements that expose a gradient which does not lead where it should.

The checks are those of Athalye et al., *Obfuscated Gradients Give a False Sense of Security*, ICML 2018, and Carlini et
al., *On Evaluating Adversarial Robustness*, 2019.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor

from mmssl_robust.attack_settings import ZERO_GRADIENTS
from mmssl_robust.attacks.attack import Attack
from mmssl_robust.attacks.fab import FAB
from mmssl_robust.attacks.objectives import EmbeddingDistance, Margin, SignedDepthError
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.objectives.classification import ClassificationObjective
from mmssl_robust.attacks.objectives.depth import DepthObjective
from mmssl_robust.attacks.objectives.depth_directions import Direction
from mmssl_robust.attacks.oracle import Oracle, QueryCount, forward_of
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.attacks.slopes import slope_errors
from mmssl_robust.attacks.square import Square
from mmssl_robust.attacks.threat_models import THREAT_MODELS
from mmssl_robust.attacks.universal import Universal

SLACK = 0.1  # share of an attack's effect that checks may differ by
LOSS_SLACK = 0.5  # share of its gain in loss that more steps may add, which is without a limit where scores have one
WIDEST_STEPS = 40
LEAST = 0.1  # share of images below which what is left to attack says nothing
SLOPE = 0.25  # error of a gradient that is still none: a share of 1.6 % of its energy turned round


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
    alone: bool = True,
) -> dict[str, Tensor]:
    """Run an attack and its variants on a batch; the first arguments are those of :meth:`Attack.__call__`.

    Images that have nothing to attack are left out. All variants are judged by one score and one loss: for
    classification by accuracy and the margin up to the decision, otherwise by those of the attack's objective. FAB,
    which seeks near images rather than a high loss, Square and what was made beforehand are measured in what applies
    to them.

    Args:
        attack: The attack. One that leaves images alone after their success is measured without that.
        forward: See there.
        inputs: See there.
        targets: See there.
        keys: See there.
        mask: See there.
        queries: Of Square.
        half: The model in lower precision, in which the attack is made again.
        other: The embedding by another encoder: images that are far from the clean ones in it are tried on the model.
        alone: Whether the attack is reported by itself, so that it must find every hill; a member of an ensemble need
            not, which has others for them.

    Returns:
        Values for :func:`checks_of`. Of all images: whether there is nothing to attack (``idle``), the clean score and
        that of chance. Of those (B,) with something to attack: scores, and losses (names that end in ``_loss``), of the
        clean images and under each variant; errors of the gradient; shares of zero gradients, whether the widest ball
        leaves nothing, equality of a second run. Values of batches may be concatenated, name by name.
    """
    keys = list(range(len(inputs))) if keys is None else list(keys)
    look = _Look(attack, forward, inputs, targets, keys)
    whole_batch = look.quality()
    indices = (~look.idle).nonzero()[:, 0]
    if len(indices) < len(inputs):
        forward = forward_of(forward, indices)
        half, other = (None if model is None else forward_of(model, indices) for model in (half, other))
        inputs, keys = inputs[indices], [keys[index] for index in indices.tolist()]
        targets, mask = (None if values is None else values[indices] for values in (targets, mask))
        if not len(indices):
            return whole_batch
        look = _Look(attack, forward, inputs, targets, keys)
    data = (inputs, targets, keys, mask)
    whole = _with(attack, stop_at_success=False)  # what leaves at its success has the loss of that moment
    own = whole(forward, *data)
    noise = PGD(attack.objective, attack.norm, attack.eps, steps=0, seed=attack.seed + 1)
    noisy = noise(forward, *data).adv
    found = whole_batch | look.at('clean', inputs) | look.at('attack', own.adv) | look.at('noise', noisy)
    found['equal'] = (whole(forward, *data).adv == own.adv).flatten(1).all(dim=1).to(inputs.dtype)
    if not isinstance(attack, (Square, Universal)):
        wide = _with_eps(_with(whole, steps=max(attack.steps, WIDEST_STEPS)), _widest(attack, inputs))
        found |= dict(zero_grad=own.zero_grad, wide=look.broken(wide(forward, *data).adv))
        found |= dict(slope_start=look.slope(noisy, 1, mask), slope_end=look.slope(own.adv, max(attack.steps, 1), mask))
    if not isinstance(attack, (Square, FAB, Universal)):
        longer = _with(whole, steps=4 * max(attack.steps, 1))
        square = Square(look.objective, attack.norm, attack.eps, queries=queries, stop_at_success=False)
        found |= look.at('longer', longer(forward, *data).adv) | look.at('square', square(forward, *data).adv)
        if alone and isinstance(attack.objective, DepthObjective):
            found['directed'] = _directed(whole, attack.objective, look, forward, *data)
        if half is not None:
            found |= look.at('half', attack(half, *data).adv)
        if other is not None:
            away = attack.objective if isinstance(attack.objective, EmbeddingDistance) else EmbeddingDistance()
            transfer = _with(whole, objective=away, random_start=True)
            found |= look.at('transfer', transfer(other, inputs, None, keys, mask).adv)
    return found


def checks_of(found: dict[str, Tensor]) -> list[SanityCheck]:
    """Say what measurements mean.

    Args:
        found: What :func:`measure` returned, over any number of images.

    Returns:
        The checks that apply, in the order of the list in ``docs/attacks/sanity.md``.
    """
    first = _of_all(found)
    if not first[0].passed:
        return first
    means = {name: float(values.double().mean()) for name, values in found.items()}
    effect = means['clean'] - means['attack']
    slack = SLACK * max(effect, 0) + 1e-9
    gains = {name[:-5]: value - means['clean_loss'] for name, value in means.items() if name.endswith('_loss')}
    shown = f'score {means["attack"]:.4g} attacked, {means["clean"]:.4g} clean; loss {gains["attack"]:+.4g}'
    checks = first

    def check(name: str, passed: bool, figures: str) -> None:
        checks.append(SanityCheck(name, bool(passed), figures))

    def compare(name: str, variant: str, words: str, both_ways: bool = False, more: float = SLACK) -> None:
        """A variant must lower the score no further, and raise the loss no further, than the attack itself does."""
        ahead = means['attack'] - means[variant]
        close = (abs(ahead) if both_ways else ahead) <= slack
        close &= gains[variant] <= gains['attack'] + more * max(gains['attack'], 0) + 1e-9
        check(name, close, f'{means[variant]:.4g} {words}, loss {gains[variant]:+.4g}; {shown}')

    if 'zero_grad' in means:
        figures = f'{means["zero_grad"]:.1%} of their entries are exactly zero'
        check('gradients are not zero', means['zero_grad'] <= ZERO_GRADIENTS, figures)
        errors = means['slope_start'], means['slope_end']
        figures = f'error {errors[0]:.3f} where the attack begins, {errors[1]:.3f} where it ends'
        check('outputs change as the gradient says', max(errors) <= SLOPE, figures)
    figures = f'{means["noise"]:.4g} under noise, loss {gains["noise"]:+.4g}; {shown}'
    if 'longer' in means:
        nothing_left = bool((found['open'] == 0).all())
        chance = float((found['noise_loss'] - found['clean_loss']).double().abs().mean())
        check('the attack has an effect', nothing_left or gains['attack'] > 2 * chance, figures)
    check('random noise is weaker', means['clean'] - means['noise'] <= 0.5 * effect + 1e-9, figures)
    if 'longer' in means:
        words = 'with four times the steps'
        compare('four times the steps change little', 'longer', words, both_ways=True, more=LOSS_SLACK)
    if 'wide' in means:
        figures = f'nothing is left of {means["wide"]:.1%} of the images'
        check('the widest ball breaks everything', means['wide'] >= 1 - 1e-9, figures)
    if 'directed' in means:
        figures = f'{means["directed"]:.4g} if all pixels are pushed far, or all near; {shown}'
        check('neither all far nor all near is stronger', means['attack'] - means['directed'] <= slack, figures)
    if 'square' in means:
        compare('Square is no stronger', 'square', 'under Square')
    check('a second run is the same', means['equal'] == 1, f'{means["equal"]:.1%} of the images are the same')
    if 'half' in means:
        close = abs(means['half'] - means['attack']) <= slack
        check('bfloat16 is as strong', close, f'{means["half"]:.4g} if made in bfloat16; {shown}')
    if 'transfer' in means:
        compare('a transfer is no stronger', 'transfer', 'under images made for another encoder')
    return checks


def _of_all(found: dict[str, Tensor]) -> list[SanityCheck]:
    """Whether there is something to attack, and whether the clean predictions are worth attacking."""
    nothing = torch.empty(0)
    idle, clean, known = (found.get(name, nothing).double() for name in ('idle', 'all_clean', 'chance'))
    left, images = int((idle == 0).sum()), len(idle)
    figures = f'{left or "no image"} of {images} has a target that counts and is not lost already'
    checks = [SanityCheck('there is something to attack', left > 0 and left >= LEAST * images, figures)]
    comparable = ~known.isnan()
    if comparable.any():
        score, chance = (float(values[comparable].mean()) for values in (clean, known))
        figures = f'score {score:.4g}, by chance {chance:.4g}'
        checks.append(SanityCheck('clean predictions are better than chance', score > chance, figures))
    return checks


class _Look:
    """One measure for all variants of an attack on some images.

    Attributes:
        objective: What it is taken by.
        idle: Where there is nothing to attack (B,).
    """

    def __init__(
        self, attack: Attack, forward: Forward, inputs: Tensor, targets: Tensor | None, keys: Sequence[int]
    ) -> None:
        self.classifies = isinstance(attack.objective, ClassificationObjective)
        self.objective: Objective = Margin() if self.classifies else attack.objective
        count = QueryCount(len(inputs), inputs.device)
        self._oracle = Oracle(forward, self.objective, keys, count, attack.eot_samples)
        self._steps = max(attack.steps, 1)
        with torch.no_grad():
            self._targets = self.objective.aim(self.objective.prepare(self._oracle.forward, inputs, targets), 0)
            own = attack.objective
            self._own = own.aim(own.prepare(self._oracle.forward, inputs, targets), 0)
        self._attack, self._forward, self._keys, self._inputs = attack, forward, keys, inputs
        self._clean = self._oracle.values(inputs, self._targets, self._steps)
        self.idle = self.objective.idle(self._clean.score, self._targets)

    @torch.no_grad()
    def quality(self) -> dict[str, Tensor]:
        """Return what is known of all images, also of those with nothing to attack."""
        score = self._clean.score
        chance = self.objective.chance(self._oracle.forward(self._inputs), self._targets).to(score)
        flat = self.objective.flat(score, self._targets)
        return dict(idle=self.idle.to(score.dtype), all_clean=score, chance=torch.where(flat, torch.nan, chance))

    def slope(self, images: Tensor, step: int, mask: Tensor | None) -> Tensor:
        """Return the error (B,) of the gradient that the attack would see at a step."""
        own = self._attack.objective
        keys, active = self._keys, self._attack.active
        return slope_errors(self._forward, own, images, self._own, step, self._steps, keys, mask, active)

    def at(self, name: str, images: Tensor) -> dict[str, Tensor]:
        """Return the score and the loss (B,) of images under a name; a class that is lost counts as just lost."""
        found = self._oracle.values(images, self._targets, self._steps)
        loss = found.final_loss.clamp(max=0) if self.classifies else found.final_loss
        extra = dict(open=(~found.success).to(loss.dtype)) if name == 'clean' else {}
        return {name: found.score, f'{name}_loss': loss, **extra}

    @torch.no_grad()
    def broken(self, images: Tensor) -> Tensor:
        """Return where nothing is left of the quality (B,), 0 or 1."""
        return self.objective.broken(self._oracle.forward(images), self._targets).to(images.dtype)


def _directed(attack: Attack, objective: DepthObjective, look: _Look, forward: Forward, *data: Any) -> Tensor:
    """The lower score (B,) of pushing all pixels far and all near."""
    limits = dict(min_depth=objective.min_depth, max_depth=objective.max_depth)
    ways = [_with(attack, objective=SignedDepthError(direction, **limits)) for direction in get_args(Direction)]
    return torch.stack([look.at('way', way(forward, *data).adv)['way'] for way in ways]).amin(dim=0)


def _with(attack: Attack, **settings: Any) -> Attack:
    changed = copy.copy(attack)
    vars(changed).update(settings)
    return changed


def _with_eps(attack: Attack, eps: float) -> Attack:
    pace = dict(step_size=eps / 10) if hasattr(attack, 'step_size') else {}
    return _with(attack, threat=THREAT_MODELS[attack.norm](eps), eps=eps, **pace)


def _widest(attack: Attack, inputs: Tensor) -> float:
    """Radius of the ball that holds every image."""
    entries = inputs[0].numel()
    radii: dict[str, float] = dict(linf=1.0, l2=entries**0.5, l1=float(entries))
    return radii[attack.norm]
