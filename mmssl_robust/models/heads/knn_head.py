"""Nearest neighbours as a head: a classifier that needs no training."""

from typing import Any

from torch import Tensor

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer

from .bank_head import BankHead


@MODELS.register_module()
class KNNHead(BankHead):
    """Weighted k-NN on normalised features (Wu et al., 2018), as DINO evaluates (Caron et al., 2021).

    Each of the k nearest neighbours votes for its class with exp(cosine / temperature). The votes are differentiable
    in the feature, so that PGD attacks them as it attacks any classifier. Every class's own nearest image has a
    millionth of a vote besides: where all k neighbours agree, the attack would see no other class and no gradient.

    Args:
        num_classes: Number of classes.
        k: Number of neighbours.
        temperature: Of the votes.
        **kwargs: As in mmpretrain's ``ClsHead``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.heads import KNNHead
        >>> head = KNNHead(num_classes=2, k=3)
        >>> head.fit(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), torch.tensor([0, 0, 1]))
        >>> votes = head((torch.tensor([[1.0, 0.0], [0.0, 5.0]]),))
        >>> votes.argmax(dim=1)
        tensor([0, 1])
    """

    def __init__(self, num_classes: int, k: int = 20, temperature: float = 0.07, **kwargs: Any) -> None:
        super().__init__(num_classes, temperature, **kwargs)
        self.k = check_integer(k, 'k', 1)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the logarithms of the votes (B, K); their softmax is each class's share.

        Raises:
            UserError: If the bank is empty.
        """
        cosines = self.cosines(feats)
        weights = ((cosines - cosines.amax(dim=-1, keepdim=True).detach()) / self.temperature).exp()
        nearest, indices = weights.topk(min(self.k, len(self.labels)), dim=-1)
        none = weights.new_zeros(len(weights), self.num_classes)
        votes = none.scatter_add(1, self.labels[indices], nearest)
        own_nearest = none.scatter_reduce(1, self.labels.expand_as(weights), weights, 'amax')
        return (votes + 1e-6 * own_nearest + 1e-30).log()
