"""The identity of a sample: its place in the data set that is read, whatever the data set is made of.

Samples say ``sample_idx`` of the innermost data set, which is another one's where sets are joined and the same where
one is repeated. Noise, worst case, records and pictures are told apart by the place instead.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from mmengine.structures import BaseDataElement
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset

_SETTINGS = (
    *('num_workers', 'collate_fn', 'pin_memory', 'timeout', 'worker_init_fn', 'multiprocessing_context', 'generator'),
    *('prefetch_factor', 'persistent_workers'),
)


def placed(item: Any, place: int) -> Any:
    """Return an item of a data set whose sample says its place, as ``sample_idx``.

    A data set may give one object for several places: it is copied.
    """
    sample = item.get('data_samples') if isinstance(item, Mapping) else None
    if not isinstance(sample, BaseDataElement):
        return item
    sample = sample.clone()
    sample.set_metainfo(dict(sample_idx=place))
    return {**item, 'data_samples': sample}


class PlacedDataset(Dataset):
    """A data set whose samples say their place.

    Args:
        dataset: Any data set.

    Examples:
        >>> from mmengine.structures import BaseDataElement
        >>> from torch.utils.data import ConcatDataset
        >>> from mmssl_robust.datasets import PlacedDataset
        >>> part = [dict(data_samples=BaseDataElement(metainfo=dict(sample_idx=index))) for index in range(2)]
        >>> dataset = PlacedDataset(ConcatDataset([part, part]))
        >>> [dataset[index]['data_samples'].sample_idx for index in range(4)]  # not 0, 1, 0, 1
        [0, 1, 2, 3]
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the wrapped data set."""
        return metainfo_of(self.dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return placed(self.dataset[index], index)


def metainfo_of(dataset: Any) -> dict[str, Any]:
    """Meta information of a data set; of PyTorch's wrappers, which have none, that of what they wrap first."""
    while not hasattr(dataset, 'metainfo'):
        inner = getattr(dataset, 'dataset', None) or next(iter(getattr(dataset, 'datasets', ())), None)
        if inner is None:
            return {}
        dataset = inner
    return dataset.metainfo


def info_of(dataset: Any, index: int) -> Mapping[str, Any]:
    """What a data set knows of a sample before it reads it, such as its files; empty where nothing is known."""
    if hasattr(dataset, 'get_data_info'):
        return dataset.get_data_info(index) or {}
    origin, place = origin_of(dataset, index)
    return info_of(origin, place) if origin is not dataset else {}


def origin_of(dataset: Any, index: int) -> tuple[Any, int]:
    """Return the data set that a sample comes from where some are joined, repeated or cut, and its index there."""
    if isinstance(dataset, Subset):
        return origin_of(dataset.dataset, dataset.indices[index])
    if isinstance(dataset, ConcatDataset):
        part = bisect_right(dataset.cumulative_sizes, index)
        return origin_of(dataset.datasets[part], index - (dataset.cumulative_sizes[part - 1] if part else 0))
    if isinstance(dataset, PlacedDataset):
        return origin_of(dataset.dataset, index)
    if isinstance(dataset, (RepeatDataset, ClassBalancedDataset)):
        return origin_of(dataset.dataset, dataset._get_ori_dataset_idx(index))
    return dataset, index


def placed_loader(loader: Any) -> Any:
    """Return a finished data loader that gives the same batches, of samples that say their place.

    One over a stream, which has no places, and what is no loader of PyTorch are returned as they are.

    Examples:
        >>> from mmengine.dataset import pseudo_collate
        >>> from mmengine.structures import BaseDataElement
        >>> from torch.utils.data import DataLoader
        >>> from mmssl_robust.datasets import placed_loader
        >>> dataset = [dict(data_samples=BaseDataElement()) for index in range(4)]
        >>> loader = placed_loader(DataLoader(dataset, batch_size=2, collate_fn=pseudo_collate))
        >>> [[sample.sample_idx for sample in batch['data_samples']] for batch in loader]
        [[0, 1], [2, 3]]
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, (IterableDataset, PlacedDataset)):
        return loader
    settings = {name: getattr(loader, name) for name in _SETTINGS}
    if loader.batch_sampler is None:  # one by one
        return DataLoader(PlacedDataset(loader.dataset), batch_size=None, sampler=loader.sampler, **settings)
    return DataLoader(PlacedDataset(loader.dataset), batch_sampler=loader.batch_sampler, **settings)
