"""How a vision model of transformers is asked for an image."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

Call = Callable[..., Any]


def call_of(model: Any) -> Call:
    """What runs a model on images (B, 3, H, W) of any size, and returns its output."""
    wants = inspect.signature(model.forward).parameters
    if 'pixel_values_videos' in wants:
        return Still(model)
    # Models that resample their positions only when they are told to.
    settings = dict(interpolate_pos_encoding=True) if 'interpolate_pos_encoding' in wants else {}
    # No lambda: a copy has to call the copied model.
    return partial(_call, model, settings)


def _call(model: Any, settings: dict[str, Any], images: Tensor, **others: Any) -> Any:
    return model(pixel_values=images, **settings, **others)


def side_of_patch(model: Any) -> int | None:
    """Side of its square patches in pixels, None where it has no such."""
    patch = getattr(model.config, 'patch_size', None)
    sides = set(patch) if isinstance(patch, (list, tuple)) else {patch}
    return sides.pop() if len(sides) == 1 else None


class Still:
    """V-JEPA 2's encoder on a video of one frame, which it repeats to one tubelet: a token for each patch.

    Its attention reads rows and columns of tokens off the number of patches of the native size; here they are those of
    the image, as in the code of its authors.

    Args:
        model: The encoder, of transformers.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.side = side_of_patch(model) or 1
        self.grid = (0, 0)
        for part in model.modules():
            if hasattr(part, 'get_position_ids'):
                part.get_position_ids = self._positions

    def __call__(self, images: Tensor) -> Any:
        """Encode images (B, 3, H, W)."""
        self.grid = (images.shape[-2] // self.side, images.shape[-1] // self.side)
        return self.model(pixel_values_videos=images[:, None])

    def _positions(self, x: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ARG002
        """Frame, row and column of each token."""
        rows, columns = (torch.arange(count, device=x.device) for count in self.grid)
        height = rows.repeat_interleave(len(columns))
        return torch.zeros_like(height), height, columns.repeat(len(rows))
