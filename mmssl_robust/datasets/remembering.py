"""Reading each file of a data set once."""

import copy
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from mmssl_robust.registry import DATASETS

from .places import metainfo_of
from .reading import read_sample


@DATASETS.register_module()
class RememberingDataset(Dataset):
    """A data set whose samples stay in memory, so that an epoch on cached features decodes nothing.

    For pipelines without randomness alone: an augmentation would be drawn once and for all. Each process, and each
    worker of a data loader, has samples of its own: use ``num_workers=0``.

    Args:
        dataset: Config of the data set.
        limit: Bytes of tensors to keep; beyond it samples are read anew.

    Examples:
        >>> from mmssl_robust.registry import DATASETS
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> photos = dict(type='mmpretrain.CustomDataset', data_root=f'{ASSETS}/samples/cifar10/test')
        >>> photos['pipeline'] = [dict(type='LoadImageFromFile'), dict(type='mmpretrain.PackInputs')]
        >>> dataset = DATASETS.build(dict(type='mmssl_robust.RememberingDataset', dataset=photos))
        >>> for epoch in range(2):
        ...     image = dataset[0]['inputs']
        >>> image.shape, dataset.bytes >= 3 * 32 * 32  # read once, kept
        (torch.Size([3, 32, 32]), True)
    """

    def __init__(self, dataset: dict[str, Any], limit: int = 2 * 2**30) -> None:
        self.dataset = DATASETS.build(dataset)
        self.limit = limit
        self.bytes = 0
        self._kept: dict[int, Any] = {}

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the wrapped data set."""
        return metainfo_of(self.dataset)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """What the wrapped data set knows of a sample; nothing of one that is not to be read again."""
        return {} if index in self._kept else self.dataset.get_data_info(index)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        if index not in self._kept:
            sample = read_sample(self.dataset, index)
            size = _size(sample)
            if self.bytes + size > self.limit:
                return sample
            self._kept[index] = sample
            self.bytes += size
        return copy.deepcopy(self._kept[index])  # a preprocessor may pad annotations in place


def _size(value: Any) -> int:
    """Bytes of the tensors in a sample."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if hasattr(value, 'all_values'):  # of MMEngine
        return sum(map(_size, value.all_values()))
    return 0
