"""Layers of transformers' vision models: of sequences of tokens, and of maps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError, first_line

from .hf_calls import Call, side_of_patch
from .network import Tokens, split_tokens
from .spec import EncoderSpec

_NORMS = ('layernorm', 'norm', 'post_layernorm', 'layer_norm', 'rms_norm')
# What to do about models of these types, which come under other names as well.
_INSTEAD = {
    'siglip2_vision_model': 'it takes lists of patches (NaFlex): take a SigLIP 2 of one size, such as '
    'hf:google/siglip2-base-patch16-224, or timm:naflexvit_base_patch16_siglip.v2_webli',
    'timm_wrapper': 'it is of timm: write timm:NAME',
}
_USUALLY = 'give a FILE.py:FUNCTION that returns a module with such outputs'
# Of the first probe: widths of the layers, side of a patch, whether there is a CLS token.
Found = tuple[tuple[int, ...], int, bool]


class Sequences:
    """A transformer: the outputs of its blocks, before and after its last norm.

    Args:
        model: Of transformers.
        spec: What it was made from.
        call: Runs the model on images.

    Attributes:
        pools: What may stand for the CLS token, the usual one first.
    """

    def __init__(self, model: Any, spec: EncoderSpec, call: Call) -> None:
        self.model, self.spec, self.call = model, spec, call
        depth = getattr(model.config, 'num_hidden_layers', None)
        lists = (part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part) == depth)
        blocks = next(lists, None)
        patch = side_of_patch(model)
        if blocks is None or patch is None:
            raise _unknown(spec, model)
        self.blocks, self.patch = blocks, patch
        self.prefix = 0
        self.pools = ['avg']

    def probe(self, size: tuple[int, int]) -> Found:
        """Look at what the model gives for images of a size.

        Raises:
            UserError: If it is not understood.
        """
        try:
            width, self.prefix = self._layout(size)
        except Exception as error:  # of models of text, of videos, and the like
            raise _unknown(self.spec, self.model, first_line(error)) from error
        has_pool = not self.prefix and isinstance(getattr(self.model, 'head', None), nn.Module)
        self.pools = (['token'] if self.prefix else ['map'] if has_pool else []) + ['avg']
        if getattr(self.model.config, 'summary_idxs', None):
            self.pools.append('summary')
        return (width,) * len(self.blocks), self.patch, self.prefix > 0

    @torch.no_grad()
    def takes(self, size: tuple[int, int]) -> bool:
        """Whether images may have this size."""
        try:
            return self._layout(size)[1] == self.prefix
        except Exception:  # of any kind: see probe
            return False

    def _layout(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width of the tokens, and how many come before those of the patches.

        Raises:
            ValueError: If there are no such.
        """
        height, width = size[0] // self.patch, size[1] // self.patch
        places = sorted({0, 1, width, height * width - 1} & set(range(height * width)))
        first, last, wanted = self._probe(_marked(size, self.patch, places))
        prefix = last.shape[1] - height * width if last.ndim == 3 else -1
        # CLIP's leaves its norm to the CLS token, which is taken by its pooler.
        fits = any(seen.shape == wanted.shape and torch.allclose(seen, wanted) for seen in (last, self._norm(last)))
        if prefix < 0 or not fits or not _in_order(first, places, prefix):
            raise ValueError('its tokens are not a grid of patches, row by row, behind others')
        return last.shape[2], prefix

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool, pool: str) -> list[Tokens]:
        """CLS and patch tokens of some layers."""
        layers, _ = self._run(images, indices)
        grid = (images.shape[-2] // self.patch, images.shape[-1] // self.patch)
        return [self._of_layer(x, grid, norm, pool) for x in layers]

    def _of_layer(self, x: Tensor, grid: tuple[int, int], norm: bool, pool: str) -> Tokens:
        normed = self._norm(x)
        cls_token, featmap = split_tokens(normed if norm else x, grid, self.prefix)
        if pool == 'avg':
            cls_token = featmap.mean(dim=(2, 3))
        elif pool == 'summary':
            cls_token = (normed if norm else x)[:, self.model.config.summary_idxs].flatten(1)
        return (self.model.head(normed) if pool == 'map' else cls_token), featmap

    def _probe(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens before the first block, of all images; after the last one and of the model, of the first image."""
        seen: list[Tensor] = []
        hook = self.blocks[0].register_forward_pre_hook(
            lambda _module, inputs, named: seen.append(next(iter([*inputs, *named.values()]))), with_kwargs=True
        )
        try:
            (last,), output = self._run(images, [len(self.blocks) - 1])
        finally:
            hook.remove()
        return seen[0], last[:1], output.last_hidden_state[:1]

    def _run(self, images: Tensor, indices: Sequence[int]) -> tuple[list[Tensor], Any]:
        """The outputs of some blocks, and of the model."""
        seen: dict[int, Tensor] = {}

        def keep(index: int) -> Any:
            return lambda _module, _inputs, output: seen.update(
                {index: output[0] if isinstance(output, tuple) else output}
            )

        hooks = [self.blocks[index].register_forward_hook(keep(index)) for index in set(indices)]
        try:
            output = self.call(images)
        finally:
            for hook in hooks:
                hook.remove()
        return [seen[index] for index in indices], output

    def _norm(self, x: Tensor) -> Tensor:
        return _norm_of(self.model)(x)


class Maps:
    """A convolutional network: the maps of its stages, of which the last has a norm.

    Args:
        model: Of transformers.
        spec: What it was made from.
        call: Runs the model on images.
    """

    pools = ('avg',)

    def __init__(self, model: Any, spec: EncoderSpec, call: Call) -> None:
        self.model, self.spec, self.call = model, spec, call
        self.stages = len(model.config.depths)

    def probe(self, size: tuple[int, int]) -> Found:
        """Look at what the model gives; see :meth:`Sequences.probe`."""
        try:
            maps = self._run(torch.zeros(1, 3, *size))
            self._of_layer(maps[-1], True)
        except Exception as error:
            raise _unknown(self.spec, self.model, first_line(error)) from error
        if len(maps) != self.stages or any(part.ndim != 4 for part in maps):
            raise _unknown(self.spec, self.model)
        return tuple(part.shape[1] for part in maps), size[1] // maps[-1].shape[-1], False

    def takes(self, size: tuple[int, int]) -> bool:  # noqa: ARG002
        """See :meth:`Sequences.takes`."""
        return True

    def tokens(self, images: Tensor, indices: Sequence[int], norm: bool, pool: str) -> list[Tokens]:  # noqa: ARG002
        """Pool and map of some stages."""
        maps = self._run(images)
        return [self._of_layer(maps[index], norm and index == self.stages - 1) for index in indices]

    def _of_layer(self, featmap: Tensor, norm: bool) -> Tokens:
        if not norm:
            return featmap.mean(dim=(2, 3)), featmap
        own = _norm_of(self.model)
        if not isinstance(own, nn.LayerNorm):  # over the map, before the pool
            normed = own(featmap)
            return normed.mean(dim=(2, 3)), normed
        return own(featmap.mean(dim=(2, 3))), own(featmap.movedim(1, -1)).movedim(-1, 1)

    def _run(self, images: Tensor) -> list[Tensor]:
        states = self.call(images, output_hidden_states=True).hidden_states
        return list(states[-self.stages :])


def _marked(size: tuple[int, int], patch: int, places: Sequence[int]) -> Tensor:
    """Images of zeros, all but the first with ones in a patch."""
    images = torch.zeros(len(places) + 1, 3, *size)
    columns = size[1] // patch
    for image, place in zip(images[1:], places):
        top, left = patch * (place // columns), patch * (place % columns)
        image[:, top : top + patch, left : left + patch] = 1
    return images


def _in_order(tokens: Tensor, places: Sequence[int], prefix: int) -> bool:
    """Whether what is changed of the tokens (B, N, D) of :func:`_marked` is the patch's, row by row, after others."""
    if tokens.shape[0] != len(places) + 1:
        return False
    change = (tokens[1:, prefix:] - tokens[:1, prefix:]).abs().amax(dim=2)
    changed = change > 1e-3 * change.amax(dim=1, keepdim=True)  # by more than rounding
    return changed.nonzero().tolist() == [[row, place] for row, place in enumerate(places)]


def _norm_of(model: Any) -> nn.Module:
    found = (getattr(model, name, None) for name in _NORMS)
    return next((norm for norm in found if isinstance(norm, nn.Module)), nn.Identity())


def _unknown(spec: EncoderSpec, model: Any, reason: str = '') -> UserError:
    words = f' ({reason[:200]})' if reason else ''
    instead = _INSTEAD.get(model.config.model_type, _USUALLY)
    return UserError(f'{spec}: no CLS and patch tokens can be told of a {type(model).__name__}{words}: {instead}')
