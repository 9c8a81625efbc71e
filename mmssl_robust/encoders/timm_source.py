"""``timm:NAME``: encoders of timm, of which ViTs give CLS and patch tokens and others the maps of their stages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.names import close_to
from mmssl_robust.utils.pretrained import Loaded, load_encoder

from .info import EncoderInfo, of_255
from .network import TokenNetwork, Tokens, check_pool
from .spec import EncoderSpec
from .timm_positions import keep_positions_of


def build(spec: EncoderSpec) -> TokenNetwork:
    """Build the network of a spec.

    Raises:
        UserError: If timm knows no such model, or gives no tokens of it.
    """
    _check_name(spec)
    model = _create(spec)
    if not hasattr(model, 'forward_intermediates'):
        raise UserError(f'{spec}: timm gives no tokens of it: use another model')
    keep_positions_of(model, spec.name)
    weights = None if spec.is_random else spec.checkpoint or _published(spec, model.pretrained_cfg)
    kind = ViT if hasattr(model, 'blocks') and hasattr(model, 'num_prefix_tokens') else Stages
    return kind(spec, model, weights)


class TimmNetwork(TokenNetwork):
    """What the two kinds of timm's models share.

    Attributes:
        architecture: The spec without its weights.
    """

    def __init__(self, spec: EncoderSpec, model: Any, weights: str | None) -> None:
        super().__init__()
        self.spec, self.model, self.weights = spec, model, weights
        options = {key: spec.options[key] for key in ('pool', 'size') if key in spec.options}
        self.architecture = str(replace(spec, options=options))

    @property
    def timm_model(self) -> nn.Module:
        """The model, whose way to convert weights a loader asks for."""
        return self.model

    def load(self) -> Loaded:
        """Load the weights; the classifier of the file is left out."""
        classifier = self.model.pretrained_cfg.get('classifier') or ()
        names = [classifier] if isinstance(classifier, str) else list(classifier)
        leave_out = [f'{name}.' for name in names]
        return load_encoder(self, self.weights or '', weights=self.spec.which, leave_out=leave_out)

    def _info(self, stride: int, widths: Sequence[int], has_cls: bool, fixed: bool) -> EncoderInfo:
        settings = self.model.pretrained_cfg
        native = self.spec.size() or tuple(settings['input_size'][1:])
        mean, std = of_255(settings['mean']), of_255(settings['std'])
        return EncoderInfo(mean, std, stride, stride, native, tuple(widths), has_cls, fixed)


class ViT(TimmNetwork):
    """A model of tokens: those before the patches, CLS the first of them, and the patches."""

    def __init__(self, spec: EncoderSpec, model: Any, weights: str | None) -> None:
        super().__init__(spec, model, weights)
        has_cls = bool(getattr(model, 'has_class_token', getattr(model, 'cls_token', None) is not None))
        pools = [
            *(['map'] if getattr(model, 'attn_pool', None) is not None else []),
            *(['token'] if has_cls else []),
            'avg',
        ]
        check_pool(spec, spec.options.get('pool'), pools)
        # An attention pool is the output of a model that was trained with one, whether it has a CLS token or not.
        self.pool = spec.options.get('pool') or pools[0]
        dynamic = getattr(model, 'dynamic_img_size', False) or 'naflex' in spec.name
        widths = [entry['num_chs'] for entry in model.feature_info]
        self.info = self._info(model.feature_info[-1]['reduction'], widths, has_cls, not dynamic)

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: D102
        prefix = self.model.num_prefix_tokens
        settings = dict(return_prefix_tokens=True) if prefix else {}
        layers = self.model.forward_intermediates(
            images, indices=list(indices), stop_early=True, intermediates_only=True, **settings
        )
        by_index = dict(zip(sorted(set(indices)), layers))
        return [self._of_layer(by_index[index], norm) for index in indices]

    def _of_layer(self, layer: Any, norm: bool) -> Tokens:
        featmap, prefix = layer if isinstance(layer, (tuple, list)) else (layer, None)
        grid = featmap.shape[-2:]
        x = featmap.flatten(2).transpose(1, 2)
        if prefix is not None:
            x = torch.cat((prefix, x), dim=1)
        # Models that are pooled have their only norm behind the pool.
        token_norm = _only(self.model.norm, getattr(self.model, 'fc_norm', None))
        normed = token_norm(x)
        cls_token = self._pooled(x, normed, norm)
        patches = (normed if norm else x)[:, self.model.num_prefix_tokens :]
        return cls_token, patches.transpose(1, 2).unflatten(2, grid)

    def _pooled(self, x: Tensor, normed: Tensor, norm: bool) -> Tensor:
        if self.pool == 'map':  # made for normed tokens
            return self.model.forward_head(self.model.norm(x), pre_logits=True)
        if self.pool == 'token':
            return (normed if norm else x)[:, 0]
        begin = self.model.num_prefix_tokens
        if not norm:
            return x[:, begin:].mean(dim=1)
        return self.model.fc_norm(self.model.norm(x)[:, begin:].mean(dim=1))


class Stages(TimmNetwork):
    """A model of feature maps, pooled for what has no CLS token."""

    def __init__(self, spec: EncoderSpec, model: Any, weights: str | None) -> None:
        super().__init__(spec, model, weights)
        check_pool(spec, spec.options.get('pool'), ['avg'])
        found = list(model.feature_info)
        fixed = bool(model.pretrained_cfg.get('fixed_input_size'))
        self.info = self._info(found[-1]['reduction'], [entry['num_chs'] for entry in found], False, fixed)

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool) -> list[Tokens]:  # noqa: D102
        last = self.info.depth - 1
        # Some have a norm of their last stage, and others refuse to be asked for one.
        settings = dict(norm=True) if norm and isinstance(getattr(self.model, 'norm', None), nn.Module) else {}
        maps = self.model.forward_intermediates(
            images, indices=list(indices), stop_early=True, intermediates_only=True, **settings
        )
        by_index = dict(zip(sorted(set(indices)), maps))
        return [self._of_layer(by_index[index], norm and index == last) for index in indices]

    def _of_layer(self, featmap: Tensor, norm: bool) -> Tokens:
        pooled = featmap.mean(dim=(2, 3), keepdim=True)
        head_norm = getattr(getattr(self.model, 'head', None), 'norm', None)
        if norm and isinstance(head_norm, nn.Module):  # behind the pool; each place of the map takes it as well
            pooled, featmap = _of_channels(head_norm, pooled), _of_channels(head_norm, featmap)
        return pooled.flatten(1), featmap


def _of_channels(norm: nn.Module, featmap: Tensor) -> Tensor:
    """A norm of channels, which the map (B, D, h, w) has in the middle and some norms want last."""
    if type(norm).__name__.endswith('2d'):
        return norm(featmap)
    return norm(featmap.movedim(1, -1)).movedim(-1, 1)


def _only(*norms: nn.Module | None) -> nn.Module:
    """The norm of a model, which has one of several places."""
    found = [norm for norm in norms if norm is not None and not isinstance(norm, nn.Identity)]
    return found[0] if found else nn.Identity()


def _check_name(spec: EncoderSpec) -> None:
    architecture, _, tag = spec.name.partition('.')
    if not timm.is_model(architecture):
        near = close_to(architecture, timm.list_models())
        hint = f'; did you mean timm:{near[0]}?' if near else ''
        raise UserError(f'{spec}: timm {timm.__version__} has no model {architecture}{hint}')
    if tag and spec.name not in timm.list_pretrained():
        tags = [name.partition('.')[2] for name in timm.list_pretrained(f'{architecture}.*')]
        raise UserError(f'{spec}: {architecture} has no weights {tag}: use {", ".join(tags) or "checkpoint=FILE"}')


def _create(spec: EncoderSpec) -> Any:
    """The model without a classifier, for images of any size where it can."""
    size = spec.size()
    sized = {} if size is None else dict(img_size=size)
    for settings in (sized | dict(dynamic_img_size=True), sized):
        try:
            return timm.create_model(spec.name, pretrained=False, num_classes=0, **settings)
        except TypeError as error:  # an argument that this model does not have
            problem = first_line(error)
    raise UserError(f'{spec}: timm cannot make it: {problem}')


def _published(spec: EncoderSpec, found: dict[str, Any]) -> str:
    """Path or URL of the weights that timm names."""
    if found.get('file'):
        return str(found['file'])
    if found.get('hf_hub_id') and not found.get('custom_load'):
        return f'hf://{found["hf_hub_id"]}/{found.get("hf_hub_filename") or "model.safetensors"}'
    if found.get('url') and not found.get('custom_load'):
        return str(found['url'])
    raise UserError(f'{spec}: timm names no weights for it: add ?checkpoint=FILE or ?weights=random')
