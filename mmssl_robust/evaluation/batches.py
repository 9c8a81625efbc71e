"""Batches that do not depend on the size of their neighbours."""

from collections.abc import Iterator
from typing import Any


def same_size_runs(data_batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Split a batch, in order, into runs of images of one size.

    Padding images to the largest in their batch, as mmpretrain does, would
    make predictions depend on the batch; mmseg refuses to.
    """
    inputs, samples = data_batch['inputs'], data_batch['data_samples']
    start = 0
    for end in range(1, len(inputs) + 1):
        if end == len(inputs) or inputs[end].shape != inputs[start].shape:
            yield dict(inputs=inputs[start:end], data_samples=samples[start:end])
            start = end
