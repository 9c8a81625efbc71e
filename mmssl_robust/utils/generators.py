"""Random numbers that a look at the data does not use up, and that go on where a process stopped."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def generators_restored() -> Iterator[None]:
    """Leave Python's, NumPy's and PyTorch's generators of the CPU as they were, whatever is drawn meanwhile."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def generator_states() -> dict[str, Any]:
    """The states of Python's, NumPy's and PyTorch's generators, also of this process's GPU, as plain values."""
    kind, keys, place, *normal = np.random.get_state(legacy=True)
    states: dict[str, Any] = dict(
        python=random.getstate(),
        numpy=(kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), place, *normal),
        torch=torch.get_rng_state(),
    )
    return states | (dict(cuda=torch.cuda.get_rng_state()) if torch.cuda.is_available() else {})


def restore_generators(states: dict[str, Any]) -> None:
    """Go on with what :func:`generator_states` has returned, perhaps in another process.

    Raises:
        ValueError: If it is something else.
    """
    try:
        version, words, normal = states['python']
        kind, keys, *rest = states['numpy']
        random.setstate((version, tuple(words), normal))
        np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *rest))
        torch.set_rng_state(states['torch'].cpu())
        if torch.cuda.is_available() and 'cuda' in states:
            torch.cuda.set_rng_state(states['cuda'].cpu())
    except (AttributeError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError('these are no states of random generators') from error
