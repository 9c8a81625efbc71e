"""Augmentation that is the same in every run of a seed."""

import logging
import random
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset

from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.generators import generators_restored
from mmssl_robust.utils.numbers import check_integer

from .places import metainfo_of, placed
from .reading import read_sample
from .tolerant import Unreadable


def seed_generators(*entropy: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators of the CPU from a few non-negative integers.

    Examples:
        >>> import torch
        >>> from mmssl_robust.datasets import seed_generators
        >>> seed_generators(0, 3)  # such as seed and epoch
        >>> first = torch.rand(4)
        >>> seed_generators(0, 3)
        >>> torch.equal(torch.rand(4), first)
        True
    """
    words = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])
    torch.default_generator.manual_seed(int(words[2]))


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A training set whose augmentation of a sample follows from (seed, epoch, index) alone.

    It does not depend on the worker, the process or what was drawn before, so that a run that was killed goes on as
    if it had not been, and several processes see what one would. MMEngine by itself reseeds its workers alike in
    every epoch. The sample's index here becomes its ``sample_idx``, unique also where data sets are concatenated.

    Args:
        dataset: Config of the data set.
        seed: Non-negative integer.
        images_per_epoch: Shorter (or longer) epochs, each of which goes on in a shuffled data set where the one
            before ended; None for the whole set in each.
        on_corrupt: What a sample that cannot be read does: ``'fail'``, or ``'skip'``, and the next that can takes its
            place, so that batches stay whole.

    Raises:
        UserError: If ``on_corrupt`` is neither.

    Examples:
        >>> from mmssl_robust.registry import DATASETS
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> crop, pack = dict(type='mmpretrain.RandomCrop', crop_size=16), dict(type='mmpretrain.PackInputs')
        >>> photos = dict(type='mmpretrain.CustomDataset', data_root=f'{ASSETS}/samples/cifar10/test')
        >>> photos['pipeline'] = [dict(type='LoadImageFromFile'), crop, pack]
        >>> dataset = DATASETS.build(dict(type='mmssl_robust.SeededDataset', dataset=photos, seed=0))
        >>> first = dataset[5]['inputs']
        >>> bool((dataset[5]['inputs'] == first).all())  # the same crop in the same epoch
        True
        >>> dataset.set_epoch(1)
        >>> bool((dataset[5]['inputs'] == first).all())
        False
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        seed: int = 0,
        images_per_epoch: int | None = None,
        on_corrupt: str = 'fail',
    ) -> None:
        if on_corrupt not in ('fail', 'skip'):
            raise UserError(f"on_corrupt is {on_corrupt!r}: use 'fail' or 'skip'")
        self.on_corrupt = on_corrupt
        self._noted: set[str] = set()
        self.dataset = DATASETS.build(dataset)
        self.seed = seed
        self.images_per_epoch = images_per_epoch
        if images_per_epoch is not None:
            check_integer(images_per_epoch, 'images_per_epoch', 1)
        # Shared memory: workers that live through all epochs must learn of it.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the wrapped data set."""
        return metainfo_of(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        """Tell all workers the epoch; call it before the data loader's iterator is made."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self.images_per_epoch or len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Return the sample, or an :class:`Unreadable` in its place."""
        index = self._index(index)
        problem = ''
        for place in range(index, index + (len(self.dataset) if self.on_corrupt == 'skip' else 1)):
            try:
                return self._augmented(place % len(self.dataset))
            except UserError as error:
                problem = str(error)
                if self.on_corrupt == 'skip':
                    self._note(problem)
        return Unreadable(problem, fatal=True)

    def _augmented(self, index: int) -> Any:
        # Without workers the training process reads the data, and its own random numbers must not notice.
        with generators_restored():
            seed_generators(self.seed, int(self._epoch), index)
            item = read_sample(self.dataset, index, in_full=False)
        return placed(item, index)

    def _note(self, problem: str) -> None:
        if problem not in self._noted:  # it comes again in every epoch
            self._noted.add(problem)
            print_log(f'{problem}; the next sample takes its place', 'current', logging.WARNING)

    def _index(self, index: int) -> int:
        if not self.images_per_epoch:
            return index
        turn, place = divmod(int(self._epoch) * self.images_per_epoch + index, len(self.dataset))
        return int(_permutation(self.seed, turn, len(self.dataset))[place])


@lru_cache(maxsize=2)  # an epoch may reach into the next turn
def _permutation(seed: int, turn: int, length: int) -> np.ndarray:
    return np.random.default_rng((seed, turn)).permutation(length)
