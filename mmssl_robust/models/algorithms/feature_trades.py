"""TRADES on embeddings."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from mmssl_robust.functional.token_distance import token_distance, token_size
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_number

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .adversary import with_attack
from .fare import ATTACK


@MODELS.register_module()
class FeatureTRADES(AdversarialTraining):
    r"""TRADES (Zhang et al., ICML 2019) with squared distances of embeddings for its two losses.

    .. math::
        \lVert s(x) - t(x) \rVert^2 + \beta \max_{x_{adv}} \lVert s(x_{adv}) - s(x) \rVert^2

    The gradient flows through both arguments of the second term; the inner attack leads away from the student's own
    clean embedding.

    Args:
        backbone: See :class:`AdversarialTraining`.
        beta: Weight of the second term.
        **settings: See :class:`AdversarialTraining`; the default attack is FARE's.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> cfg = dict(type='mmssl_robust.FeatureTRADES', backbone=backbone, beta=6.0, data_preprocessor=images)
        >>> model = MODELS.build(cfg)
        >>> model.init_weights()
        >>> losses = model(torch.rand(1, 3, 16, 16))
        >>> round(losses['loss_clean'].item(), 4), bool(losses['loss_adversarial'] > 0)  # it begins as its teacher
        (0.0, True)
    """

    def __init__(self, backbone: dict[str, Any], beta: float = 1.0, **settings: Any) -> None:
        super().__init__(backbone, **with_attack(settings, ATTACK))
        self.beta = check_number(beta, 'beta', least=0)

    def aim(self, batch: AdversarialBatch) -> tuple[Callable[[Tensor], Tensor], None]:
        """Attack the embedding, away from the student's own, which costs a forward."""
        return batch.embed, None

    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return both terms, and how far clean embeddings are moved, as a share of the squared length."""
        kept = token_distance(batch.clean, batch.teacher)
        moved = token_distance(batch.adversarial, batch.clean)
        size = token_size(batch.teacher)
        return dict(
            loss_clean=kept.mean(),
            loss_adversarial=self.beta * moved.mean(),
            moved_clean=(kept / size).detach().mean(),
            moved_adv=(moved / size).detach().mean(),
        )
