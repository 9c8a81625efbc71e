"""``mmpretrain:NAME``: encoders of MMPretrain's model zoo."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmpretrain.apis import ModelHub, list_models
from mmpretrain.models import ResNet
from mmpretrain.registry import MODELS
from torch import Tensor

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.names import close_to
from mmssl_robust.utils.pretrained import Loaded, load_encoder

from .info import IMAGENET_MEAN, IMAGENET_STD, EncoderInfo
from .network import TokenNetwork, Tokens, check_pool, split_tokens
from .spec import EncoderSpec

_SIZE = (224, 224)
_USUAL = (('mean', IMAGENET_MEAN), ('std', IMAGENET_STD))


def build(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec.

    Raises:
        UserError: If MMPretrain knows no such model, or it has no encoder of images.
    """
    found = _entry(spec)
    settings = found.config.model.get('backbone')
    if settings is None:
        raise UserError(f'{spec}: this model has no backbone: use another')
    if settings.type == 'ConvNeXt':
        settings.gap_before_final_norm = False  # which leaves no map
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = MODELS.build(settings)
    weights = None if spec.is_random else spec.checkpoint or found.weights
    if not weights and not spec.is_random:
        raise UserError(f'{spec}: MMPretrain names no weights for it: add ?checkpoint=FILE or ?weights=random')
    colours = found.config.model.get('data_preprocessor') or found.config.get('data_preprocessor') or {}
    kind = ViT if hasattr(backbone, 'num_extra_tokens') and hasattr(backbone, 'layers') else Stages
    return kind(spec, backbone, weights, colours)


class MMPretrainNetwork(TokenNetwork):
    """What the two kinds of MMPretrain's backbones share."""

    def __init__(self, spec: EncoderSpec, backbone: Any, weights: str | None, colours: dict[str, Any]) -> None:
        super().__init__()
        backbone.eval()
        self.spec, self.model, self.weights = spec, backbone, weights
        self.mean, self.std = (tuple(map(float, colours.get(name) or usual)) for name, usual in _USUAL)

    def load(self) -> Loaded:  # noqa: D102
        return load_encoder(self.model, self.weights or '', weights=self.spec.which)


class ViT(MMPretrainNetwork):
    """A ``VisionTransformer``, of which the tokens of all blocks come before the norm."""

    def __init__(self, spec: EncoderSpec, backbone: Any, weights: str | None, colours: dict[str, Any]) -> None:
        super().__init__(spec, backbone, weights, colours)
        pooled_norm = getattr(backbone, 'ln2', None) if backbone.out_type == 'avg_featmap' else None
        self.prefix = backbone.num_extra_tokens
        pools = ['avg', 'token'] if pooled_norm is not None else ['token', 'avg']
        check_pool(spec, spec.options.get('pool'), pools if self.prefix else ['avg'])
        self.pool = spec.options.get('pool') or (pools[0] if self.prefix else 'avg')
        self.has_norm, self.has_pooled_norm = backbone.final_norm, pooled_norm is not None
        depth = len(backbone.layers)
        backbone.out_type, backbone.out_indices, backbone.final_norm = 'raw', list(range(depth)), False
        patch = int(backbone.patch_embed.projection.stride[0])
        size = (int(backbone.img_size[0]), int(backbone.img_size[1]))
        self.info = EncoderInfo(
            self.mean, self.std, patch, patch, size, (backbone.embed_dims,) * depth, self.prefix > 0
        )

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: D102
        patch = self.info.patch_size
        grid = (images.shape[-2] // patch, images.shape[-1] // patch)
        # Those that are trained by masking mask unless they are told not to.
        settings = dict(mask=None) if 'mask' in inspect.signature(self.model.forward).parameters else {}
        layers = self.model(images, **settings)
        return [self._of_layer(layers[index], grid, norm) for index in indices]

    def _of_layer(self, x: Tensor, grid: tuple[int, int], norm: bool) -> Tokens:
        if norm and self.has_norm:
            x = self.model.ln1(x)
        cls_token, featmap = split_tokens(x, grid, self.prefix)
        if self.pool == 'avg':
            cls_token = featmap.mean(dim=(2, 3))
            if norm and self.has_pooled_norm:
                cls_token = self.model.ln2(cls_token)
        return cls_token, featmap


class Stages(MMPretrainNetwork):
    """A backbone of feature maps: the last one, of a ResNet all."""

    def __init__(self, spec: EncoderSpec, backbone: Any, weights: str | None, colours: dict[str, Any]) -> None:
        super().__init__(spec, backbone, weights, colours)
        check_pool(spec, spec.options.get('pool'), ['avg'])
        if isinstance(backbone, ResNet):
            backbone.out_indices = tuple(range(backbone.num_stages))
        maps = self._probe()
        stride = _SIZE[0] // maps[-1].shape[-1]
        widths = tuple(part.shape[1] for part in maps)
        self.info = EncoderInfo(self.mean, self.std, stride, stride, _SIZE, widths, False)

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: ARG002, D102
        maps = self.model(images)
        return [(maps[index].mean(dim=(2, 3)), maps[index]) for index in indices]

    @torch.no_grad()
    def _probe(self) -> list[Tensor]:
        try:
            outputs = self.model(torch.zeros(1, 3, *_SIZE))
        except Exception as error:  # backbones of videos, of text and of masked images want other inputs
            raise UserError(f'{self.spec} encodes no image by itself ({first_line(error)}): use another') from error
        maps = [part for part in outputs if isinstance(part, Tensor) and part.ndim == 4]
        if not maps or len(maps) != len(outputs):
            raise UserError(f'{self.spec}: its {type(self.model).__name__} gives no maps: use another')
        return maps


def _entry(spec: EncoderSpec) -> Any:
    try:
        return ModelHub.get(spec.name)
    except ValueError:
        near = close_to(spec.name, list_models())
        hint = f'; did you mean mmpretrain:{near[0]}?' if near else ''
        raise UserError(f'{spec}: MMPretrain has no model {spec.name}{hint}') from None
