"""What a person gives beside a config: a checkpoint, and perhaps another encoder for the head in it."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model import BaseModel, BaseModule
from torch import Tensor

from .assets import ASSET_SCHEME
from .checkpoint import local_path
from .checkpoint_layouts import State, unwrapped_name
from .pretrained import initialise, source_of
from .probe import is_finetuned
from .state_dict import build_model, check_needs_none, load_weights, read_weights

_NAMES_ENCODER = {
    'model',
    'model.backbone',
    'model.backbone.init_cfg',
    'model.backbone.init_cfg.checkpoint',
    'model.backbone.pretrained',
    'model.backbone.spec',
}
_BACKBONE = 'backbone.'


def encoder_apart(cfg: Config, options: Mapping[str, Any] | None) -> bool:
    """Whether a command is told of an encoder beside a head, which then counts, whatever lies beside the head.

    Args:
        cfg: The config, with the options; what it fine-tunes belongs together.
        options: What ``--cfg-options`` said: dotted key -> value.
    """
    return bool(_NAMES_ENCODER & set(options or ())) and not is_finetuned(cfg)


def load_given(
    model: BaseModel,
    weights: State | Mapping[str, Tensor],
    source: str,
    cfg: Config,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Load the weights that a command was given strictly, see :func:`~mmssl_robust.utils.state_dict.load_weights`.

    A checkpoint whose encoder is another than the config names, such as after an environment variable was changed,
    counts, and is told of.

    Args:
        model: Of the config.
        weights: What :func:`~mmssl_robust.utils.state_dict.read_weights` gave; empty if there is no checkpoint.
        source: Where they came from.
        cfg: The config.
        options: What ``--cfg-options`` said.

    Raises:
        UserError: If a key is missing, unexpected or of another shape; names the keys.
    """
    apart = encoder_apart(cfg, options)
    tensors = weights.tensors if isinstance(weights, State) else weights
    named = None if apart or is_finetuned(cfg) else _other_encoder(model.backbone, tensors)
    load_weights(model, weights, source, apart)
    if named:
        print_log(
            f'{source} holds another encoder than {named}, which the config names: it is the one of {source} that '
            f'counts; for the other beside the head, --cfg-options model.backbone.init_cfg.checkpoint={named}',
            'current',
            logging.WARNING,
        )


def build_with_weights(
    cfg: Config, config: str, checkpoint: str | None, options: Mapping[str, Any] | None = None
) -> BaseModel:
    """Build the model of a config with its weights, frozen, where it is to run.

    Args:
        cfg: The config, in whose scope one is; its ``model`` loses what the builders take.
        config: Its path, for messages.
        checkpoint: Path or URL of the weights; None if the config names all.
        options: What ``--cfg-options`` said.

    Raises:
        UserError: If they are missing or do not fit.
    """
    weights = read_weights(checkpoint) if checkpoint else State({})
    model = build_model(cfg.model)
    if not checkpoint:
        check_needs_none(model, config)
    load_given(model, weights, checkpoint or '', cfg, options)
    return model.to('cuda' if torch.cuda.is_available() else 'cpu').eval().requires_grad_(False)


def _other_encoder(encoder: BaseModule, weights: Mapping[str, Tensor]) -> str | None:
    """Where the weights of an encoder are that its config names, if a whole model's are others; loads the former.

    None if nothing can be said: they are not on this machine, or cannot be read.
    """
    given = {key.removeprefix(_BACKBONE): value for key, value in weights.items() if key.startswith(_BACKBONE)}
    source = source_of(encoder)
    if not given or source is None:
        return None
    # A checkpoint with all weights never wanted that file: whatever is wrong with it, there is nothing to compare.
    with suppress(Exception):
        if '://' not in source.removeprefix(ASSET_SCHEME) and local_path(source).is_file():
            initialise(encoder)
            own = {unwrapped_name(key): value for key, value in encoder.state_dict().items()}
            return source if _differ(own, given) else None
    return None


def _differ(encoder: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    """Whether two encoders differ; not if the one that is given was stored in fewer digits."""
    shared = [(encoder[key], given[key]) for key in encoder.keys() & given.keys() if given[key].is_floating_point()]
    return any(
        not torch.equal(one.cpu().to(dtype), other.cpu().to(dtype))
        for one, other in shared
        for dtype in [other.dtype if other.element_size() == 2 else torch.float16]
    )
