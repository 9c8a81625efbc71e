"""The most and the least robust images of each attack, as pictures inside a page."""

import base64
import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmssl_robust.visualization.drawing import verdicts
from mmssl_robust.visualization.examples import Example, load_example
from mmssl_robust.visualization.images import classes_in, colour_depth, colour_labels, magnified, name_of, palette_for

from ..results import EMBED, RowRecords

_WIDTH = 220  # pixels of a picture; smaller ones are enlarged by the browser


class Picture(NamedTuple):
    """A picture with its words; ``source`` is a data URL."""

    title: str
    source: str


class Shown(NamedTuple):
    """An image of a gallery.

    Attributes:
        caption: Which image, and what became of its quality.
        pictures: Clean, adversarial, perturbation, predictions, ground truth.
    """

    caption: str
    pictures: list[Picture]


class Gallery(NamedTuple):
    """Images of one attack on one row; ``open`` says whether a page shows them unasked."""

    title: str
    open: bool
    most: list[Shown]
    least: list[Shown]


def galleries_of(records: RowRecords, size: int) -> list[Gallery]:
    """Collect the kept examples of each attack of a row.

    Args:
        records: The row.
        size: How many of the most and of the least robust images.
    """
    found = []
    for attack in records.attacks:
        folder = records.store.folder / 'examples' / attack
        examples = [load_example(path) for path in sorted(folder.glob('[!.]*.npz'))]
        most = sorted(examples, key=lambda example: -example.quality_after)[:size]
        rest = [example for example in examples if example not in most]
        least = sorted(rest, key=lambda example: example.quality_after - example.quality_before)[:size]
        if examples:
            shown = [[_show(example, records.info) for example in part] for part in (most, least)]
            found.append(Gallery(f'{records.label}, {attack}', attack != EMBED, *shown))
    return found


def _show(example: Example, info: Mapping[str, Any]) -> Shown:
    perturbation, factor = magnified(example.delta)
    titles = ['clean', 'adversarial']
    caption = f'image {example.index}'
    if example.task == 'classification':
        titles = [f'{word}: {verdict}' for word, verdict in zip(titles, verdicts(example, info))]
        caption += f', truly {name_of(example.label, info)}'
    pictures = [
        Picture(titles[0], _encoded(example.image)),
        Picture(titles[1], _encoded(example.adversarial)),
        Picture(f'perturbation x {factor}', _encoded(perturbation)),
    ]
    if example.task != 'classification':
        pictures += [Picture(title, _encoded(picture, few=True)) for title, picture in _maps(example, info)]
    words = dict(classification='margin', segmentation='pixel accuracy', depth='minus RMSE (m)')
    caption += f'; {words[example.task]} {example.quality_before:.2f} clean, {example.quality_after:.2f} attacked'
    return Shown(caption, pictures)


def _maps(example: Example, info: Mapping[str, Any]) -> list[tuple[str, np.ndarray]]:
    maps = example.maps()
    if example.task == 'depth':
        low, high = example.depth_range()
        return [(title, colour_depth(depth, low, high)) for title, depth in maps.items()]
    palette = palette_for(classes_in(list(maps.values()), info), info.get('palette'))
    return [(title, colour_labels(labels.astype(int), palette)) for title, labels in maps.items()]


def _encoded(picture: np.ndarray, few: bool = False) -> str:
    """A data URL: PNG of few colours for maps and of all for small images, JPEG for photographs."""
    pixels = picture if picture.dtype == np.uint8 else (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = image.width <= _WIDTH
    if not small:
        size = (_WIDTH, round(image.height * _WIDTH / image.width))
        image = image.resize(size, Image.Resampling.NEAREST if few else Image.Resampling.LANCZOS)
    kind = 'png' if few or small else 'jpeg'
    buffer = io.BytesIO()
    if few:
        image = image.quantize(64, dither=Image.Dither.NONE)
    image.save(buffer, kind, **(dict(optimize=True) if kind == 'png' else dict(quality=85)))
    return f'data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}'
