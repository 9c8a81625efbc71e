"""Reading a test set exactly once, whatever its files and the number of processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.dataset import pseudo_collate
from mmengine.dist import get_world_size

from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.data_check import named_data_errors
from mmssl_robust.utils.errors import UserError

from .places import PlacedDataset, placed
from .reading import read_sample


@dataclass
class Unreadable:
    """A sample that could not be read, and whether the evaluation can go on without it.

    Workers hand it over in place of an exception, of which PyTorch would make
    a page of text.
    """

    message: str
    fatal: bool


@DATASETS.register_module()
class TolerantDataset(PlacedDataset):
    """A test set, or part of it, that survives corrupt files and is never padded with repeats.

    Distributed samplers repeat samples until every process has equally many.
    Here the length is a multiple of the number of processes already, and what
    is beyond the last sample is ``None``, which :func:`tolerant_collate` drops.

    Args:
        dataset: The data set, or its config.
        on_corrupt: What a sample that cannot be read does, for whatever reason: ``'fail'`` or ``'skip'``.
        max_images: Take this many, evenly spread over the set, not all.

    Raises:
        UserError: If the data is missing or the set is empty.

    Examples:
        >>> from mmssl_robust.datasets import TolerantDataset
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> photos = dict(type='mmpretrain.CustomDataset', data_root=f'{ASSETS}/samples/cifar10/test')
        >>> photos['pipeline'] = [dict(type='LoadImageFromFile'), dict(type='mmpretrain.PackInputs')]
        >>> dataset = TolerantDataset(photos, on_corrupt='skip', max_images=4)  # of 100
        >>> [dataset[place]['data_samples'].sample_idx for place in range(len(dataset))]
        [0, 25, 50, 75]
    """

    def __init__(self, dataset: Any, on_corrupt: str = 'fail', max_images: int | None = None) -> None:
        if on_corrupt not in ('fail', 'skip'):
            raise UserError(f"on_corrupt is {on_corrupt!r}: use 'fail' or 'skip'")
        if max_images is not None and max_images < 1:
            raise UserError(f'max_images is {max_images}: it must be at least 1')
        config = dataset if isinstance(dataset, Mapping) else dict(type=type(dataset).__name__)
        where = config.get('data_root') or config['type']
        with named_data_errors(where):
            super().__init__(DATASETS.build(dataset) if config is dataset else dataset)
        if len(self.dataset) == 0:
            raise UserError(f'the data set is empty: {where}')
        self.on_corrupt = on_corrupt
        self.indices = spread(len(self.dataset), max_images)

    def __len__(self) -> int:
        processes = get_world_size()
        return -(-len(self.indices) // processes) * processes

    def __getitem__(self, index: int) -> dict[str, Any] | Unreadable | None:
        if index >= len(self.indices):
            return None
        index = self.indices[index]
        try:
            return placed(read_sample(self.dataset, index), index)
        except UserError as error:
            return Unreadable(str(error), fatal=self.on_corrupt == 'fail')


def spread(count: int, wanted: int | None) -> list[int]:
    """Return ``wanted`` of the numbers from 0 to ``count - 1``, evenly spread; all of them if there are no more."""
    wanted = min(wanted or count, count)
    return [index * count // wanted for index in range(wanted)]


def tolerant_collate(items: Sequence[dict[str, Any] | Unreadable | None]) -> dict[str, Any]:
    """Collate what could be read; ``unreadable`` lists the rest. A batch may be empty.

    Examples:
        >>> from mmssl_robust.datasets import tolerant_collate
        >>> tolerant_collate([dict(inputs='image 0'), None])  # None is what fills the last batch up
        {'inputs': ['image 0'], 'unreadable': []}
    """
    good = [item for item in items if isinstance(item, dict)]
    batch = pseudo_collate(good) if good else dict(inputs=[], data_samples=[])
    return batch | dict(unreadable=[item for item in items if isinstance(item, Unreadable)])
