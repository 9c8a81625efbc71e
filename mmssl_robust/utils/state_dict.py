"""Loading a whole model's weights strictly, and knowing afterwards what was loaded."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import Tensor

from .checkpoint import local_path, read_state
from .checkpoint_layouts import State, Which, unwrapped_name
from .errors import UserError
from .files import sha256
from .mismatch import mismatch
from .pretrained import Loaded, check_built, initialise, is_pretrained, note
from .released_heads import to_own_names
from .witness import watching_loads


def read_weights(source: str | os.PathLike[str], which: Which | None = None) -> State:
    """Read a model's state dict from a path, a URL or ``mmssl_robust://``.

    Args:
        source: Where it is.
        which: See :func:`~mmssl_robust.utils.checkpoint_layouts.state_of`.

    Raises:
        UserError: If the file cannot be read safely or holds no weights.
    """
    state = read_state(source, which)
    if not state.tensors:
        raise UserError(f'{source} holds no weights by name')
    return state


def load_weights(
    model: BaseModel,
    weights: State | Mapping[str, Tensor],
    source: str | os.PathLike[str],
    encoder_apart: bool = False,
) -> None:
    """Load a whole model's weights strictly.

    Weights without any of the backbone's, such as a head that was trained on a
    frozen encoder, are taken if the backbone says where the encoder is. So are the linear heads of DINOv2.

    Args:
        model: A model with a ``backbone``, as OpenMMLab builds it.
        weights: What :func:`read_weights` gave; empty for a model whose encoder alone has weights.
        source: Where they came from.
        encoder_apart: Take the head alone, where the backbone says where the encoder is: a training leaves its encoder
            beside its head, and another one may have been named.

    Raises:
        UserError: If a key is missing, unexpected or of another shape; names the keys.
    """
    weights = weights if isinstance(weights, State) else State(dict(weights))
    if encoder_apart and is_pretrained(model.backbone):
        weights = weights._replace(tensors=head_of(weights.tensors) or weights.tensors)
    own = {unwrapped_name(name): (name, tensor) for name, tensor in model.state_dict().items()}
    weights = weights._replace(tensors=to_own_names(weights.tensors, own.keys()))
    head_only = not any(key.startswith('backbone.') for key in weights.tensors) and is_pretrained(model.backbone)
    if head_only:
        own = {key: value for key, value in own.items() if not key.startswith('backbone.')}
    wanted = {key: tensor for key, (_, tensor) in own.items()}
    problems = mismatch(wanted, weights.tensors)
    if problems:
        if _is_encoder_alone(own, weights.tensors):
            raise UserError(
                f'{source} holds an encoder and nothing of a head: give the head, or the whole model, in its place, '
                f'and the encoder by --cfg-options model.backbone.init_cfg.checkpoint={source}; `mmssl-robust train` '
                'with the same option trains a head'
            )
        hint = ' (is num_classes right?)' if _other_classes(wanted, weights.tensors) else ''
        raise UserError(f'{source} does not fit the config; {problems}{hint}')
    model.load_state_dict({own[key][0]: value for key, value in weights.tensors.items()}, strict=not head_only)
    if head_only:
        initialise(model.backbone)
    if weights.tensors:
        path, layout = local_path(str(source)), weights.entry or 'state dict'
        file_hash = sha256(path) if path.is_file() else ''
        note(model, Loaded(str(source), file_hash, layout, weights.which, len(weights.tensors)))
    if not head_only:
        model.backbone.loaded_weights = None  # what it had, the model's own weights have replaced


def build_model(cfg: dict[str, Any]) -> BaseModel:
    """Build a model in the present scope.

    Raises:
        UserError: If the constructor of its encoder has loaded a part of it.
    """
    with watching_loads() as witness:
        model: BaseModel = MODELS.build(cfg)
    check_built(model.backbone, witness)
    return model


def loaded_weights(model: BaseModel) -> dict[str, Any]:
    """What was loaded into a model and, if from another file, its encoder: name -> plain values."""
    parts = dict(model=model, encoder=model.backbone)
    found = {name: getattr(part, 'loaded_weights', None) for name, part in parts.items()}
    return {name: loaded.as_dict() for name, loaded in found.items() if loaded}


def needs_weights(model: BaseModel) -> bool:
    """Whether a model lacks weights as its config builds it: of a trained head, or of an encoder without a source."""
    return bool(head_of(model.state_dict())) or not is_pretrained(model.backbone)


def check_needs_none(model: BaseModel, config: str | os.PathLike[str]) -> None:
    """Check that a model has all weights as its config builds it.

    Args:
        model: The model.
        config: Path of its config, beside which a trained head may lie.

    Raises:
        UserError: If it has not.
    """
    if needs_weights(model):
        heads = sorted(Path(config).parent.glob('heads/*/head.safetensors'))  # where `evaluate` puts them
        example = f', such as {heads[0]}' if heads else ''
        raise UserError(f'{config} names not all weights of its model: give a checkpoint{example}')


def head_of(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a whole model that are neither its backbone's nor its preprocessor's."""
    return {key: value for key, value in weights.items() if not key.startswith(('backbone.', 'data_preprocessor.'))}


def _is_encoder_alone(own: Iterable[str], given: Mapping[str, Tensor]) -> bool:
    """Whether weights are those of a model's encoder, whatever stands before their names, without its head."""
    own = list(own)
    if any(key in given for key in own if not key.startswith('backbone.')):
        return False
    encoder = [tuple(key.split('.')) for key in own if key.startswith('backbone.')]
    endings = {key[start:] for key in encoder for start in range(len(key) - 1)}
    found = sum(_has_ending(key.split('.'), endings) for key in given)
    return 2 * found > len(given)


def _has_ending(words: list[str], endings: set[tuple[str, ...]]) -> bool:
    """Whether all of a name, but for what a wrapper has put before it, is the end of another one."""
    return any(tuple(words[start:]) in endings for start in range(min(2, len(words) - 1)))


def _other_classes(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    """Whether nothing but the number of outputs of the head differs."""
    differing = [key for key in own if key not in given or own[key].shape != given[key].shape]
    return own.keys() == given.keys() and all(
        'head' in key and own[key].shape[1:] == given[key].shape[1:] for key in differing
    )
