"""Robust predictions of frozen heads, without labels or with them."""

from typing import Any

from torch import Tensor

from mmssl_robust.functional.token_distance import token_distance, token_size
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_number

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining

ATTACK = dict(type='PGD', norm='linf', eps='4/255', step_size='1/255', steps=10)


@MODELS.register_module()
class TaskAware(AdversarialTraining):
    r"""Adversarial images are to mean to each task's head what the clean ones mean to it by the teacher's features.

    .. math::
        \sum_h \frac{1}{c_h} d_h\big(h(s(x_{adv})), h(t(x))\big)
            + w \frac{\lVert s(x_{adv}) - t(x) \rVert^2}{\lVert t(x) \rVert^2}

    d is the Kullback-Leibler divergence for classes, of each pixel for segmentation, the squared log ratio for depth;
    c is the head's ``scale``; heads are frozen, no label enters. The second term is FARE's, relative to its embedding.
    The paper that this package follows proposes it in its outlook.

    With heads that are held to ``labels``, and w = 0, it is supervised adversarial training (Madry et al., ICLR 2018);
    TeCoA (Mao et al., ICLR 2023) through a :class:`~mmssl_robust.models.heads.CosineHead`.

    Args:
        backbone: See :class:`AdversarialTraining`.
        heads: Likewise; at least one.
        embedding_weight: Weight w of the second term.
        **settings: See :class:`AdversarialTraining`. By default the inner attack raises the sum over all heads;
            ``attack`` sets it without an objective.

    Raises:
        UserError: If there is no head.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> from mmssl_robust.utils.config_files import find_config, read_config
        >>> heads = dict(cifar10=dict(config='mini_cifar10', head='mmssl_robust://mini/mini_cifar10.safetensors'))
        >>> backbone = read_config(find_config('mini_cifar10')).model.backbone
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> cfg = dict(type='mmssl_robust.TaskAware', backbone=backbone, heads=heads, data_preprocessor=images)
        >>> model = MODELS.build(cfg)
        >>> model.init_weights()
        >>> sorted(model(torch.rand(1, 3, 16, 16)))
        ['loss_cifar10', 'loss_embedding', 'moved_adv', 'zero_grad']
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        heads: dict[str, dict[str, Any]],
        embedding_weight: float = 0.1,
        attack: dict[str, Any] | None = None,
        adversaries: list[dict[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        if not heads:
            raise UserError('TaskAware has no heads: name some in model.heads')
        if adversaries is None:
            adversaries = [dict(attack=attack or ATTACK, heads=list(heads))]
            attack = None
        super().__init__(backbone, attack=attack, adversaries=adversaries, heads=heads, **settings)
        self.embedding_weight = check_number(embedding_weight, 'embedding_weight', least=0)

    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return each head's loss, and the embedding's."""
        losses = {f'loss_{name}': batch.distance(name, batch.adversarial_features).mean() for name in self.heads}
        if self.embedding_weight:
            moved = token_distance(batch.adversarial, batch.teacher) / token_size(batch.teacher)
            losses |= dict(loss_embedding=self.embedding_weight * moved.mean(), moved_adv=moved.detach().mean())
        return losses
