"""Loading weights strictly, and saying in one line why they do not fit."""

import os
from collections.abc import Mapping

from mmengine.model import BaseModel
from torch import Tensor, nn

from .checkpoint import read_checkpoint, state_dict_of
from .errors import UserError

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
    return '; '.join(f'{name}: {_shortened(keys)}' for name, keys in problems.items() if keys)


def read_weights(source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a model's state dict from a path, a URL or ``mmssl_robust://``.

    Raises:
        UserError: If the file cannot be read safely or holds no weights.
    """
    checkpoint = read_checkpoint(source)
    state = state_dict_of(checkpoint) if isinstance(checkpoint, dict) else {}
    weights = {str(key).removeprefix('module.'): value for key, value in state.items() if isinstance(value, Tensor)}
    if not weights:
        raise UserError(f'{source} holds no weights by name')
    return weights


def load_weights(model: BaseModel, weights: Mapping[str, Tensor], source: str | os.PathLike[str]) -> None:
    """Load a whole model's weights strictly.

    Weights without any of the backbone's, such as a head that was trained on a
    frozen encoder, are taken if the backbone's ``init_cfg`` says where the
    encoder is.

    Args:
        model: A model with a ``backbone``, as OpenMMLab builds it.
        weights: What :func:`read_weights` gave.
        source: Where they came from.

    Raises:
        UserError: If a key is missing, unexpected or of another shape; names the keys.
    """
    own = model.state_dict()
    head_only = not any(key.startswith('backbone.') for key in weights) and _is_pretrained(model.backbone)
    if head_only:
        own = {key: value for key, value in own.items() if not key.startswith('backbone.')}
    problems = mismatch(own, weights)
    if problems:
        hint = ' (is num_classes right?)' if _other_classes(own, weights) else ''
        raise UserError(f'{source} does not fit the config; {problems}{hint}')
    model.load_state_dict(weights, strict=not head_only)
    if head_only:
        model.backbone.init_weights()


def needs_weights(model: BaseModel) -> bool:
    """Whether a model lacks weights as its config builds it: of a trained head, or of an encoder without a source."""
    return bool(head_of(model.state_dict())) or not _is_pretrained(model.backbone)


def head_of(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a whole model that are neither its backbone's nor its preprocessor's."""
    return {key: value for key, value in weights.items() if not key.startswith(('backbone.', 'data_preprocessor.'))}


def _is_pretrained(backbone: nn.Module) -> bool:
    init_cfg = getattr(backbone, 'init_cfg', None)
    return isinstance(init_cfg, Mapping) and init_cfg.get('type') == 'Pretrained'


def _other_classes(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    """Whether nothing but the number of outputs of the head differs."""
    differing = [key for key in own if key not in given or own[key].shape != given[key].shape]
    return own.keys() == given.keys() and all(
        'head' in key and own[key].shape[1:] == given[key].shape[1:] for key in differing
    )


def _shortened(keys: list[str]) -> str:
    rest = f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else ''
    return ', '.join(keys[:_SHOWN]) + rest
