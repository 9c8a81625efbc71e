"""From a batch that was attacked to pictures of its images."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.tasks import Example, Task
from mmssl_robust.victims import Victim

from .drawing import draw_example


def example_of(
    task: Task,
    victim: Victim,
    index: int,
    result: AttackResult,
    clean: Any,
    adversarial: Any,
    name: str = '',
    quality_before: float = float('nan'),
    quality_after: float = float('nan'),
) -> Example:
    """Take one image out of a batch. The pixels are taken to be RGB.

    Args:
        task: Its task.
        victim: The batch.
        index: Which image of it.
        result: What the attack gave for the batch.
        clean: The model's prediction for the clean image.
        adversarial: Its prediction for the adversarial image.
        name: Name of the attack.
        quality_before: Quality of the clean prediction, see :class:`~mmssl_robust.tasks.Example`.
        quality_after: Likewise of the attacked one.

    Returns:
        The image without its padding, with both predictions.
    """
    rows, columns = victim.sizes[index]
    before, after = (
        pixels[index, :, :rows, :columns].permute(1, 2, 0).float().cpu().numpy()
        for pixels in (victim.pixels, result.adv)
    )
    return Example(
        index=victim.keys[index],
        file=Path(clean.get('img_path') or '').name,
        attack=name,
        task=task.name,
        quality_before=quality_before,
        quality_after=quality_after,
        image=before,
        delta=after - before.astype(np.float64),  # exact: added to the image it gives the adversarial one
        **task.example(clean, adversarial),
    )


def panel_of(
    task: Task,
    victim: Victim,
    index: int,
    result: AttackResult,
    clean: Any,
    adversarial: Any,
    info: dict[str, Any],
) -> Figure:
    """Draw one image of a batch; arguments as for :func:`example_of` and :func:`.drawing.draw_example`."""
    return draw_example(example_of(task, victim, index, result, clean, adversarial), info)
