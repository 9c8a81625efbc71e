"""What every source makes of its encoder: a network of tokens."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import Loaded

from .info import EncoderInfo
from .spec import EncoderSpec

# Of a layer: CLS token or what stands for it (B, D), patch tokens (B, D, h, w), None where there is but a vector.
Tokens = tuple[Tensor, Tensor | None]


class TokenNetwork(nn.Module):
    """An encoder of another library, of which all that follows is the same for all.

    Attributes:
        info: What it says of itself.
        model: The network as its library makes it.
        weights: Path, URL or name of its weights, which :meth:`load` loads; None if it has them already.
        loaded: What it has already; None if there is something to load.
    """

    info: EncoderInfo
    model: Any  # which PyTorch would type as Tensor or Module
    weights: str | None = None
    loaded: Loaded | None = None

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:
        """Encode.

        Args:
            images: Normalised, (B, 3, H, W), of a size that fits.
            indices: Layers, from 0.
            norm: Whether tokens pass the final norm.

        Returns:
            For each of the layers CLS and patch tokens.
        """
        raise NotImplementedError

    def load(self) -> Loaded:
        """Load the weights, all of them.

        Raises:
            UserError: If they do not fit.
        """
        raise NotImplementedError


def split_tokens(x: Tensor, grid: tuple[int, int], prefix: int) -> tuple[Tensor, Tensor]:
    """Split tokens (B, N, D), of which ``prefix`` come before the patches, the first of them CLS; else the mean."""
    patches = x[:, prefix:]
    if patches.shape[1] != grid[0] * grid[1]:
        raise UserError(f'{x.shape[1]} tokens are not {prefix} and a grid of {grid[0]} x {grid[1]} patches')
    cls_token = x[:, 0] if prefix else patches.mean(dim=1)
    return cls_token, patches.transpose(1, 2).unflatten(2, grid)


def check_pool(spec: EncoderSpec, pool: str | None, known: Sequence[str]) -> None:
    """Check the option ``pool``.

    Raises:
        UserError: If the encoder has no such pool.
    """
    if pool is not None and pool not in known:
        raise UserError(f'{spec}: this encoder has no pool={pool}: use {" or ".join(known)}')


def digest_of(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values of weights that come from no one file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
