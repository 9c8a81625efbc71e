"""What label maps and depth maps hold: classes, colours, the deepest depth."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS

from .folders import Found, shown
from .reading import IGNORED
from .transforms.loading import LoadAnnotations, LoadDepthAnnotation

_FAR = 1000.0  # metres


def with_classes(found: Found, classes: Sequence[str] | None = None, ignore: int | None = None) -> Found:
    """Say which classes the label maps of samples hold.

    Args:
        found: Samples with ``seg_map_path``.
        classes: Their names, by label from 0 on. Without names classes are the labels that occur, in order: absent
            ones get no place. 255 does not count, unless it is the only one beside another.
        ignore: A label that does not count either.

    Raises:
        UserError: If a file is no label map, or holds a label that has no name.
    """
    present: dict[int, str] = {}
    palette: list[list[int]] = []
    for path, info in _maps(found, 'seg_map_path'):
        labels = LoadAnnotations().transform(info)['gt_seg_map']
        palette = palette or _palette(path)
        for label in np.unique(labels).tolist():
            present.setdefault(label, str(path))
    counted = sorted(label for label in present if label not in (IGNORED, ignore))
    if classes:
        return _named(found, list(classes), {label: present[label] for label in counted}, palette)
    counted = [*counted, IGNORED] if len(counted) == 1 and IGNORED in present else counted
    if not 2 <= len(counted) <= IGNORED:
        raise UserError(
            f'the label maps in {found.prefixes["seg_map_path"]} hold {len(counted)} classes: label maps have a whole '
            f'number for each pixel, and from 2 to {IGNORED} of them'
        )
    names = [f'label {label}' for label in counted]
    colours = [palette[label] for label in counted if 0 <= label < len(palette)]
    note = f'{len(counted)} classes, by the labels that occur: {shown(map(str, counted))}'
    found = replace(found, labels=tuple(counted), metainfo=dict(classes=names) | _colours(colours, names))
    return found.noted(note)


def with_depth_range(found: Found, scale: float) -> Found:
    """Say how deep the depth maps of samples are, as far as it is more than usual.

    Args:
        found: Samples with ``depth_map_path``.
        scale: What a metre is in the files, such as 1000 for millimetres.

    Raises:
        UserError: If a file is no depth map, or depths are none that metres have.
    """
    deepest, where = 0.0, ''
    for path, info in _maps(found, 'depth_map_path'):
        depth = LoadDepthAnnotation(depth_rescale_factor=1 / scale).transform(info)['gt_depth_map']
        if depth.max(initial=0) > deepest:
            deepest, where = float(depth.max()), str(path)
    if not 0.01 <= deepest <= _FAR:
        raise UserError(
            f'depths reach {deepest:g} m ({where or "no map has a depth above 0"}): is --depth-scale {scale:g} what a '
            'metre is in the files?'
        )
    usual = USUAL_THRESHOLDS['max_depth']
    limit = usual if deepest < usual else float(10 * math.floor(deepest / 10 + 1))
    found = found.noted(f'depths reach {deepest:.3g} m; 0 is unknown, and depth from {limit:g} m on does not count')
    return found if limit == usual else replace(found, metainfo=dict(max_depth=limit))


def _named(found: Found, classes: list[str], present: Mapping[int, str], palette: list[list[int]]) -> Found:
    for label, path in present.items():
        if label >= len(classes) or label < 0:
            raise UserError(
                f'{path} holds label {label}, but {len(classes)} classes are named: name all, from label 0 on'
            )
    return replace(
        found,
        labels=tuple(range(len(classes))),
        metainfo=dict(classes=classes) | _colours(palette[: len(classes)], classes),
    )


def _maps(found: Found, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Path of each map, and what a loader is to be given."""
    for entry in (*found.train, *found.test):
        path = Path(found.prefixes[key], entry[key])
        yield path, {key: str(path), 'img_path': str(found.root / entry['img_path'])}


def _palette(path: Path) -> list[list[int]]:
    """The colours of a palette image, none of another file."""
    if path.suffix.lower() != '.png':
        return []
    with Image.open(path) as image:
        colours = image.getpalette() if image.mode == 'P' else None
    return [list(colours[start : start + 3]) for start in range(0, len(colours), 3)] if colours else []


def _colours(palette: list[list[int]], classes: Sequence[str]) -> dict[str, Any]:
    return dict(palette=palette) if len(palette) == len(classes) else {}
