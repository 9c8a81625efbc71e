"""The ensemble against the embedding, whatever the task."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from mmssl_robust.attacks.keywords import Settings
from mmssl_robust.attacks.objectives import EmbeddingCosine, EmbeddingDirections, EmbeddingDistance, EmbeddingLures
from mmssl_robust.attacks.objectives.base import Forward
from mmssl_robust.attacks.objectives.embedding_lures import LURES
from mmssl_robust.attacks.oracle import reading
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.attacks.result import AttackResult

from .base import Ensemble, named


class EmbedEnsemble(Ensemble):
    """PGD on several measures of the embedding, towards several places; per image the farthest from the clean one.

    One start on one distance shows one hill. ``'l2'`` and ``'cosine'`` leave the clean embedding that the task's head
    reads, ``'directions'`` sets out in a random direction at each restart, ``'lures'`` goes towards other images'
    embeddings, ``'every-l2'`` and ``'every-cosine'`` move CLS and patch tokens of several blocks at once, and
    ``'finish'`` goes on by the distance from each image's worst iterate of these.

    Whatever members maximise, they are judged by one score, minus the L2 distance of what the head reads, which is
    EmbedAttack's own. Records judge each member's images by the task, and by its quality choose the worst.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each restart of each member, eps / 4 long.
        restarts: Of each but ``'lures'``, which has one for each other image.
        seed: Of all.
        eot_samples: See :class:`Attack`.
        active: Likewise.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 50,
        restarts: int = 2,
        seed: int = 0,
        eot_samples: int = 1,
        active: int | None = None,
    ) -> None:
        objectives = {
            'l2': EmbeddingDistance(),
            'cosine': EmbeddingCosine(),
            'directions': EmbeddingDirections(),
            'lures': EmbeddingLures(),
            'every-l2': EmbeddingDistance('every'),
            'every-cosine': EmbeddingCosine('every'),
            'finish': EmbeddingDistance(),
        }
        shared = Settings(seed=seed, eot_samples=eot_samples, active=active)
        members = {
            name: PGD(
                objective,
                norm,
                eps,
                step_size=None,
                steps=steps,
                restarts=dict(lures=len(LURES), finish=1).get(name, restarts),
                **shared,
            )
            for name, objective in objectives.items()
        }
        super().__init__(
            members, finish=['finish'], steps=steps, restarts=restarts, eot_samples=eot_samples, active=active
        )

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return super().passes + 2 * len(self.members)  # each result is judged anew, before the last and after it

    def run(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
    ) -> Iterator[AttackResult]:
        """Yield each member's own result, by the tokens that it reads."""
        own, found = self.objective.tokens, []
        for name, attack in self.members.items():
            start = self.joined(found, forward, inputs, targets, keys, mask).adv if name in self.finish else None
            tokens = attack.objective.tokens
            reference = targets if tokens == own else None  # of other tokens the member asks for its own
            result = attack(reading(forward, tokens), inputs, reference, keys, mask, start)
            found.append(named(result, name))
            yield found[-1]

    def joined(self, results: Sequence[AttackResult], forward: Forward, *data: Any) -> AttackResult:
        """Return the worst for each image, each result judged anew by the one score, at one forward for each."""
        return super().joined([self._judged(result, forward, *data) for result in results], forward, *data)

    def _judged(self, result: AttackResult, forward: Forward, inputs: Tensor, *data: Any) -> AttackResult:
        first = next(iter(self.members.values()))
        look = PGD(self.objective, self.norm, self.eps, steps=0, eot_samples=first.eot_samples, active=first.active)
        seen = look(forward, inputs, *data, start=result.adv)
        return replace(result, loss=seen.loss, score=seen.score, success=seen.success)
