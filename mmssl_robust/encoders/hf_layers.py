"""Layers of transformers' vision models: of sequences of tokens, and of maps."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError, first_line

from .network import Tokens, split_tokens
from .spec import EncoderSpec

_NORMS = ('layernorm', 'norm', 'post_layernorm', 'layer_norm')
# Of the first probe: widths of the layers, side of a patch, whether there is a CLS token.
Found = tuple[tuple[int, ...], int, bool]


class Sequences:
    """A transformer: the outputs of its blocks, before and after its last norm.

    Args:
        model: Of transformers.
        spec: What it was made from.
    """

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self.model, self.spec = model, spec
        depth = getattr(model.config, 'num_hidden_layers', None)
        lists = (part for part in model.modules() if isinstance(part, nn.ModuleList) and len(part) == depth)
        blocks = next(lists, None)
        if blocks is None or not isinstance(getattr(model.config, 'patch_size', None), int):
            raise _unknown(spec, model)
        self.blocks = blocks
        self.patch = model.config.patch_size
        self.prefix = 0
        self.pools = ['avg']

    def probe(self, images: Tensor, settings: dict[str, Any]) -> Found:
        """Look at what the model gives.

        Raises:
            UserError: If it is not understood.
        """
        try:
            layers, output = self._run(images, [len(self.blocks) - 1], settings)
        except Exception as error:  # of models of text, of videos, and the like
            raise _unknown(self.spec, self.model, first_line(error)) from error
        (last,), wanted = layers, output.last_hidden_state
        height, width = images.shape[-2] // self.patch, images.shape[-1] // self.patch
        self.prefix = last.shape[1] - height * width if last.ndim == 3 else -1
        # CLIP's leaves its norm to the CLS token, which is taken by its pooler.
        fits = any(seen.shape == wanted.shape and torch.allclose(seen, wanted) for seen in (last, self._norm(last)))
        if self.prefix < 0 or not fits:
            raise _unknown(self.spec, self.model)
        has_pool = not self.prefix and isinstance(getattr(self.model, 'head', None), nn.Module)
        self.pools = (['token'] if self.prefix else ['map'] if has_pool else []) + ['avg']
        return (last.shape[2],) * len(self.blocks), self.patch, self.prefix > 0

    def tokens(
        self, images: Tensor, indices: Sequence[int], norm: bool, pool: str, settings: dict[str, Any]
    ) -> list[Tokens]:
        """CLS and patch tokens of some layers."""
        layers, _ = self._run(images, indices, settings)
        grid = (images.shape[-2] // self.patch, images.shape[-1] // self.patch)
        return [self._of_layer(x, grid, norm, pool) for x in layers]

    def _of_layer(self, x: Tensor, grid: tuple[int, int], norm: bool, pool: str) -> Tokens:
        normed = self._norm(x)
        cls_token, featmap = split_tokens(normed if norm else x, grid, self.prefix)
        if pool == 'avg':
            cls_token = featmap.mean(dim=(2, 3))
        return (self.model.head(normed) if pool == 'map' else cls_token), featmap

    def _run(self, images: Tensor, indices: Sequence[int], settings: dict[str, Any]) -> tuple[list[Tensor], Any]:
        """The outputs of some blocks, and of the model."""
        seen: dict[int, Tensor] = {}

        def keep(index: int) -> Any:
            return lambda _module, _inputs, output: seen.update(
                {index: output[0] if isinstance(output, tuple) else output}
            )

        hooks = [self.blocks[index].register_forward_hook(keep(index)) for index in set(indices)]
        try:
            output = self.model(pixel_values=images, **settings)
        finally:
            for hook in hooks:
                hook.remove()
        return [seen[index] for index in indices], output

    def _norm(self, x: Tensor) -> Tensor:
        return _norm_of(self.model)(x)


class Maps:
    """A convolutional network: the maps of its stages, of which the last has a norm."""

    pools = ('avg',)

    def __init__(self, model: Any, spec: EncoderSpec) -> None:
        self.model, self.spec = model, spec
        self.stages = len(model.config.depths)

    def probe(self, images: Tensor, settings: dict[str, Any]) -> Found:
        """Look at what the model gives; see :meth:`Sequences.probe`."""
        try:
            maps = self._run(images, settings)
        except Exception as error:
            raise _unknown(self.spec, self.model, first_line(error)) from error
        if any(part.ndim != 4 for part in maps):
            raise _unknown(self.spec, self.model)
        return tuple(part.shape[1] for part in maps), images.shape[-1] // maps[-1].shape[-1], False

    def tokens(
        self,
        images: Tensor,
        indices: Sequence[int],
        norm: bool,
        pool: str,
        settings: dict[str, Any],  # noqa: ARG002
    ) -> list[Tokens]:
        """Pool and map of some stages."""
        maps = self._run(images, settings)
        return [self._of_layer(maps[index], norm and index == self.stages - 1) for index in indices]

    def _of_layer(self, featmap: Tensor, norm: bool) -> Tokens:
        pooled = featmap.mean(dim=(2, 3))
        if not norm:
            return pooled, featmap
        own = _norm_of(self.model)
        return own(pooled), own(featmap.movedim(1, -1)).movedim(-1, 1)

    def _run(self, images: Tensor, settings: dict[str, Any]) -> list[Tensor]:
        states = self.model(pixel_values=images, output_hidden_states=True, **settings).hidden_states
        return list(states[-self.stages :])


def _norm_of(model: Any) -> nn.Module:
    found = (getattr(model, name, None) for name in _NORMS)
    return next((norm for norm in found if isinstance(norm, nn.Module)), nn.Identity())


def _unknown(spec: EncoderSpec, model: Any, reason: str = '') -> UserError:
    words = f' ({reason[:200]})' if reason else ''
    return UserError(
        f'{spec}: no CLS and patch tokens can be told of a {type(model).__name__}{words}: give a FILE.py:FUNCTION that '
        'returns a module with such outputs'
    )
