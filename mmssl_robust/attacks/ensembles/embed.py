"""The ensemble against the embedding, whatever the task."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives import EmbeddingCosine, EmbeddingDistance, EmbeddingLure
from mmssl_robust.attacks.objectives.base import Forward
from mmssl_robust.attacks.objectives.embedding_lure import LURES
from mmssl_robust.attacks.oracle import reading
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.attacks.result import AttackResult

from .base import Ensemble, named

OPPOSITE = 'opposite'


class EmbedEnsemble(Ensemble):
    """PGD away from the clean embedding in several measures and ways; per image the farthest, records say the worst.

    One start on one distance shows one hill, and to the way up it a task's head may be blind. ``'l2'`` and ``'cosine'``
    leave the clean embedding that the head reads, ``'every'`` moves CLS and patch tokens of several blocks at once,
    ``'opposite'`` starts at the mirror image of what ``'l2'`` found, and each of the others goes on the way to another
    image's embedding (:class:`EmbeddingLure`).

    Whatever members maximise, they are compared by one score, minus the L2 distance of what the head reads, which is
    EmbedAttack's own. Records judge each member's images by the task, and choose the worst by its quality.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each restart of each member, eps / 4 long.
        restarts: Of each member.
        seed: Of all.
        eot_samples: See :class:`Attack`.
        active: Likewise.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbedEnsemble
        >>> attack = EmbedEnsemble(eps=0.1, steps=10)
        >>> ', '.join(attack.members)
        'l2, cosine, every, opposite, blotches-0, blotches-1, blotches-2, negative, turned'
        >>> image = torch.full((1, 3, 4, 4), 0.5)
        >>> attack(torch.nn.Flatten(), image).score.round(decimals=2)  # the farthest corner: 0.1 sqrt(48)
        tensor([-0.6900])
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 50,
        restarts: int = 1,
        seed: int = 0,
        eot_samples: int = 1,
        active: int | None = None,
    ) -> None:
        objectives = {
            'l2': EmbeddingDistance(),
            'cosine': EmbeddingCosine(),
            'every': EmbeddingDistance('every'),
            OPPOSITE: EmbeddingDistance(),
            **{lure: EmbeddingLure(lure) for lure in LURES},
        }
        shared = StartSettings(restarts=restarts, seed=seed, eot_samples=eot_samples, active=active)
        members = {
            name: PGD(objective, norm, eps, step_size=None, steps=steps, **shared)
            for name, objective in objectives.items()
        }
        super().__init__(members, steps=steps, restarts=restarts, eot_samples=eot_samples, active=active)

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return super().passes + len(self.members)  # each result is judged anew

    def run(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> Iterator[AttackResult]:
        """Yield each member's own result, by the tokens that it reads."""
        first: AttackResult | None = None
        for name, attack in self.members.items():
            tokens = attack.objective.tokens
            known = targets if tokens == self.objective.tokens else None  # of others it asks for its own reference
            start = 2 * inputs - first.adv if first and name == OPPOSITE else None
            result = named(attack(reading(forward, tokens), inputs, known, keys, mask, start), name)
            first = first or result
            yield result

    def joined(
        self,
        results: Sequence[AttackResult],
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> AttackResult:
        """Return the worst for each image, each result judged anew by the one score, at one forward for each."""
        first = next(iter(self.members.values()))
        look = PGD(self.objective, self.norm, self.eps, steps=0, eot_samples=first.eot_samples, active=first.active)
        judged = []
        for result in results:
            seen = look(forward, inputs, targets, keys, mask, start=result.adv)
            judged.append(replace(result, loss=seen.loss, score=seen.score, success=seen.success))
        return super().joined(judged, forward, inputs, targets, keys, mask)
