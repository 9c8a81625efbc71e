"""Examples made against one task, or the embedding, on every other task and encoder.

Images of one data set have no labels for another task. What is measured is therefore how much of a model's prediction
for the clean image survives, by what its task's outputs are: the class, the share of pixels of the same class, the
share of labels that are given as before, or the share of pixels whose depth stays within a factor of 1.25.

What is measured is what is attacked: an attack on the prediction goes away from the source's own prediction for the
clean image, never from the ground truth, so that an image that is wrong from the start is attacked as any other.
"""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.modes import eval_mode
from mmssl_robust.evaluation.walk import victims_of
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track

from .plan import units_of
from .row_evaluation import RowEvaluation

COLUMNS = ('source', 'attack', 'target', 'agreement', 'images')


def transfer(evaluations: Sequence[RowEvaluation]) -> pd.DataFrame:
    """Measure every attack of every row on every row; attacks on a prediction start from that for the clean image.

    Args:
        evaluations: Rows with their models, data and attacks.

    Returns:
        A line for each source row, attack and target row: ``agreement`` in [0, 1], mean over ``images``; 1 means that
        the target does not notice.

    Raises:
        UserError: If an image cannot be read, or a target cannot take images of a source's size.
    """
    for task in {evaluation.row.task for evaluation in evaluations}:
        if task_named(task).outputs is None:
            raise UserError(f'transfer cannot compare predictions of {task}: set outputs in its class, or leave it out')
    lines = []
    for source in evaluations:
        found: dict[tuple[str, str], list[Tensor]] = {}
        # Pixels that are all free: padding would be part of the picture for another model.
        units = units_of(list(range(len(source.dataset.indices))), 1)
        attacks = {name: attack for name, attack in source.attacks.items() if name not in source.row.sweeps}
        for batch in track(source.load(units), source.row.name):
            for name, adv, clean in _attacked(source, batch, attacks, evaluations):
                for target, before in zip(evaluations, clean, strict=True):
                    after = _predicted(target, adv)
                    found.setdefault((name, target.row.name), []).append(agreement(before, after))
        for (attack, target_name), parts in found.items():
            values = torch.cat(parts)
            lines.append((source.row.name, attack, target_name, float(values.mean()), len(values)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _attacked(
    source: RowEvaluation,
    batch: dict,
    attacks: Mapping[str, Attack | Ensemble],
    targets: Sequence[RowEvaluation],
) -> Iterator[tuple[str, Tensor, list[Tensor]]]:
    """Yield name of the attack, images under it, and what the targets predict for the clean ones."""
    with source.in_scope():
        for victim, _ in victims_of(source.model, batch, source.options.attack_memory):
            # Before an attack is made, which takes long.
            clean = [_of_clean(target, source, victim.pixels) for target in targets]
            with torch.no_grad(), eval_mode(source.model):
                own = _answer(victim.prediction(victim.pixels), source.row.task)
            followed = victim.given(own.long() if own.dtype == torch.bool else own)
            for name, attack in attacks.items():
                yield name, followed.attack(attack).adv, clean


def _of_clean(target: RowEvaluation, source: RowEvaluation, pixels: Tensor) -> Tensor:
    try:
        return _predicted(target, pixels)
    except (ValueError, UserError) as error:
        raise UserError(f'{target.row.name} cannot be shown the images of {source.row.name}: {error}') from error


def _predicted(target: RowEvaluation, pixels: Tensor) -> Tensor:
    with target.in_scope():
        return prediction(target.model, pixels, target.row.task, target.space)


@torch.no_grad()
def prediction(model: nn.Module, pixels: Tensor, task: str, space: PixelSpace) -> Tensor:
    """What a model of a task says of images (B, 3, H, W) in [0, 1], of any data set.

    Args:
        model: The model.
        pixels: The images.
        task: Name of its task.
        space: Between pixels and its inputs.

    Returns:
        Classes (B,) or (B, H, W), int64, labels (B, classes), bool, or lengths (B, 1, H, W) in metres.
    """
    inputs = space.to_inputs(pixels)
    with eval_mode(model):
        inference = getattr(model, 'inference', None)
        if inference is None:
            outputs = model(inputs, mode='tensor')
        else:
            size = tuple(pixels.shape[-2:])
            meta = dict(ori_shape=size, img_shape=size, pad_shape=size, padding_size=[0] * 4, flip=False)
            outputs = inference(inputs, [meta] * len(pixels))
    return _answer(outputs, task)


def _answer(outputs: Tensor, task: str) -> Tensor:
    """What outputs say, see :func:`prediction`."""
    kind = task_named(task).outputs
    # Two classes may be told apart by one logit; a label is given from a probability of 1/2 on.
    if kind == 'classes' and outputs.shape[1] > 1:
        return outputs.argmax(dim=1)
    return outputs if kind == 'lengths' else outputs > 0


def agreement(clean: Tensor, attacked: Tensor) -> Tensor:
    """Share of a prediction that stays as it was, see the head of this file; (B,) in [0, 1]."""
    depth = clean.is_floating_point()
    same = torch.maximum(clean / attacked, attacked / clean) < 1.25 if depth else clean == attacked
    return same.reshape(len(clean), -1).double().mean(dim=1)
