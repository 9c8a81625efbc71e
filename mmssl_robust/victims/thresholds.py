"""What counts in a ground truth, by the word of a model and of the metric that judges it."""

from typing import Any

from torch import nn

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS
from mmssl_robust.utils.unwrapped import unwrapped


def thresholds_of(model: nn.Module) -> dict[str, float]:
    """Name -> value of the thresholds that a model's head knows."""
    head = getattr(unwrapped(model), 'decode_head', None)
    values = {name: getattr(head, name, None) for name in USUAL_THRESHOLDS}
    return {name: value for name, value in values.items() if value is not None}


def check_thresholds(model: nn.Module, metric: Any) -> None:
    """Check that a model's head and a metric count the same pixels; a head that has no word of it takes the metric's.

    Args:
        model: What is evaluated.
        metric: Its metric, with the ``dataset_meta`` of the data.

    Raises:
        UserError: If they differ, or the data set has another word.
    """
    head = getattr(unwrapped(model), 'decode_head', None)
    if head is None:
        return
    meta = getattr(metric, 'dataset_meta', None) or {}
    for name in USUAL_THRESHOLDS:
        told = {
            f'the metric {type(metric).__name__}': getattr(metric, name, None),
            'the data set': meta.get(name),
            f'the head {type(head).__name__}': getattr(head, name, None),
        }
        known = {owner: value for owner, value in told.items() if value is not None}
        (first, value), *others = known.items() or [('', None)]
        for owner, other in others:
            if other != value:
                raise UserError(
                    f"{name} is {value:g} by {first}, but {other:g} by {owner}: set it once, in the data set's metainfo"
                )
        if value is not None and not hasattr(head, name) and hasattr(metric, name):
            setattr(head, name, value)
