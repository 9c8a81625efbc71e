"""Retrieval as a head: the images of a gallery, by how similar they are."""

from mmpretrain.structures import DataSample
from torch import Tensor

from mmssl_robust.registry import MODELS

from .bank_head import BankHead


@MODELS.register_module()
class RetrievalHead(BankHead):
    """Cosine similarity with every image of a gallery, which is the bank.

    As a classifier it says the class of the nearest image, so that whatever attacks a classifier makes an image of
    another class the nearest. Arguments as for :class:`BankHead`.

    Examples:
        >>> import torch
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.models.heads import RetrievalHead
        >>> head = RetrievalHead(num_classes=2)
        >>> head.fit(torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), torch.tensor([0, 1, 1]))  # the gallery
        >>> (found,) = head.predict((torch.tensor([[1.0, 0.0]]),), [DataSample().set_gt_label(1)])
        >>> found.pred_label, found.ranks  # the nearest is of class 0; both of class 1 come after it
        (tensor([0]), tensor([2, 3]))
    """

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return logits (B, K): the similarity of each class's nearest image over the temperature.

        Raises:
            UserError: If the gallery is empty.
        """
        return self._nearest(self.cosines(feats)) / self.temperature

    def predict(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample | None] | None = None
    ) -> list[DataSample]:
        """Rank the gallery.

        Args:
            feats: As for :meth:`forward`.
            data_samples: The query images.

        Returns:
            A sample for each query, with ``similarities`` (K,), the cosine of each class's nearest image, -1 for a
            class without any; with ``ranks`` (R,), the places of the images of the query's class in the ranking,
            ascending, counted from 1, where its class is known; and with what a classifier's have.

        Raises:
            UserError: If the gallery is empty.
        """
        cosines = self.cosines(feats)
        nearest = self._nearest(cosines)
        samples = self._get_predictions(nearest / self.temperature, data_samples)
        for sample, similarities, own in zip(samples, nearest, cosines, strict=True):
            sample.similarities = similarities
            if 'gt_label' in sample:
                ranking = self.labels[own.argsort(descending=True, stable=True)]
                sample.ranks = (ranking == sample.gt_label).nonzero().flatten() + 1
        return samples

    def _nearest(self, cosines: Tensor) -> Tensor:
        """Highest cosine of each class (B, K)."""
        lowest = cosines.new_full((len(cosines), self.num_classes), -1)
        return lowest.scatter_reduce(1, self.labels.expand_as(cosines), cosines, 'amax')
