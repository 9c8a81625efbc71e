"""The checkpoint layouts in which DINO encoders are found, loaded strictly."""

import os

import torch
from torch import Tensor, nn

from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import mismatch

# Where the encoder's weights live inside a checkpoint, most specific first.
# 'module.' and the DeACL momentum encoder are dealt with before.
_PREFIXES = (
    'teacher.backbone.vit.',
    'backbone.encoder.',  # Lightning DeACL as released
    'backbone.model.',  # and as its present code writes it
    'backbone.vit.',
    'backbone.',
    'encoder.',
    'vit.',
    '',
)
_NOT_ENCODER = ('head.', 'projector.', 'mask_token', 'fc.')


def load_encoder_weights(vit: nn.Module, source: str | os.PathLike) -> None:
    """Load an encoder strictly from any layout of DINO, DINOv2, DeACL, MMEngine or timm.

    Args:
        vit: The timm ViT inside a :class:`DINOVisionTransformer`.
        source: Path or URL.

    Raises:
        UserError: If a key is missing, unexpected or of another shape; names the keys.
    """
    weights = extract_encoder(read_checkpoint(source), registers=vit.reg_token is not None)
    problems = mismatch(vit.state_dict(), weights)
    if problems:
        raise UserError(f'{source} does not fit this encoder; {problems}')
    vit.load_state_dict(weights)


def extract_encoder(checkpoint: dict, registers: bool = False) -> dict[str, Tensor]:
    """Bring a checkpoint's encoder to timm's key names.

    Known layouts: flat ``dino_*_pretrain.pth`` and ``dinov2_*_pretrain.pth``;
    full DINO training checkpoints, theirs and this project's (the teacher is
    taken, as DINO's own evaluation does); Lightning DeACL (never its momentum
    encoder); MMEngine; timm.

    Args:
        checkpoint: What was read from the file.
        registers: Whether the encoder has register tokens.

    Returns:
        The encoder's state dict.
    """
    state = checkpoint if isinstance(checkpoint, dict) else {}
    for key in ('teacher', 'student', 'state_dict', 'model'):
        if isinstance(state.get(key), dict):
            state = state[key]
            break
    state = {str(key).removeprefix('module.'): value for key, value in state.items() if isinstance(value, Tensor)}
    prefix = next((p for p in _PREFIXES if p + 'cls_token' in state), '')
    state = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    state = {_timm_name(key): value for key, value in state.items() if not key.startswith(_NOT_ENCODER)}
    if registers:
        state = _split_timm_registers(state)
    return state


def _timm_name(key: str) -> str:
    """DINOv2's names for register tokens and the packed SwiGLU, in timm's."""
    for theirs, timms in (('register_tokens', 'reg_token'), ('mlp.w12.', 'mlp.fc1.'), ('mlp.w3.', 'mlp.fc2.')):
        key = key.replace(theirs, timms)
    return key


def _split_timm_registers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put a zero where timm has merged the CLS position of register models into the CLS token."""
    pos_embed = state.get('pos_embed')
    if pos_embed is not None and round(pos_embed.shape[1] ** 0.5) ** 2 == pos_embed.shape[1]:
        zero = pos_embed.new_zeros(1, 1, pos_embed.shape[2])
        state = state | {'pos_embed': torch.cat((zero, pos_embed), dim=1)}
    return state
