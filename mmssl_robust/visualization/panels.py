"""From a batch that was attacked to pictures of its images."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.victims import ClassifierVictim, DepthVictim, Victim

from .drawing import draw_example
from .examples import Example


def example_of(
    victim: Victim,
    index: int,
    result: AttackResult,
    clean: Any,
    adversarial: Any,
    name: str,
    quality_before: float = float('nan'),
    quality_after: float = float('nan'),
) -> Example:
    """Take one image out of a batch. The pixels are taken to be RGB.

    Args:
        victim: The batch.
        index: Which image of it.
        result: What the attack gave for the batch.
        clean: The model's prediction for the clean image.
        adversarial: Its prediction for the adversarial image.
        name: Name of the attack.
        quality_before: Quality of the clean prediction, see :class:`Example`.
        quality_after: Likewise of the attacked one.

    Returns:
        The image without its padding, with both predictions.
    """
    rows, columns = victim.sizes[index]
    before, after = (
        pixels[index, :, :rows, :columns].permute(1, 2, 0).float().cpu().numpy()
        for pixels in (victim.pixels, result.adv)
    )
    example = partial(
        Example,
        index=victim.keys[index],
        file=Path(clean.get('img_path') or '').name,
        attack=name,
        quality_before=quality_before,
        quality_after=quality_after,
        image=before,
        delta=after - before.astype(np.float64),  # exact: added to the image it gives the adversarial one
    )
    if isinstance(victim, ClassifierVictim):
        return example(task='classification', **_classified(clean, adversarial))
    if isinstance(victim, DepthVictim):
        return example(task='depth', **_maps(clean, adversarial, 'pred_depth_map', 'gt_depth_map'))
    return example(task='segmentation', **_maps(clean, adversarial, 'pred_sem_seg', 'gt_sem_seg'))


def panel_of(
    victim: Victim, index: int, result: AttackResult, clean: Any, adversarial: Any, metainfo: dict[str, Any]
) -> Figure:
    """Draw one image of a batch; arguments as for :func:`example_of` and :func:`draw_example`."""
    return draw_example(example_of(victim, index, result, clean, adversarial, ''), metainfo)


def _classified(clean: Any, adversarial: Any) -> dict[str, Any]:
    samples = (clean, adversarial)
    return dict(
        label=int(clean.gt_label),
        classes=tuple(int(sample.pred_label) for sample in samples),
        confidences=tuple(float(sample.pred_score.max()) for sample in samples),
    )


def _maps(clean: Any, adversarial: Any, prediction: str, truth: str) -> dict[str, Any]:
    return dict(
        before=_plane(clean.get(prediction).data),
        after=_plane(adversarial.get(prediction).data),
        truth=_plane(clean.get(truth).data) if truth in clean else None,
    )


def _plane(data: Tensor) -> np.ndarray:
    return data.squeeze(0).cpu().float().numpy()
