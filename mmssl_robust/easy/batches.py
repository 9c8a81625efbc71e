"""Anyone's batches as OpenMMLab's: of a data loader of PyTorch, or objects that follow MAITE's protocols."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import Tensor

from mmssl_robust.utils.errors import UserError

_IMAGES = ('image', 'images', 'pixel_values', 'img', 'input')
_TARGETS = ('label', 'labels', 'target', 'targets', 'mask', 'masks', 'depth')
_BATCH = 8


def batches_of(data: Any, task: str, ignore_index: int = 255, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield batches of images and ground truth.

    Args:
        data: A data loader, or any iterable of pairs (images, targets), dicts, or triples with metadata; or a data set
            with ``__getitem__`` and ``__len__``, as MAITE's protocol has it. Images are (3, H, W), integers of 0 to 255
            or floats in [0, 1]. Targets are class indices, or scores of the classes; label maps (H, W), of which
            negative labels do not count; or depth (H, W) in metres, 0 where it is unknown.
        task: ``'classification'``, ``'segmentation'`` or ``'depth'``.
        ignore_index: What labels become that do not count.
        limit: After so many images it ends.

    Raises:
        UserError: If something is no image or no target.
    """
    number = 0
    for batch in _batches(data):
        images, targets = _parts(batch)
        if len(images) != len(targets):
            raise UserError(f'a batch has {len(images)} images and {len(targets)} targets: it needs one for each')
        count = len(images) if limit is None else min(len(images), limit - number)
        if count <= 0:
            return
        inputs = [image_of(image) for image in images[:count]]
        samples = [
            _sample(task, target, number + place, image, ignore_index)
            for place, (image, target) in enumerate(zip(inputs, targets))
        ]
        number += count
        yield dict(inputs=inputs, data_samples=samples)


def image_of(image: Any) -> Tensor:
    """Return an image (3, H, W).

    Raises:
        UserError: If it is none.
    """
    array = torch.as_tensor(np.asarray(image) if not isinstance(image, Tensor) else image)
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise UserError(f'an image has the shape {tuple(array.shape)}: give (3, H, W), channels first')
    return array.expand(3, -1, -1)


def _batches(data: Any) -> Iterable[Any]:
    """Batches of a loader, or of the samples of a data set."""
    is_dataset = hasattr(data, '__getitem__') and hasattr(data, '__len__') and not isinstance(data, (list, tuple))
    if not is_dataset:
        return data
    return (
        tuple(zip(*(_parts(data[place]) for place in range(start, min(start + _BATCH, len(data))))))
        for start in range(0, len(data), _BATCH)
    )


def _parts(batch: Any) -> tuple[Any, Any]:
    """Images and targets of a batch, or of a sample."""
    if isinstance(batch, Mapping):
        found = [next((batch[name] for name in names if name in batch), None) for names in (_IMAGES, _TARGETS)]
        if found[0] is None or found[1] is None:
            raise UserError(
                f'a batch has {", ".join(map(str, batch))}: name its images {_IMAGES[0]} and its targets {_TARGETS[0]}'
            )
        return found[0], found[1]
    if isinstance(batch, Sequence) and len(batch) >= 2:  # MAITE's third part is metadata
        return batch[0], batch[1]
    raise UserError(f'a batch is a {type(batch).__name__}: the data have to give pairs of images and targets')


def _sample(task: str, target: Any, number: int, image: Tensor, ignore_index: int) -> Any:
    truth = torch.as_tensor(target if isinstance(target, Tensor) else np.asarray(target))
    meta = dict(sample_idx=number, ori_shape=tuple(image.shape[-2:]), img_shape=tuple(image.shape[-2:]))
    if task == 'classification':
        if truth.ndim > 1:
            raise UserError(
                f'a target has the shape {tuple(truth.shape)}: classification wants a class index or scores'
            )
        label = int(truth.argmax()) if truth.ndim == 1 and truth.numel() > 1 else int(truth)
        return DataSample(metainfo=meta).set_gt_label(label)
    truth = truth.squeeze(0) if truth.ndim == 3 else truth
    if truth.shape != image.shape[-2:]:
        raise UserError(
            f'a target has the shape {tuple(truth.shape)}, its image {tuple(image.shape)}: {task} wants a map as large '
            'as the image'
        )
    sample = SegDataSample(metainfo=meta)
    if task == 'depth':
        depth = torch.where(truth.isfinite() & (truth > 0), truth, 0).float()
        sample.set_data(dict(gt_depth_map=PixelData(data=depth[None])))
        return sample
    labels = torch.where(truth < 0, ignore_index, truth.long())
    sample.set_data(dict(gt_sem_seg=PixelData(data=labels[None])))
    return sample
