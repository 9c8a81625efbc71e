"""Heads whose knowledge is other images."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmpretrain.models.heads import ClsHead
from mmpretrain.structures import DataSample


class FilledHead(ClsHead):
    """A head without weights that knows images, its bank, which is part of no checkpoint.

    How the bank is filled: :mod:`mmssl_robust.evaluation.bank`.

    Args:
        **kwargs: As in mmpretrain's ``ClsHead``.

    Attributes:
        needs_all: Whether an image of the bank that cannot be read may not be left out.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.heads import FilledHead
        >>> class MeanHead(FilledHead):  # knows what an average image is
        ...     def entries(self, features, samples):
        ...         return features.cpu()
        ...     def fill(self, parts):
        ...         self.mean = torch.cat(parts).mean(dim=0)
        >>> head = MeanHead()
        >>> head.fill([head.entries(torch.full((1, 2), value), samples=[]) for value in (1.0, 3.0)])  # two batches
        >>> head.mean
        tensor([2., 2.])
    """

    needs_all = True

    def __init__(self, **kwargs: Any) -> None:
        # By its full name, which is known in any scope: mmpretrain's default is not.
        super().__init__(**(dict(loss=dict(type='mmpretrain.CrossEntropyLoss')) | kwargs))

    @abstractmethod
    def entries(self, features: Any, samples: Sequence[DataSample]) -> Any:
        """Return what is to be remembered of a batch, in main memory.

        Args:
            features: The encoder's last output for it.
            samples: The images.

        Raises:
            UserError: If a sample lacks what the bank needs.
        """

    @abstractmethod
    def fill(self, parts: Sequence[Any]) -> None:
        """Fill the bank, in place of what it held.

        Args:
            parts: What :meth:`entries` gave for each batch, of all processes.

        Raises:
            UserError: If that is too little.
        """
