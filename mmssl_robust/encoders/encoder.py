"""The encoder that a spec names, as OpenMMLab's models take it."""

import os
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule, initialize
from torch import Tensor, nn

from mmssl_robust.functional.tokens import absolute_indices
from mmssl_robust.models.backbones.dino_vit import OUT_TYPES
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import SizeError
from mmssl_robust.utils.pretrained import note

from .info import EncoderInfo
from .sources import build_network
from .spec import EncoderSpec, parse_spec


@MODELS.register_module()
class Encoder(BaseModule):
    """Any encoder by name, with its own normalisation, strictly loaded and frozen.

    Args:
        spec: See :func:`~mmssl_robust.encoders.spec.parse_spec`.
        out_type: ``'cls_token'`` gives (B, D), the CLS token or, where there is none, the pool that the model is made
            for; ``'featmap'`` patch tokens (B, D, h, w); ``'featmap_cls'`` a pair of both.
        out_indices: Layers whose tokens are returned, negative from the end.
        final_norm: Whether they pass the final norm, of convolutional networks in the last layer alone.
        frozen: Keep all parameters fixed and the module in eval mode; the gradient for the input remains.
        init_cfg: Other weights than those that the spec names: ``dict(type='Pretrained', checkpoint=...)``.

    Attributes:
        spec: What it was made from.
        network: The library's network.

    Raises:
        UserError: If the spec names nothing that can be built, or an argument is not among the values above.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> cfg = dict(type='mmssl_robust.Encoder', spec='mini', out_type='featmap', out_indices=[-2, -1])
        >>> encoder = MODELS.build(cfg)
        >>> encoder.init_weights()
        >>> inputs = encoder.normalised(torch.rand(1, 3, 64, 64))
        >>> [tokens.shape for tokens in encoder(inputs)]
        [torch.Size([1, 192, 8, 8]), torch.Size([1, 192, 8, 8])]
    """

    def __init__(
        self,
        spec: str | os.PathLike[str] | EncoderSpec,
        out_type: str = 'cls_token',
        out_indices: Sequence[int] = (-1,),
        final_norm: bool = True,
        frozen: bool = True,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if out_type not in OUT_TYPES:
            raise UserError(f'unknown out_type={out_type!r}: use one of {", ".join(OUT_TYPES)}')
        self.spec = parse_spec(spec)
        self.network = build_network(self.spec)
        self.out_type, self.final_norm, self.frozen = out_type, final_norm, frozen
        self.out_indices = absolute_indices(out_indices, self.info.depth, f'{self.spec} of {self.info.depth} layers')
        self._other_weights = init_cfg is not None
        if init_cfg is None and self.network.weights:
            self.init_cfg = dict(type='Pretrained', checkpoint=self.network.weights)
        if init_cfg is None and self.network.loaded:
            note(self, self.network.loaded)
        if frozen:
            self.requires_grad_(False)
            self.eval()

    @property
    def info(self) -> EncoderInfo:
        """What it says of itself."""
        return self.network.info

    @property
    def embed_dims(self) -> int:
        """Width of the tokens of the last layer that is returned."""
        return self.info.widths[self.out_indices[-1]]

    @property
    def patch_size(self) -> int:
        """Pixels from a patch token to the next."""
        return self.info.patch_size

    @property
    def timm_model(self) -> nn.Module:
        """The library's network, whose way to convert weights a loader may ask for."""
        return self.network.model

    def init_weights(self) -> None:
        """Load the weights that the spec or ``init_cfg`` names, all of them.

        Raises:
            UserError: If they do not fit.
        """
        if self.is_init:
            return
        if self._other_weights:
            initialize(self, self.init_cfg)
        elif self.network.weights:
            self.loaded_weights = self.network.load()
        self._is_init = True

    def train(self, mode: bool = True) -> 'Encoder':
        """Set the mode; a frozen encoder stays in eval mode."""
        return super().train(mode and not self.frozen)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Inputs (B, 3, H, W) for pixels in [0, 1]."""
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (self.info.mean, self.info.std))
        return (pixels * 255 - mean) / std

    def forward(self, inputs: Tensor) -> tuple[Tensor | tuple[Tensor, Tensor], ...]:
        """Encode normalised images.

        Args:
            inputs: (B, 3, H, W).

        Returns:
            One entry for each of ``out_indices``, of the kind ``out_type``.

        Raises:
            UserError: If the encoder does not take images of this size.
        """
        return tuple(self._select(cls_token, featmap) for cls_token, featmap in self.layers(inputs))

    def layers(self, inputs: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        """CLS token (B, D) and patch tokens (B, D, h, w) of each of ``out_indices``, None where there is no map.

        Args:
            inputs: As for :meth:`forward`, whose errors it raises.
        """
        self._check_size(*inputs.shape[-2:])
        return list(self.network.tokens(inputs, self.out_indices, self.final_norm))

    def _select(self, cls_token: Tensor, featmap: Tensor | None) -> Tensor | tuple[Tensor, Tensor]:
        if self.out_type == 'cls_token':
            return cls_token
        if featmap is None:
            raise UserError(f'{self.spec} gives one vector an image and no map: take one that does for dense tasks')
        return featmap if self.out_type == 'featmap' else (featmap, cls_token)

    def _check_size(self, height: int, width: int) -> None:
        info = self.info
        if info.fixed_size and (height, width) != info.native_size:
            raise UserError(
                f'{self.spec} takes images of {info.native_size[0]}x{info.native_size[1]} alone, not of '
                f'{height}x{width}: resize or crop them in the pipeline'
            )
        if height % info.size_multiple or width % info.size_multiple:
            raise SizeError(
                f'input of {height}x{width} is no multiple of {info.size_multiple}, as {self.spec} needs: resize it, '
                'or let the data_preprocessor pad',
                info.size_multiple,
            )
