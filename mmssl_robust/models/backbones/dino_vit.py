"""Vision transformers of DINO and DINOv2, on timm's implementation."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from mmengine.model import BaseModule, initialize
from timm.layers import SwiGLUPacked
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmssl_robust.functional.tokens import absolute_indices
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import SizeError

from .cls_only import cls_only
from .pos_embed import resample_pos_embed

_DINO = dict(img_size=224, mlp_ratio=4.0)
_DINOV2 = dict(img_size=518, patch_size=14, mlp_ratio=4.0, init_values=1e-5)
_REGISTERS = dict(reg_tokens=4, pos_offset=0.0, pos_antialias=True)
_SMALL = dict(embed_dim=384, depth=12, num_heads=6)
_BASE = dict(embed_dim=768, depth=12, num_heads=12)
_LARGE = dict(embed_dim=1024, depth=24, num_heads=16)
# SwiGLU of width 4096: timm counts both halves of the packed projection, and would gate with the block's GELU.
_GIANT = dict(embed_dim=1536, depth=40, num_heads=24, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
_GIANT_MLP = dict(mlp_ratio=8192 / 1536)

ARCHITECTURES: dict[str, dict[str, Any]] = {
    'dino_vits16': _DINO | _SMALL | dict(patch_size=16),
    'dino_vits8': _DINO | _SMALL | dict(patch_size=8),
    'dino_vitb16': _DINO | _BASE | dict(patch_size=16),
    'dino_vitb8': _DINO | _BASE | dict(patch_size=8),
    'dinov2_vits14': _DINOV2 | _SMALL,
    'dinov2_vitb14': _DINOV2 | _BASE,
    'dinov2_vitl14': _DINOV2 | _LARGE,
    'dinov2_vitg14': _DINOV2 | _GIANT | _GIANT_MLP,
    'dinov2_vits14_reg': _DINOV2 | _SMALL | _REGISTERS,
    'dinov2_vitb14_reg': _DINOV2 | _BASE | _REGISTERS,
    'dinov2_vitl14_reg': _DINOV2 | _LARGE | _REGISTERS,
    'dinov2_vitg14_reg': _DINOV2 | _GIANT | _GIANT_MLP | _REGISTERS,
}

OUT_TYPES = ('cls_token', 'featmap', 'featmap_cls')


class _TimmDINO(VisionTransformer):
    """timm's ViT with facebookresearch's position embeddings at any input size."""

    cls_token: nn.Parameter  # timm's may be None, where it is made without
    pos_embed: nn.Parameter

    def __init__(self, pos_offset: float = 0.1, pos_antialias: bool = False, **kwargs: Any) -> None:
        super().__init__(
            num_classes=0, global_pool='token', qkv_bias=True, dynamic_img_size=True, weight_init='', **kwargs
        )
        self.pos_offset = pos_offset
        self.pos_antialias = pos_antialias
        # Registers have no position: one embedding for CLS, one for each patch.
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + self.patch_embed.num_patches, self.embed_dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def _pos_embed(self, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        pos = resample_pos_embed(
            self.pos_embed, (height, width), self.pos_offset, self.pos_antialias, self.patch_embed.grid_size
        )
        x = torch.cat((self.cls_token.expand(batch, -1, -1), x.flatten(1, 2)), dim=1) + pos.to(x.dtype)
        if self.reg_token is not None:
            x = torch.cat((x[:, :1], self.reg_token.expand(batch, -1, -1), x[:, 1:]), dim=1)
        return x


@MODELS.register_module()
class DINOVisionTransformer(BaseModule):
    """Encoder of DINO (Caron et al., 2021) or DINOv2 (Oquab et al., 2024).

    Features agree with facebookresearch's implementations at every input size
    that is a multiple of the patch size.

    Args:
        arch: A name in :data:`ARCHITECTURES`, or a dict with ``img_size``,
            ``patch_size``, ``embed_dim``, ``depth``, ``num_heads`` and any
            other argument of timm's ``VisionTransformer``.
        out_type: ``'cls_token'`` gives (B, D); ``'featmap'`` the patch tokens as
            (B, D, H / patch, W / patch); ``'featmap_cls'`` a pair of both.
        out_indices: Blocks whose output is returned, negative from the end.
        final_norm: Whether the outputs pass the final LayerNorm; ``'both'`` gives all outputs before it, then all
            after it.
        frozen: Keep all parameters fixed and the module in eval mode. The
            gradient for the input remains.
        with_cp: Recompute each block's activations in the backward pass.
        drop_path_rate: Stochastic depth of the last block, rising linearly.
        init_cfg: ``dict(type='Pretrained', checkpoint=...)`` loads a local
            file or URL in any layout that :func:`~mmssl_robust.utils.pretrained.load_encoder` knows.

    Raises:
        UserError: If an argument is not among the values above, or at the
            forward pass if the input is no multiple of the patch size.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> mini = dict(img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3)
        >>> weights = dict(type='Pretrained', checkpoint='mmssl_robust://mini/encoder.safetensors')
        >>> cfg = dict(type='mmssl_robust.DINOVisionTransformer', arch=mini, out_type='featmap_cls', init_cfg=weights)
        >>> encoder = MODELS.build(cfg)
        >>> encoder.init_weights()
        >>> ((patch_tokens, cls_token),) = encoder(torch.zeros(1, 3, 32, 48))
        >>> patch_tokens.shape, cls_token.shape
        (torch.Size([1, 192, 4, 6]), torch.Size([1, 192]))
    """

    def __init__(
        self,
        arch: str | dict[str, Any] = 'dino_vitb16',
        out_type: str = 'cls_token',
        out_indices: tuple[int, ...] | list[int] = (-1,),
        final_norm: bool | Literal['both'] = True,
        frozen: bool = False,
        with_cp: bool = False,
        drop_path_rate: float = 0.0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if isinstance(arch, str) and arch not in ARCHITECTURES:
            raise UserError(f'unknown arch={arch!r}: use one of {", ".join(ARCHITECTURES)}')
        if out_type not in OUT_TYPES:
            raise UserError(f'unknown out_type={out_type!r}: use one of {", ".join(OUT_TYPES)}')
        settings = ARCHITECTURES[arch] if isinstance(arch, str) else dict(arch)
        self.vit = _TimmDINO(drop_path_rate=drop_path_rate, **settings)
        self.out_type = out_type
        depth = len(self.vit.blocks)
        self.out_indices = absolute_indices(out_indices, depth, f'an encoder of {depth} blocks')
        self.final_norm = final_norm
        self.frozen = frozen
        self.with_cp = with_cp
        if frozen:
            self.requires_grad_(False)
            self.eval()

    @property
    def embed_dims(self) -> int:
        """Width of the tokens."""
        return self.vit.embed_dim

    @property
    def patch_size(self) -> int:
        """Side of a patch in pixels."""
        return self.vit.patch_embed.patch_size[0]

    def init_weights(self) -> None:
        """Load the weights that ``init_cfg`` names; without it draw timm's random ones."""
        if self.is_init:
            return
        if self.init_cfg and self.init_cfg.get('type') == 'Pretrained':
            initialize(self, self.init_cfg)  # without timm's random ones before
            self._is_init = True
        else:
            super().init_weights()

    def train(self, mode: bool = True) -> 'DINOVisionTransformer':
        """Set the mode; a frozen encoder stays in eval mode."""
        return super().train(mode and not self.frozen)

    def forward(self, inputs: Tensor) -> tuple[Tensor | tuple[Tensor, Tensor], ...]:
        """Encode normalised images.

        Args:
            inputs: (B, 3, H, W), H and W multiples of the patch size.

        Returns:
            One entry for each of ``out_indices``, of the kind ``out_type``.
        """
        height, width = inputs.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise SizeError(
                f'input of {height}x{width} is no multiple of the patch size {self.patch_size}: resize it, or let the '
                f'data_preprocessor pad (pad_size_divisor={self.patch_size}; of mmseg size_divisor={self.patch_size}, '
                'in its test_cfg for tests)',
                self.patch_size,
            )
        grid = (height // self.patch_size, width // self.patch_size)
        x = self.vit._pos_embed(self.vit.patch_embed(inputs))
        outputs = []
        last = max(self.out_indices)
        for index in range(last + 1):
            block = self.vit.blocks[index]
            cls_alone = index == last and self.out_type == 'cls_token'  # nobody reads its other tokens
            run: Callable[[Tensor], Tensor] = partial(cls_only, block) if cls_alone else block
            recompute = self.with_cp and torch.is_grad_enabled()
            x = checkpoint(run, x, use_reentrant=False) if recompute else run(x)
            if index in self.out_indices:
                outputs.append(x)
        before = [] if self.final_norm is True else [self._select(x, grid) for x in outputs]
        after = [self._select(self.vit.norm(x), grid) for x in outputs] if self.final_norm else []
        return (*before, *after)

    def _select(self, x: Tensor, grid: tuple[int, int]) -> Tensor | tuple[Tensor, Tensor]:
        cls_token = x[:, 0]
        if self.out_type == 'cls_token':
            return cls_token
        featmap = x[:, self.vit.num_prefix_tokens :].transpose(1, 2).unflatten(2, grid)
        return featmap if self.out_type == 'featmap' else (featmap, cls_token)
