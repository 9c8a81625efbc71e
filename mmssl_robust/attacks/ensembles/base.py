"""The worst of several attacks, image by image."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, ClassVar

import torch
from torch import Tensor

from mmssl_robust.attack_settings import CLEAN, AttackSettings, Kind
from mmssl_robust.attacks.arguments import objective_arguments, values_of
from mmssl_robust.attacks.attack import Attack
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.oracle import forward_of
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.utils.errors import UserError


class Ensemble:
    """Attacks of one task and one threat model, whose objectives score alike.

    Args:
        members: Name -> attack, in the order in which they run.
        stop_at_success: Leave an image alone once a member has succeeded with it, or if there is success without an
            attack.
        finish: Names of those that start from each image's worst so far, not from a start of their own: several seek
            a hill each, then one climbs the highest of them to its top.
        **arguments: What a subclass was given, to be kept as attributes.

    Raises:
        UserError: If there is no member, or they attack different balls or outputs, or one that is to finish is unknown
            or would meet images that are left alone.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DLR, PGD, Ensemble, Margin, Square
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> attack = Ensemble(dict(pgd=PGD(DLR(), eps='8/255'), square=Square(Margin(), eps='8/255', queries=50)))
        >>> image = torch.tensor([0.50, 0.46, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> result = attack(net, image, torch.tensor([0]))
        >>> result.success, result.member
        (tensor([True]), ['pgd'])
    """

    kind: ClassVar[Kind] = 'image'
    """See :class:`~mmssl_robust.attack_settings.AttackSettings`."""
    averages: ClassVar[bool] = False
    """Whether its metrics are means over the members, not the worst for each image."""

    def __init__(
        self,
        members: Mapping[str, Attack],
        stop_at_success: bool = False,
        finish: Sequence[str] = (),
        **arguments: Any,
    ) -> None:
        if not members:
            raise UserError('an ensemble needs at least one attack')
        unknown = [name for name in finish if name not in members]
        if unknown:
            raise UserError(f'unknown member {unknown[0]!r} is to finish: use some of {", ".join(members)}')
        if finish and stop_at_success:
            raise UserError(f'{finish[0]!r} cannot finish what is left alone at its success: drop stop_at_success')
        threats = {(attack.norm, attack.eps, attack.objective.reads) for attack in members.values()}
        if len(threats) > 1:
            raise UserError(f'the attacks of an ensemble differ in norm, eps or what they read: {sorted(threats)}')
        vars(self).update(arguments)
        self.members = dict(members)
        self.finish = tuple(finish)
        self.stop_at_success = stop_at_success
        first = next(iter(self.members.values()))
        self.norm, self.eps, self.threat, self.seed = first.norm, first.eps, first.threat, first.seed
        self.eps_text = first.settings.arguments.get('eps', first.eps)

    @property
    def settings(self) -> AttackSettings:
        """What this ensemble and its members are."""
        return AttackSettings(
            attack=type(self).__name__,
            objective=type(self.objective).__name__,
            reads=self.objective.reads,
            norm=self.norm,
            eps=self.eps,
            objective_arguments=objective_arguments(self.objective),
            arguments=values_of(self, dict(eps=self.eps_text)),
            members={name: member.settings for name, member in self.members.items()},
            kind=self.kind,
        )

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return sum(attack.passes for attack in self.members.values())

    @property
    def objective(self) -> Objective:
        """The first member's, which reads what those of the others do."""
        return next(iter(self.members.values())).objective

    def told(self, thresholds: Mapping[str, float]) -> 'Ensemble':
        """Return the ensemble with the thresholds of the data set; see :meth:`Attack.told`."""
        ensemble = copy.copy(self)
        ensemble.members = {name: member.told(thresholds) for name, member in self.members.items()}
        return ensemble

    def __call__(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> AttackResult:
        """Attack a batch of images by all members; arguments and errors are those of :meth:`Attack.__call__`.

        Returns:
            For each image the result of the lowest score, ties going to the earlier one: of a member, or the image as
            it is, since an attacker may leave it alone. ``member`` says which (``'clean'`` for none), ``forwards`` and
            ``backwards`` are sums over all.
        """
        arguments = (forward, inputs, targets, keys, mask)
        return self.joined(list(self.run(*arguments)), *arguments)

    def joined(
        self,
        results: Sequence[AttackResult],
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> AttackResult:
        """Return what :meth:`__call__` does from the members' results, at one forward; arguments as there."""
        worst = reduce(worse, results)
        if self.stop_at_success or self.objective.needs_random_start:
            # The first result begins with the clean images; or these are the reference, from which all is farther.
            return worst
        return worse(worst, self._clean(forward, inputs, targets, keys, mask))

    def run(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> Iterator[AttackResult]:
        """Yield each member's own result; where it left an image alone, that of the one that succeeded, at no cost."""
        keys = list(range(len(inputs))) if keys is None else list(keys)
        if not self.stop_at_success:
            worst = None
            for name, attack in self.members.items():
                start = worst.adv if worst is not None and name in self.finish else None
                result = named(attack(forward, inputs, targets, keys, mask, start), name)
                worst = result if worst is None else worse(worst, result)
                yield result
            return
        before = self._clean(forward, inputs, targets, keys, mask)
        for number, (name, attack) in enumerate(self.members.items()):
            result = before if number == 0 else _idle(before)
            indices = (~before.success).nonzero()[:, 0]
            if len(indices):
                part = attack(
                    forward_of(forward, indices),
                    inputs[indices],
                    None if targets is None else targets[indices],
                    [keys[index] for index in indices.tolist()],
                    None if mask is None else mask[indices],
                )
                spent = _only(result, indices)
                part = replace(
                    part, forwards=part.forwards + spent.forwards, backwards=part.backwards + spent.backwards
                )
                result = _filled(result, indices, named(part, name))
            before = result
            yield result

    def _clean(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None,
        keys: Sequence[int] | None,
        mask: Tensor | None,
    ) -> AttackResult:
        """The result of leaving the images alone, at one forward."""
        active = next(iter(self.members.values())).active
        look = PGD(self.objective, self.norm, self.eps, steps=0, random_start=False, active=active)
        return named(look(forward, inputs, targets, keys, mask), CLEAN)


def worse(first: AttackResult, second: AttackResult) -> AttackResult:
    """Return for each image the result of the lower score, the first one's at a tie; costs add up."""
    indices = (second.score < first.score).nonzero()[:, 0]
    chosen = _filled(first, indices, _only(second, indices))
    return replace(chosen, forwards=first.forwards + second.forwards, backwards=first.backwards + second.backwards)


def named(result: AttackResult, name: str) -> AttackResult:
    """Return the result with the member's name for each image."""
    return replace(result, member=[name] * len(result.adv))


def _idle(result: AttackResult) -> AttackResult:
    nothing = torch.zeros_like(result.forwards)
    return replace(result, forwards=nothing, backwards=nothing.clone())


def _only(result: AttackResult, indices: Tensor) -> AttackResult:
    member = None if result.member is None else [result.member[index] for index in indices.tolist()]
    return AttackResult(member=member, **{name: values[indices] for name, values in _tensors(result).items()})


def _filled(whole: AttackResult, indices: Tensor, part: AttackResult) -> AttackResult:
    """The whole with some images' results replaced."""
    new = _tensors(part)
    tensors = {name: old.index_copy(0, indices, new[name].to(old.dtype)) for name, old in _tensors(whole).items()}
    member = None
    if whole.member is not None and part.member is not None:
        member = list(whole.member)
        for index, name in zip(indices.tolist(), part.member):
            member[index] = name
    return AttackResult(member=member, **tensors)


def _tensors(result: AttackResult) -> dict[str, Tensor]:
    return {name: values for name, values in vars(result).items() if isinstance(values, Tensor)}
