"""Data loaders with and without workers."""

import tempfile

import pytest

from mmssl_robust.utils.data_loaders import build_dataloader
from mmssl_robust.utils.errors import UserError

SETTINGS = dict(batch_size=2, dataset=[0, 1, 2, 3], sampler=dict(type='DefaultSampler', shuffle=False))


def test_without_workers_nothing_of_theirs_is_needed():
    loader = build_dataloader(dict(num_workers=0, persistent_workers=True, prefetch_factor=4, **SETTINGS))
    assert loader.num_workers == 0 and not loader.persistent_workers and len(loader) == 2


def test_a_folder_in_which_workers_could_hand_nothing_over(monkeypatch):
    """The address of a socket has at most 107 letters: their threads would die, and all would wait."""
    monkeypatch.setattr(tempfile, 'tempdir', '/tmp/' + 71 * 'a')
    assert build_dataloader(dict(num_workers=0, **SETTINGS)).num_workers == 0
    with pytest.raises(UserError, match='too long for what workers'):
        build_dataloader(dict(num_workers=1, **SETTINGS))
    monkeypatch.setattr(tempfile, 'tempdir', '/tmp/' + 70 * 'a')
    assert build_dataloader(dict(num_workers=1, **SETTINGS)).num_workers == 1
