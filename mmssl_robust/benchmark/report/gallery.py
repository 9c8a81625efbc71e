"""The most and the least robust images of each attack, as pictures inside a page."""

import base64
import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmssl_robust.tasks import Example, task_named
from mmssl_robust.tasks.pictures import load_example
from mmssl_robust.visualization.images import magnified, painted

from ..row_records import RowRecords

_WIDTH = 220  # pixels of a picture; smaller ones are enlarged by the browser


class Shot(NamedTuple):
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
    pictures: list[Shot]


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
            found.append(Gallery(f'{records.label}, {attack}', records.settings(attack).reads != 'embedding', *shown))
    return found


def _show(example: Example, info: Mapping[str, Any]) -> Shown:
    task = task_named(example.task)
    perturbation, factor = magnified(example.delta)
    truth, *said = task.captions(example, info)
    titles = [f'{word}: {words}' if words else word for word, words in zip(('clean', 'adversarial'), said)]
    pictures = [
        Shot(titles[0], _encoded(example.image)),
        Shot(titles[1], _encoded(example.adversarial)),
        Shot(f'perturbation x {factor}', _encoded(perturbation)),
    ]
    maps = task.pictures(example, info)
    for picture, pixels in zip(maps, painted(maps, info)):
        pictures.append(Shot(picture.title, _encoded(pixels, few=picture.kind != 'image')))
    caption = ', '.join(filter(None, (f'image {example.index}', truth)))
    quality = f'{task.quality} {example.quality_before:.2f} clean, {example.quality_after:.2f} attacked'
    return Shown(f'{caption}; {quality}', pictures)


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
