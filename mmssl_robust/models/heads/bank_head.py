"""What heads share that compare an image with a bank of labelled ones."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor

from mmssl_robust.utils.data_check import no_label
from mmssl_robust.utils.errors import UserError

from .filled_head import FilledHead


class BankHead(FilledHead):
    """A head whose knowledge is the features of labelled images.

    Args:
        num_classes: Number of classes.
        temperature: By which cosines are divided to become logits.
        **kwargs: As in mmpretrain's ``ClsHead``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.heads import BankHead
        >>> class OneShot(BankHead):  # one image of each class
        ...     def forward(self, feats):
        ...         return self.cosines(feats) / self.temperature
        >>> head = OneShot(num_classes=2, temperature=0.1)
        >>> head.fit(torch.eye(2), torch.tensor([0, 1]))
        >>> head((torch.tensor([[3.0, 4.0]]),)).round()  # cosines 0.6 and 0.8
        tensor([[6., 8.]])
    """

    def __init__(self, num_classes: int, temperature: float = 0.07, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.temperature = temperature
        self.register_buffer('features', torch.empty(0), persistent=False)
        self.register_buffer('labels', torch.empty(0, dtype=torch.int64), persistent=False)

    def entries(self, features: Tensor, samples: Sequence[DataSample]) -> tuple[Tensor, Tensor]:
        """Return the features (B, D) and class indices (B,) of a batch.

        Raises:
            UserError: If an image has no label.
        """
        for sample in samples:
            if 'gt_label' not in sample:
                raise UserError(f'the bank needs labels: {no_label(sample)}')
        return features.cpu(), torch.cat([sample.gt_label for sample in samples]).cpu()

    def fill(self, parts: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Fill the bank with what :meth:`entries` gave."""
        features, labels = (torch.cat(tensors).to(self.features.device) for tensors in zip(*parts))
        self.fit(features, labels)

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
