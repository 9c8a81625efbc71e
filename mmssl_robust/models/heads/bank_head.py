"""What heads share that compare an image with a bank of others."""

from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.heads import ClsHead
from torch import Tensor

from mmssl_robust.utils.errors import UserError


class BankHead(ClsHead):
    """A head without weights, whose knowledge is the features of labelled images.

    The bank of these is not part of a checkpoint: :meth:`fit` fills it, see :mod:`mmssl_robust.evaluation.bank`.

    Args:
        num_classes: Number of classes.
        temperature: By which cosines are divided to become logits.
        **kwargs: As in mmpretrain's ``ClsHead``.
    """

    def __init__(self, num_classes: int, temperature: float = 0.07, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.temperature = temperature
        self.register_buffer('features', torch.empty(0), persistent=False)
        self.register_buffer('labels', torch.empty(0, dtype=torch.int64), persistent=False)

    def fit(self, features: Tensor, labels: Tensor) -> None:
        """Fill the bank.

        Args:
            features: (M, D).
            labels: (M,), class indices.
        """
        # By class: of equally near images that of the lowest class comes first, in whatever order they came.
        order = labels.argsort(stable=True)
        self.features = F.normalize(features[order], dim=-1)
        self.labels = labels[order]

    def cosines(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the cosines (B, M) with the images of the bank.

        Raises:
            UserError: If it is empty.
        """
        if not len(self.labels):
            raise UserError(
                f'the bank of the {type(self).__name__} is empty: evaluate it by tools/test.py, tools/benchmark.py or '
                'as a probe, which fill it'
            )
        return F.normalize(self.pre_logits(feats).float(), dim=-1) @ self.features.T
