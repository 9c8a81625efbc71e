"""The public layouts in which other programs want an encoder's weights.

Each function takes what :func:`~mmssl_robust.models.backbones.weights.extract_encoder`
gives, timm's key names with a (1, 1 + N, D) position embedding for the CLS
token and N patches, and that function reads each result back.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from mmssl_robust.utils.errors import UserError

Encoder = dict[str, Tensor]

# The last release with `Trainer.from_argparse_args`, which the paper's code calls; newer ones migrate from it.
_LIGHTNING_VERSION = '1.9.5'


def dino(encoder: Encoder) -> Encoder:
    """Name the weights as facebookresearch/dino does, which is timm's way too.

    Args:
        encoder: Weights by timm's names.

    Returns:
        The same weights by the same names.

    Raises:
        UserError: If the encoder has LayerScale or registers, which DINO's code does not know.
    """
    if _is_dinov2(encoder):
        raise UserError('DINO has no LayerScale and no registers: write this encoder as dinov2 or timm')
    return dict(encoder)


def dinov2(encoder: Encoder) -> Encoder:
    """Name the weights as facebookresearch/dinov2 does.

    Args:
        encoder: Weights by timm's names.

    Returns:
        Weights with ``register_tokens`` (1, R, D), ``mlp.w12`` and ``mlp.w3``
        where the encoder has registers and packed SwiGLU, and a
        ``mask_token`` (1, D) of zeros: only pre-training reads it, but a
        strict load wants it.
    """
    names = {'reg_token': 'register_tokens'}
    if _has_packed_swiglu(encoder):
        names |= {'.mlp.fc1.': '.mlp.w12.', '.mlp.fc2.': '.mlp.w3.'}
    cls_token = encoder['cls_token']
    state = {'mask_token': cls_token.new_zeros(1, cls_token.shape[-1])}
    for key, value in encoder.items():
        for timms, theirs in names.items():
            key = key.replace(timms, theirs)
        state[key] = value
    return state


def timm(encoder: Encoder) -> Encoder:
    """Lay the weights out as timm's ViT with ``num_classes=0`` loads them strictly.

    Args:
        encoder: Weights by timm's names.

    Returns:
        The same weights; with registers, ``cls_token`` has its position added
        and ``pos_embed`` is (1, N, D), of the patches only
        (``no_embed_class=True``).
    """
    if 'reg_token' not in encoder:
        return dict(encoder)
    cls_position, patch_positions = encoder['pos_embed'][:, :1], encoder['pos_embed'][:, 1:]
    return encoder | {'cls_token': encoder['cls_token'] + cls_position, 'pos_embed': patch_positions}


def lightning(encoder: Encoder, teacher: Encoder | None = None) -> dict[str, Any]:
    """Make a DeACL checkpoint of the paper's code (layer6ai-labs/ssl-robustness).

    That code loads an encoder strictly into facebookresearch's own model, so
    the names are DINOv2's where the encoder is one.

    Args:
        encoder: Weights of the robust student, by timm's names.
        teacher: Weights of the frozen teacher.

    Returns:
        What Lightning's ``load_from_checkpoint`` reads, of tensors and plain values.
    """
    state = _prefixed(_facebook(encoder), 'backbone.encoder.')
    if teacher is not None:
        state |= _prefixed(_facebook(teacher), 'momentum_backbone.encoder.')
    return {
        'epoch': 0,
        'global_step': 0,
        'pytorch-lightning_version': _LIGHTNING_VERSION,
        'state_dict': state,
        'hyper_parameters': {},
    }


def mmengine(encoder: Encoder) -> dict[str, Any]:
    """Make a checkpoint whose weights have the names of a model with a ``DINOVisionTransformer`` as backbone.

    Args:
        encoder: Weights by timm's names.

    Returns:
        ``state_dict`` and ``meta`` of an MMEngine checkpoint.
    """
    return {'state_dict': _prefixed(encoder, 'backbone.vit.'), 'meta': {'epoch': 0, 'iter': 0}}


LAYOUTS: dict[str, Callable[..., dict[str, Any]]] = {
    layout.__name__: layout for layout in (dino, dinov2, timm, lightning, mmengine)
}


def _has_packed_swiglu(encoder: Encoder) -> bool:
    """Whether the MLP's first layer makes both halves of what the second one takes."""
    fc1, fc2 = (encoder.get(f'blocks.0.mlp.{layer}.weight') for layer in ('fc1', 'fc2'))
    return fc1 is not None and fc2 is not None and fc1.shape[0] == 2 * fc2.shape[1]


def _facebook(encoder: Encoder) -> Encoder:
    """The names of DINO or DINOv2, of which the latter alone has LayerScale."""
    return dinov2(encoder) if _is_dinov2(encoder) else dino(encoder)


def _is_dinov2(encoder: Encoder) -> bool:
    return 'reg_token' in encoder or any(key.endswith('.ls1.gamma') for key in encoder)


def _prefixed(state: Encoder, prefix: str) -> Encoder:
    return {prefix + key: value for key, value in state.items()}
