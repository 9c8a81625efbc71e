"""One figure for one attacked image: input, perturbation, predictions, ground truth."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mmssl_robust.tasks import Example, Picture, task_named
from mmssl_robust.tasks.classes import classes_in, present_in
from mmssl_robust.utils.escaping import plotted

from .images import colour_labels, magnified, palette_for

_WIDTH = 3.2  # inches of one picture
_LETTERS = 48  # of a title above it
_ABOVE = 1  # where the title stands, which is said: found out by Matplotlib it takes a third of the time


def draw_example(example: Example, info: Mapping[str, Any]) -> Figure:
    """Draw an attacked image.

    Args:
        example: The image.
        info: Meta information of the data set: ``classes``, ``palette``.

    Returns:
        Clean image, adversarial image and magnified perturbation; below them the task's pictures of both predictions
        and the ground truth, where it has some. What the task says in words stands in the titles.
    """
    task = task_named(example.task)
    perturbation, factor = magnified(example.delta)
    pictures = task.pictures(example, info)
    rows, columns = example.image.shape[:2]
    figure, axes = _panels(2 if pictures else 1, rows / columns)
    truth, before, after = task.captions(example, info)
    titles = [
        '\n'.join(filter(None, (truth, _said('clean', before)))),
        _said('adversarial', after),
        f'perturbation x {factor}',
    ]
    for axis, picture, title in zip(axes, (example.image, example.adversarial, perturbation), titles):
        _show(axis, picture, title)
    _draw_pictures(axes[3:], pictures, info)
    return figure


def _said(word: str, words: str) -> str:
    return f'{word}: {words}' if words else word


def _panels(rows: int, aspect: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(3 * _WIDTH, rows * _WIDTH * aspect + 0.8), layout='constrained', dpi=100)
    return figure, list(figure.subplots(rows, 3, squeeze=False).flat)


def _show(axis: Axes, picture: np.ndarray, title: str, **kwargs: Any) -> Any:
    lines = [textwrap.fill(line, _LETTERS) for line in title.splitlines()]
    axis.set_title(plotted('\n'.join(lines)), fontsize=9, y=_ABOVE)
    axis.axis('off')
    return axis.imshow(picture, interpolation='nearest', **kwargs)


def _draw_pictures(axes: Sequence[Axes], pictures: Sequence[Picture], info: Mapping[str, Any]) -> None:
    for axis in axes[len(pictures) :]:
        axis.axis('off')
    for kind, draw in (('image', _draw_images), ('labels', _draw_labels), ('numbers', _draw_numbers)):
        own = [(axis, picture) for axis, picture in zip(axes, pictures) if picture.kind == kind]
        if own:
            draw(own, info)


def _draw_images(pairs: Sequence[tuple[Axes, Picture]], info: Mapping[str, Any]) -> None:
    for axis, picture in pairs:
        _show(axis, picture.array, picture.title)


def _draw_labels(pairs: Sequence[tuple[Axes, Picture]], info: Mapping[str, Any]) -> None:
    maps = [picture.array for _, picture in pairs]
    classes = classes_in(maps, info)
    palette = palette_for(classes, info.get('palette'))
    for axis, picture in pairs:
        _show(axis, colour_labels(picture.array, palette), picture.title)
    present = present_in(maps, len(classes))[:16]
    colours = ['#{:02x}{:02x}{:02x}'.format(*palette[label]) for label in present]
    patches = [Patch(color=colour, label=plotted(classes[label])) for colour, label in zip(colours, present)]
    pairs[0][0].figure.legend(handles=patches, loc='outside lower center', ncols=8, fontsize=7)


def _draw_numbers(pairs: Sequence[tuple[Axes, Picture]], info: Mapping[str, Any]) -> None:
    for axis, picture in pairs:
        low, high = picture.limits
        shown = _show(axis, picture.array, picture.title, cmap='turbo_r', vmin=low, vmax=high)
    axes = [axis for axis, _ in pairs]
    axes[0].figure.colorbar(shown, ax=axes, label=pairs[0][1].unit, fraction=0.03)
