"""Saying in one line why weights do not fit a network."""

from collections.abc import Mapping

from torch import Tensor

_SHOWN = 4


def mismatch(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Describe how a state dict differs from a model's: missing, unexpected and mis-shaped keys.

    Returns:
        One line; empty if every key is there in the right shape.
    """
    shapes = [
        f'{key} is {tuple(given[key].shape)}, wanted {tuple(own[key].shape)}'
        for key in own
        if key in given and given[key].shape != own[key].shape
    ]
    problems = dict(
        missing=[key for key in own if key not in given],
        unexpected=[key for key in given if key not in own],
        shape=shapes,
    )
    return '; '.join(f'{name}: {shortened(keys)}' for name, keys in problems.items() if keys)


def shortened(keys: list[str]) -> str:
    """The first of some names, and how many more there are."""
    rest = f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else ''
    return ', '.join(keys[:_SHOWN]) + rest
