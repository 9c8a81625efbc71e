"""One figure for one attacked image: input, perturbation, predictions, ground truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .examples import Example
from .images import classes_in, colour_labels, magnified, name_of, palette_for, present_in

_WIDTH = 3.2  # inches of one picture


def draw_example(example: Example, metainfo: Mapping[str, Any]) -> Figure:
    """Draw an attacked image.

    Args:
        example: The image.
        metainfo: Meta information of the data set: ``classes``, ``palette``.

    Returns:
        Clean image, adversarial image and magnified perturbation; below them,
        for dense tasks, both predictions and the ground truth. Classes and
        confidences of a classifier stand in the titles.
    """
    perturbation, factor = magnified(example.delta)
    dense = example.task != 'classification'
    rows, columns = example.image.shape[:2]
    figure, axes = _figure(2 if dense else 1, rows / columns)
    titles = ['clean', 'adversarial', f'perturbation x {factor}']
    if example.label is not None:
        before, after = verdicts(example, metainfo)
        titles[0] = f'true: {name_of(example.label, metainfo)}\nclean: {before}'
        titles[1] = f'adversarial: {after}'
    for axis, picture, title in zip(axes, (example.image, example.adversarial, perturbation), titles):
        _show(axis, picture, title)
    if example.task == 'depth':
        _draw_depth(axes[3:], example)
    elif dense:
        _draw_labels(axes[3:], example, metainfo)
    return figure


def verdicts(example: Example, metainfo: Mapping[str, Any]) -> list[str]:
    """What a classifier said of the clean and of the attacked image, and how confident it was."""
    return [
        f'{name_of(label, metainfo)} {confidence:.2f}'
        for label, confidence in zip(example.classes or (), example.confidences or ())
    ]


def _figure(rows: int, aspect: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(3 * _WIDTH, rows * _WIDTH * aspect + 0.8), layout='constrained', dpi=100)
    return figure, list(figure.subplots(rows, 3, squeeze=False).flat)


def _show(axis: Axes, picture: np.ndarray, title: str, **kwargs: Any) -> Any:
    axis.set_title(title, fontsize=9)
    axis.axis('off')
    return axis.imshow(picture, interpolation='nearest', **kwargs)


def _draw_labels(axes: list[Axes], example: Example, metainfo: Mapping[str, Any]) -> None:
    maps = example.maps()
    classes = classes_in(list(maps.values()), metainfo)
    palette = palette_for(classes, metainfo.get('palette'))
    for axis, (title, labels) in zip(axes, maps.items()):
        _show(axis, colour_labels(labels.astype(int), palette), title)
    present = present_in(list(maps.values()), len(classes))[:16]
    patches = [Patch(color=_share(palette[label]), label=classes[label]) for label in present]
    axes[0].figure.legend(handles=patches, loc='outside lower center', ncols=8, fontsize=7)


def _share(colour: Sequence[int]) -> tuple[float, float, float]:
    """A colour in 0..255 as matplotlib wants it."""
    red, green, blue = (channel / 255 for channel in colour)
    return red, green, blue


def _draw_depth(axes: list[Axes], example: Example) -> None:
    maps = example.maps()
    # One scale for all three, in metres; an attack may leave it.
    low, high = example.depth_range()
    for axis, (title, depth) in zip(axes, maps.items()):
        shown = _show(axis, depth, title, cmap='turbo_r', vmin=low, vmax=high)
    axes[0].figure.colorbar(shown, ax=axes, label='m', fraction=0.03)
