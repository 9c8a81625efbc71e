"""Who attacks which images of a training."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.attacks import PGD
from mmssl_robust.utils.errors import UserError

from .inner_attack import Output, build_inner_attack


@dataclass(frozen=True)
class Adversary:
    """An inner attack, and how many of the images it makes.

    Attributes:
        attack: The attack; None leaves its images as they are.
        share: Of the images, in (0, 1].
        heads: Names of the frozen heads whose predictions are attacked, by the sum of their distances; none for what
            the method attacks, the embedding.
        ramp: Share of the training in which eps and step size grow in proportion from 0; 0 for none.
        steps_ramp: Likewise of the number of steps, from 1.

    Examples:
        >>> from mmssl_robust.attacks import PGD, EmbeddingDistance
        >>> from mmssl_robust.models.algorithms import Adversary
        >>> attack = PGD(EmbeddingDistance(), norm='linf', eps='4/255', step_size='1/255', steps=10)
        >>> adversary = Adversary(attack, share=0.5, ramp=0.2)  # eps grows in the first fifth of the training
        >>> [round(255 * adversary.at(progress).eps, 2) for progress in (0.0, 0.1, 0.5)]
        [0.0, 2.0, 4.0]
    """

    attack: PGD | None
    share: float = 1.0
    heads: tuple[str, ...] = ()
    ramp: float = 0.0
    steps_ramp: float = 0.0

    def at(self, progress: float) -> PGD | None:
        """Return the attack as it is after a share ``progress`` of the training."""
        if self.attack is None or progress >= max(self.ramp, self.steps_ramp):
            return self.attack
        attack = copy.copy(self.attack)
        if progress < self.ramp:
            factor = progress / self.ramp
            attack.threat = attack.threat.scaled(factor)
            attack.eps, attack.step_size = attack.threat.eps, factor * attack.step_size
        if progress < self.steps_ramp:
            attack.steps = 1 + int((attack.steps - 1) * progress / self.steps_ramp)
        return attack


def build_adversaries(
    configs: Sequence[Mapping[str, Any]], heads: Sequence[str], attacked: Output, method: str
) -> list[Adversary]:
    """Build adversaries.

    Args:
        configs: For each the arguments of :class:`Adversary`, with the config of its attack. Without an ``objective``
            an attack on heads raises the sum of their distances.
        heads: Names of the heads that there are.
        attacked: What the method attacks where no head is named.
        method: Its name, for error messages.

    Raises:
        UserError: If a setting is unknown, a head is missing, or the shares do not add up to 1.
    """
    adversaries = [_build(cfg, heads, attacked, method) for cfg in configs] or [Adversary(attack=None)]
    shares = [adversary.share for adversary in adversaries]
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(f'shares of adversaries are {shares}: give positive ones that add up to 1')
    return adversaries


def with_attack(settings: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's settings with its usual attack, if they have none and name no adversaries."""
    if settings.get('attack') is not None or settings.get('adversaries') is not None:
        return dict(settings)
    return {**settings, 'attack': dict(default)}


def _build(cfg: Mapping[str, Any], heads: Sequence[str], attacked: Output, method: str) -> Adversary:
    cfg = dict(cfg)
    unknown = cfg.keys() - Adversary.__dataclass_fields__.keys()
    if unknown:
        known = ', '.join(Adversary.__dataclass_fields__)
        raise UserError(f'an adversary has no {", ".join(sorted(unknown))}: use {known}')
    wanted = cfg.get('heads', ())
    cfg['heads'] = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    missing = sorted(set(cfg['heads']) - set(heads))
    if missing:
        raise UserError(f'an adversary attacks {", ".join(missing)}: name it in model.heads')
    for name in ('ramp', 'steps_ramp'):
        if not 0 <= cfg.get(name, 0) <= 1:
            raise UserError(f'{name}={cfg[name]}: give a share of the training in [0, 1]')
    attack = cfg.get('attack')
    if attack is not None:
        cfg['attack'] = build_inner_attack(attack, 'prediction' if cfg['heads'] else attacked, method)
    return Adversary(**({'attack': None} | cfg))


def deal(adversaries: Sequence[Adversary], keys: Sequence[int], visit: int, seed: int = 0) -> list[Tensor]:
    """Deal images to adversaries, by their keys and the visit alone: the same in any batch and number of processes.

    Args:
        adversaries: To whom.
        keys: A non-negative integer for each image.
        visit: Number of the visit to these images.
        seed: Of the random numbers.

    Returns:
        For each adversary the places of its images.
    """
    if len(adversaries) == 1:
        return [torch.arange(len(keys))]
    draws = [np.random.default_rng((seed, key, visit, 1)).random() for key in keys]
    ends = np.cumsum([adversary.share for adversary in adversaries])[:-1]
    dealt = torch.from_numpy(np.searchsorted(ends, draws, side='right'))
    return [(dealt == place).nonzero()[:, 0] for place in range(len(adversaries))]
