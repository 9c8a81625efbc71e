"""The encoder that a transfer attack is made against, in the place of a victim's own."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks import Attack, Ensemble, Transfer
from mmssl_robust.encoders.encoder import Encoder
from mmssl_robust.encoders.info import EncoderInfo
from mmssl_robust.functional.tokens import absolute_indices, select_tokens
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import initialise


@dataclass(frozen=True)
class Surrogate:
    """An encoder as a function of pixels.

    Attributes:
        encoder: The encoder, with weights, frozen.
        block: See :class:`~mmssl_robust.attacks.Transfer`.
    """

    encoder: Encoder
    block: int | None

    def normalise(self, pixels: Tensor, mask: Tensor | None) -> Tensor:
        """Return its inputs (B, 3, H, W) for pixels in [0, 1]; where the mask (B, 1, H, W) is False they are 0."""
        inputs = self.encoder.normalised(pixels)
        return inputs if mask is None else inputs * mask

    def tokens(self, inputs: Tensor, tokens: str) -> Tensor:
        """Return tokens (B, N, D) of normalised images, which are resized to what it takes."""
        info, last = self.encoder.info, self.encoder.info.depth - 1
        size = _fitting(inputs.shape[-2:], info)
        if size != inputs.shape[-2:]:
            inputs = F.interpolate(inputs, size, mode='bicubic', antialias=True)
        (layer,) = absolute_indices([last if self.block is None else self.block], info.depth, str(self.encoder.spec))
        ((cls_token, featmap),) = self.encoder.network.tokens(inputs, (layer,), self.block is None)
        return select_tokens([tuple(part for part in (featmap, cls_token) if part is not None)], tokens)


def surrogate_of(attack: Transfer, device: torch.device) -> Surrogate:
    """Return what an attack is made against, on a device.

    Raises:
        UserError: If there is no such encoder, or its weights are not those that the attack says.
    """
    return Surrogate(_encoder_of(attack).to(device), attack.block)


def with_weights_named(attacks: Mapping[str, Attack | Ensemble]) -> dict[str, Attack | Ensemble]:
    """Return attacks of which those with a surrogate say the SHA-256 of its weights, for records.

    Raises:
        UserError: As :func:`surrogate_of`.
    """
    return {name: _named(attack) if isinstance(attack, Transfer) else attack for name, attack in attacks.items()}


def _named(attack: Transfer) -> Transfer:
    named = copy.copy(attack)
    named.sha256 = _sha256(_encoder_of(attack))
    return named


def _encoder_of(attack: Transfer) -> Encoder:
    if attack.surrogate is None:
        raise UserError('a transfer attack needs an encoder to make images against: give it a surrogate')
    encoder = _loaded(attack.surrogate)
    if attack.sha256 not in (None, _sha256(encoder)):
        raise UserError(f'{attack.surrogate} has weights of SHA-256 {_sha256(encoder)}, not {attack.sha256}')
    return encoder


@lru_cache(maxsize=1)
def _loaded(spec: str) -> Encoder:
    encoder = Encoder(spec)
    initialise(encoder)
    return encoder


def _sha256(encoder: Encoder) -> str:
    return str(encoder.loaded_weights.sha256)


def _fitting(size: Sequence[int], info: EncoderInfo) -> tuple[int, int]:
    """The nearest size from above that an encoder takes."""
    if info.fixed_size:
        return info.native_size
    height, width = (-(-side // info.size_multiple) * info.size_multiple for side in size)
    return height, width
