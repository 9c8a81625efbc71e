"""One figure for one attacked image: input, perturbation, predictions, ground truth."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.attacks.victims import ClassifierVictim, DepthVictim, Victim

from .images import colour_labels, magnified, palette_for

_WIDTH = 3.2  # inches of one picture


def panel_of(
    victim: Victim, index: int, result: AttackResult, clean: Any, adversarial: Any, metainfo: dict[str, Any]
) -> Figure:
    """Draw one image of a batch. The pixels are taken to be RGB.

    Args:
        victim: The batch.
        index: Which image of it.
        result: What the attack gave for the batch.
        clean: The model's prediction for the clean image.
        adversarial: Its prediction for the adversarial image.
        metainfo: Meta information of the data set: ``classes``, ``palette``.

    Returns:
        Clean image, adversarial image and magnified perturbation; below them,
        for dense tasks, both predictions and the ground truth. Classes and
        confidences of a classifier stand in the titles.
    """
    rows, columns = victim.sizes[index]
    before, after = (
        pixels[index, :, :rows, :columns].permute(1, 2, 0).float().cpu().numpy()
        for pixels in (victim.pixels, result.adv)
    )
    perturbation, factor = magnified(after - before)
    dense = not isinstance(victim, ClassifierVictim)
    axes = _axes(2 if dense else 1, rows / columns)
    titles = ['clean', 'adversarial', f'perturbation x {factor}']
    if not dense:
        classes = metainfo.get('classes')
        titles[0] = f'true: {_class_name(clean.gt_label, classes)}\nclean: {_verdict(clean, classes)}'
        titles[1] = f'adversarial: {_verdict(adversarial, classes)}'
    for axis, picture, title in zip(axes, (before, after, perturbation), titles):
        _show(axis, picture, title)
    if isinstance(victim, DepthVictim):
        _draw_depth(axes[3:], clean, adversarial)
    elif dense:
        _draw_labels(axes[3:], clean, adversarial, metainfo)
    return axes[0].figure


def _axes(rows: int, aspect: float) -> list[Axes]:
    figure = Figure(figsize=(3 * _WIDTH, rows * _WIDTH * aspect + 0.8), layout='constrained', dpi=100)
    return list(figure.subplots(rows, 3, squeeze=False).flat)


def _show(axis: Axes, picture: np.ndarray, title: str, **kwargs: Any) -> Any:
    axis.set_title(title, fontsize=9)
    axis.axis('off')
    return axis.imshow(picture, interpolation='nearest', **kwargs)


def _draw_labels(axes: list[Axes], clean: Any, adversarial: Any, metainfo: dict[str, Any]) -> None:
    maps = [clean.pred_sem_seg.data, adversarial.pred_sem_seg.data]
    titles = ['prediction, clean', 'prediction, adversarial']
    if 'gt_sem_seg' in clean:
        maps.append(clean.gt_sem_seg.data)
        titles.append('ground truth')
    labels = [_plane(data).astype(int) for data in maps]
    classes = metainfo.get('classes') or [str(label) for label in range(int(clean.seg_logits.data.shape[0]))]
    palette = palette_for(classes, metainfo.get('palette'))
    for axis, picture, title in zip(axes, labels, titles):
        _show(axis, colour_labels(picture, palette), title)
    present = [
        label for label in np.unique(np.concatenate([picture.ravel() for picture in labels])) if label < len(classes)
    ]
    patches = [Patch(color=np.array(palette[label]) / 255, label=classes[label]) for label in present[:16]]
    axes[0].figure.legend(handles=patches, loc='outside lower center', ncols=8, fontsize=7)


def _draw_depth(axes: list[Axes], clean: Any, adversarial: Any) -> None:
    predictions = [_plane(sample.pred_depth_map.data) for sample in (clean, adversarial)]
    maps, titles = predictions, ['prediction, clean', 'prediction, adversarial']
    if 'gt_depth_map' in clean:
        truth = _plane(clean.gt_depth_map.data)
        maps = [*predictions, np.ma.masked_where(truth <= 0, truth)]
        titles.append('ground truth')
    # One scale for all three, in metres; an attack may leave it.
    reference = np.ma.concatenate([maps[0].ravel(), maps[-1].ravel()])
    for axis, depth, title in zip(axes, maps, titles):
        shown = _show(axis, depth, title, cmap='turbo_r', vmin=reference.min(), vmax=reference.max())
    axes[0].figure.colorbar(shown, ax=axes, label='m', fraction=0.03)


def _plane(data: Tensor) -> np.ndarray:
    return data.squeeze(0).float().cpu().numpy()


def _verdict(sample: Any, classes: list[str] | None) -> str:
    return f'{_class_name(sample.pred_label, classes)} {float(sample.pred_score.max()):.2f}'


def _class_name(label: Tensor, classes: list[str] | None) -> str:
    return classes[int(label)] if classes else str(int(label))
