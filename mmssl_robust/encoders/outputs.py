"""Tokens out of what any module returns."""

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any, NamedTuple

from torch import Tensor

from mmssl_robust.utils.errors import UserError

# Names in what modules return, of DINOv2, transformers and others, in the order in which they are looked for.
CLS_KEYS = ('x_norm_clstoken', 'cls_token', 'cls', 'pooler_output', 'image_embeds')
MAP_KEYS = ('x_norm_patchtokens', 'patch_tokens', 'featmap', 'feature_map', 'last_hidden_state', 'features', 'out')
_MOST_PREFIX = 16  # CLS token and registers
EXPECTED = (
    'expected (B, D) for a vector an image, (B, D, h, w) for a map, (B, N, D) for tokens, a pair of vector and map, a '
    f'list of such, one for each layer, or a dictionary with {", ".join(CLS_KEYS)} and {", ".join(MAP_KEYS)}'
)


class Layer(NamedTuple):
    """What a module gives of one layer, None for what it does not.

    Attributes:
        cls_token: (B, D).
        featmap: (B, D, h, w).
        has_cls: Whether the vector stood for itself, or first among the tokens.
        patch: Side of a patch in pixels.
    """

    cls_token: Tensor | None
    featmap: Tensor | None
    has_cls: bool
    patch: int | None


def read_layers(output: Any, size: tuple[int, int], patch: int | None) -> list[Layer]:
    """Find the layers in what a module returned.

    Args:
        output: Whatever it was.
        size: Height and width of the images.
        patch: Side of a patch, None to find out.

    Raises:
        UserError: If it is not understood; says what is expected.
    """
    if isinstance(output, (tuple, list)) and output and not _is_pair(output):
        return [_read(part, size, patch) for part in output]
    if isinstance(output, Mapping) and not {*CLS_KEYS, *MAP_KEYS} & output.keys() and _are_maps(output.values()):
        return [_read(part, size, patch) for part in output.values()]
    return [_read(output, size, patch)]


def _read(output: Any, size: tuple[int, int], patch: int | None) -> Layer:
    vector, tokens = _parts(output)
    if vector is None and tokens is None:
        raise UserError(f'the encoder returns {_words(output)}: {EXPECTED}')
    if tokens is None:
        return Layer(vector, None, True, None)
    if tokens.ndim == 4:
        _check_grid(tokens, size)
        return Layer(vector, tokens, vector is not None, size[0] // tokens.shape[2])
    side, prefix = _layout(tokens.shape[1], size, patch)
    patches = tokens[:, prefix:].transpose(1, 2).unflatten(2, (size[0] // side, size[1] // side))
    # The first token where there are such, whatever else was made of it for another purpose.
    return Layer(tokens[:, 0] if prefix else vector, patches, bool(prefix) or vector is not None, side)


def _parts(output: Any) -> tuple[Tensor | None, Tensor | None]:
    """Vector and tokens or map."""
    if isinstance(output, Mapping):
        return _first(output, CLS_KEYS, (2,)), _first(output, MAP_KEYS, (3, 4))
    parts = output if isinstance(output, (tuple, list)) else [output]
    tensors = [part for part in parts if isinstance(part, Tensor)]
    vector = next((part for part in tensors if part.ndim == 2), None)
    return vector, next((part for part in tensors if part.ndim in (3, 4)), None)


def _first(output: Mapping[str, Any], keys: Sequence[str], dims: Sequence[int]) -> Tensor | None:
    found = (output.get(key) for key in keys)
    return next((value for value in found if isinstance(value, Tensor) and value.ndim in dims), None)


def _is_pair(output: Sequence[Any]) -> bool:
    dims = sorted(part.ndim for part in output if isinstance(part, Tensor))
    return len(output) == 2 and dims in ([2, 3], [2, 4])


def _are_maps(values: Any) -> bool:
    return all(isinstance(value, Tensor) and value.ndim == 4 for value in values)


def _check_grid(featmap: Tensor, size: tuple[int, int]) -> None:
    """A map is as wide for its height as the image is, but for a row or column that strides round."""
    (height, width), (rows, columns) = size, featmap.shape[2:]
    if abs(rows - columns * height / width) > 1 and abs(columns - rows * width / height) > 1:
        raise UserError(
            f'the encoder returns a map of shape {tuple(featmap.shape)} of an image of {height}x{width}: return '
            '(B, D, h, w), of channels last by .permute(0, 3, 1, 2)'
        )


def _layout(tokens: int, size: tuple[int, int], patch: int | None) -> tuple[int, int]:
    """Side of a patch, and how many tokens come before the patches: as few as can be."""
    common = gcd(*size)
    sides = [patch] if patch else [side for side in range(1, common + 1) if common % side == 0]
    layouts = [(tokens - (size[0] // side) * (size[1] // side), side) for side in sides]
    fitting = [(prefix, side) for prefix, side in layouts if 0 <= prefix <= _MOST_PREFIX]
    if not fitting:
        raise UserError(
            f'{tokens} tokens of an image of {size[0]}x{size[1]} are no grid of patches: say their size, '
            'patch_size=..., and that of the images, size=...'
        )
    prefix, side = min(fitting)
    return side, prefix


def _words(output: Any) -> str:
    if isinstance(output, Tensor):
        return f'a tensor of shape {tuple(output.shape)}'
    if isinstance(output, Mapping):
        return f'a dictionary of {", ".join(map(str, output)) or "nothing"}'
    return f'a {type(output).__name__}'
