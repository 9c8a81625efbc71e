"""How images come to an encoder: loading, one size, annotations."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import cv2

from mmssl_robust.datasets.folders import Found
from mmssl_robust.encoders import EncoderInfo
from mmssl_robust.utils.errors import UserError

from .plan import Plan

_USUAL_SIDE = 224
_SAMPLED = 50  # images by which the aspect ratio is chosen
_META_KEYS = (
    *('sample_idx', 'img_path', 'seg_map_path', 'depth_map_path', 'ori_shape', 'img_shape', 'pad_shape'),
    *('scale_factor', 'flip', 'flip_direction'),
)

Transform = dict[str, Any]


def size_of(plan: Plan, found: Found, info: EncoderInfo) -> tuple[int, int]:
    """Height and width at which an encoder sees the images.

    Of a task of the whole image the middle square; of dense ones the whole image, by the median of the images' aspect
    ratios. Both are rounded to what the encoder takes.

    Raises:
        UserError: If the encoder takes another size alone.
    """
    side = plan.size or min(*info.native_size, _USUAL_SIDE)
    height = width = float(side)
    if 'seg_map_path' in found.prefixes or 'depth_map_path' in found.prefixes:
        ratio = _aspect(found)
        height, width = (side, side * ratio) if ratio >= 1 else (side / ratio, side)
    multiple = info.size_multiple
    size = tuple(max(round(length / multiple), 1) * multiple for length in (height, width))
    if info.fixed_size:
        if plan.size and size != tuple(info.native_size):
            raise UserError(f'{plan.encoder} takes {info.native_size[0]}x{info.native_size[1]} pixels alone: no --size')
        size = info.native_size
    return size[0], size[1]


def whole_image(size: tuple[int, int], augmented: bool = False) -> list[Transform]:
    """Resize and crop to the middle, for classification and embeddings."""
    height, width = size
    if height == width:
        resize = [
            dict(type='ResizeEdge', scale=height, interpolation='bicubic'),
            dict(type='CenterCrop', crop_size=height),
        ]
    else:
        resize = [dict(type='Resize', scale=(height, width), interpolation='bicubic')]
    flip = [dict(type='RandomFlip', prob=0.5)] if augmented else []
    return [dict(type='LoadImageFromFile'), *resize, *flip, dict(type='PackInputs')]


def dense(size: tuple[int, int], annotations: list[Transform], training: bool, augmented: bool) -> list[Transform]:
    """Resize the whole image; in training the annotation too, for which a test keeps its own size."""
    resize = [dict(type='Resize', scale=size[::-1], keep_ratio=False)]
    parts = [*annotations, *resize] if training else [*resize, *annotations]
    flip = [dict(type='RandomFlip', prob=0.5)] if augmented else []
    return [dict(type='LoadImageFromFile'), *parts, *flip, dict(type='PackSegInputs', meta_keys=_META_KEYS)]


def annotations_of(plan: Plan, found: Found) -> list[Transform]:
    """How label maps or depth maps are read."""
    if plan.task == 'depth':
        assert plan.depth_scale is not None
        return [
            dict(type='LoadDepthAnnotation', depth_rescale_factor=1 / plan.depth_scale),
            dict(type='mmssl_robust.CheckAnnotations'),
        ]
    classes = len(found.metainfo['classes'])
    as_they_are = found.labels == tuple(range(classes)) and plan.ignore is None
    mapped = [] if as_they_are else [dict(type='mmssl_robust.MapLabels', labels=list(found.labels))]
    return [dict(type='LoadAnnotations'), *mapped, dict(type='mmssl_robust.CheckAnnotations', num_classes=classes)]


def _aspect(found: Found) -> float:
    """Median of width over height of some images."""
    entries = [*found.test, *found.train]
    return median(_ratio(found, entry) for entry in entries[:: max(1, len(entries) // _SAMPLED)])


def _ratio(found: Found, entry: Mapping[str, Any]) -> float:
    image = cv2.imread(str(found.root / entry['img_path']))  # turned by its EXIF orientation, as it will be
    if image is None:
        raise UserError(f'cannot read {found.root / entry["img_path"]}: replace or remove it')
    return image.shape[1] / image.shape[0]
