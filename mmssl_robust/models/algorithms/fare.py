"""Robust embeddings near the clean ones of the teacher."""

from typing import Any

from torch import Tensor

from mmssl_robust.functional.token_distance import token_distance, token_size
from mmssl_robust.registry import MODELS

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .adversary import with_attack

# The distance's square has its steepest ascent, and its maxima, where it has them itself.
ATTACK = dict(
    type='PGD',
    objective=dict(type='EmbeddingDistance'),
    norm='linf',
    eps='4/255',
    step_size='1/255',
    steps=10,
)


@MODELS.register_module()
class FARE(AdversarialTraining):
    r"""FARE (Schlarmann et al., *Robust CLIP*, ICML 2024).

    .. math::
        \min_s E\big[\max_{x_{adv}} \lVert s(x_{adv}) - t(x) \rVert^2\big]

    The squared distance is a mean over an image's tokens; the inner attack maximises the same. With a backbone that
    returns several blocks, and ``blocks`` that names them, it is the sum over these. Without adversaries it is the
    clean continuation: the same steps without an attack.

    Args:
        backbone: See :class:`AdversarialTraining`.
        **settings: Likewise; the default attack is the paper's.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> model = MODELS.build(dict(type='mmssl_robust.FARE', backbone=backbone, data_preprocessor=images))
        >>> model.init_weights()
        >>> losses = model(torch.rand(1, 3, 16, 16))
        >>> sorted(losses), bool(losses['loss_fare'] > 0)  # the attack has moved the embedding
        (['loss_fare', 'moved_adv', 'zero_grad'], True)
    """

    def __init__(self, backbone: dict[str, Any], **settings: Any) -> None:
        super().__init__(backbone, **with_attack(settings, ATTACK))

    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return the squared distance, and beside it its share of the squared length."""
        distance = token_distance(batch.adversarial, batch.teacher)
        return dict(loss_fare=distance.mean(), moved_adv=(distance / token_size(batch.teacher)).detach().mean())
