"""FARE under a constraint on the clean embeddings."""

from typing import Any

from torch import Tensor

from mmssl_robust.functional.token_distance import token_size
from mmssl_robust.models.losses import DualNetwork, LORELoss
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .adversary import with_attack
from .fare import ATTACK


@MODELS.register_module()
class LORE(AdversarialTraining):
    """LORE (arXiv 2505.18884), see :class:`~mmssl_robust.models.losses.LORELoss`.

    In every ``primal_steps``-th step the dual network, which gives each image its multiplier, moves too, upwards. In
    the others it has no gradient: several processes need ``find_unused_parameters=True`` in the config.

    Args:
        backbone: See :class:`AdversarialTraining`.
        rho: Share of the squared length by which a clean embedding may move.
        primal_steps: Steps of the student for each of the dual network.
        embed_dims: Width of the embedding; None for what the backbone says of its tokens.
        hidden_dims: Width of the dual network.
        **settings: See :class:`AdversarialTraining`; the default attack is FARE's.

    Raises:
        UserError: If ``rho`` is negative, or there is not a step.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> model = MODELS.build(dict(type='mmssl_robust.LORE', backbone=backbone, rho=0.1, data_preprocessor=images))
        >>> model.init_weights()
        >>> losses = model(torch.rand(1, 3, 16, 16))
        >>> round(losses['violation'].item(), 4), 'loss_dual' in losses  # has moved 0 of 0.1; in every fifth step
        (-0.1, False)
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        rho: float = 0.1,
        primal_steps: int = 5,
        embed_dims: int | None = None,
        hidden_dims: int = 64,
        **settings: Any,
    ) -> None:
        super().__init__(backbone, **with_attack(settings, ATTACK))
        check_number(rho, 'rho', least=0)
        for name, value in dict(primal_steps=primal_steps, hidden_dims=hidden_dims).items():
            check_integer(value, name, 1)
        width = embed_dims or self.embed.width
        if not width:
            raise UserError(f'{type(self.backbone).__name__} does not say how wide it is: set model.embed_dims')
        self.criterion = LORELoss(rho)
        self.primal_steps = primal_steps
        self.dual = DualNetwork(width, hidden_dims)

    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return what the student lowers and, when its turn has come, what the dual network lowers."""
        objective, violation = self.criterion(batch.clean, batch.adversarial, batch.teacher)
        multiplier = self.dual(batch.teacher)
        size = token_size(batch.teacher)
        losses = dict(
            loss_primal=self.criterion.primal(objective, violation, multiplier),
            multiplier=multiplier.detach().mean(),
            violation=(violation / size).detach().mean(),
            moved_adv=(objective / size).detach().mean(),
        )
        if (self.step + 1) % self.primal_steps == 0:
            losses['loss_dual'] = self.criterion.dual(violation, multiplier)
        return losses
