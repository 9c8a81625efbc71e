"""Examples made against one task, or the embedding, on every other task and encoder.

Images of one data set have no labels for another task. What is measured is therefore how much of a model's prediction
for the clean image survives: the class, the share of pixels of the same class, or the share of pixels whose depth stays
within a factor of 1.25.
"""

from collections.abc import Sequence

import pandas as pd
import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmssl_robust.attacks.modes import eval_mode
from mmssl_robust.evaluation.batches import same_size_runs
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track
from mmssl_robust.victims import build_victim

from .plan import units_of
from .row_evaluation import RowEvaluation

COLUMNS = ('source', 'attack', 'target', 'agreement', 'images')


def transfer(evaluations: Sequence[RowEvaluation]) -> pd.DataFrame:
    """Measure every attack of every row on every row.

    Args:
        evaluations: Rows with their models, data and attacks.

    Returns:
        A line for each source row, attack and target row: ``agreement`` in [0, 1], mean over ``images``; 1 means that
        the target does not notice.

    Raises:
        UserError: If an image cannot be read, or a target cannot take images of a source's size.
    """
    lines = []
    for source in evaluations:
        found: dict[tuple[str, str], list[Tensor]] = {}
        # Pixels that are all free: padding would be part of the picture for another model.
        units = units_of(list(range(len(source.dataset.indices))), 1)
        for batch in track(source._load(units), source.row.name):
            for sample in batch.pop('unreadable'):
                raise UserError(sample.message)
            for part in same_size_runs(batch):
                for key, agreement in _of_batch(source, part, evaluations).items():
                    found.setdefault(key, []).append(agreement)
        for (attack, target), parts in found.items():
            values = torch.cat(parts)
            lines.append((source.row.name, attack, target, float(values.mean()), len(values)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _of_batch(source: RowEvaluation, part: dict, evaluations: Sequence[RowEvaluation]) -> dict[tuple[str, str], Tensor]:
    with DefaultScope.overwrite_default_scope(source.scope):
        victim = build_victim(source.model, part, source.options.attack_memory)
    clean = []
    for target in evaluations:  # before an attack is made, which takes long
        try:
            clean.append(_predicted(target, victim.pixels))
        except ValueError as error:
            raise UserError(f'{target.row.name} cannot be shown the images of {source.row.name}: {error}') from error
    with DefaultScope.overwrite_default_scope(source.scope):
        attacked = {
            name: victim.attack(attack).adv for name, attack in source.attacks.items() if name not in source.row.sweeps
        }
    return {
        (name, target.row.name): agreement(before, _predicted(target, adv))
        for target, before in zip(evaluations, clean, strict=True)
        for name, adv in attacked.items()
    }


def _predicted(target: RowEvaluation, pixels: Tensor) -> Tensor:
    with DefaultScope.overwrite_default_scope(target.scope):
        return prediction(target.model, target.row.task, pixels)


@torch.no_grad()
def prediction(model: nn.Module, task: str, pixels: Tensor) -> Tensor:
    """What a model says of images (B, 3, H, W) in [0, 1], of any data set.

    Returns:
        Classes (B,) or (B, H, W), int64, or depth in metres (B, 1, H, W).
    """
    inputs = PixelSpace(model.data_preprocessor, pixels).to_inputs(pixels)
    with eval_mode(model):
        if task == 'classification':
            return model(inputs, mode='tensor').argmax(dim=1)
        size = tuple(pixels.shape[-2:])
        meta = dict(ori_shape=size, img_shape=size, pad_shape=size, padding_size=[0] * 4, flip=False)
        outputs = model.inference(inputs, [meta] * len(pixels))
    return outputs.argmax(dim=1) if task == 'segmentation' else outputs


def agreement(clean: Tensor, attacked: Tensor) -> Tensor:
    """Share of a prediction that stays as it was, see the head of this file; (B,) in [0, 1]."""
    depth = clean.is_floating_point()
    same = torch.maximum(clean / attacked, attacked / clean) < 1.25 if depth else clean == attacked
    return same.reshape(len(clean), -1).double().mean(dim=1)
