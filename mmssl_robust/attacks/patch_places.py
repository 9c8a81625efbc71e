"""Where a patch is in an image, and how it lies there."""

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.canvas import size_on_canvas
from mmssl_robust.utils.errors import UserError

Position = Callable[[Tensor], Tensor]
"""From images with the patch upright to images with it in some position, differentiable."""


def sides_of(rows: int, columns: int, share: float) -> tuple[int, int]:
    """Return height and width in pixels of the largest square of at most a share of an image.

    Where the image is too narrow for a square of that area, it is a rectangle from edge to edge.

    Raises:
        UserError: If the share is less than a pixel.
    """
    area = share * rows * columns + 1e-6
    side = int(sqrt(area))
    if not side:
        raise UserError(f'a patch of {share:.3g} of {columns}x{rows} pixels is less than one pixel: give a larger eps')
    if side < min(rows, columns):
        return side, side
    if rows <= columns:
        return rows, min(int(area / rows), columns)
    return min(int(area / columns), rows), columns


def places_of(inputs: Tensor, share: float, seeds: Sequence[Sequence[int]], mask: Tensor | None) -> Tensor:
    """Draw the place of a patch in each image, uniform over all places.

    Args:
        inputs: The images (B, C, H, W).
        share: Of an image's own area, at most.
        seeds: For each image the numbers from which its place follows.
        mask: (B, 1, H, W), nonzero where a pixel belongs to an image, from the top left corner on; None for everywhere.

    Returns:
        (B, 1, H, W) bool, True within the patch.
    """
    region = torch.zeros(len(inputs), 1, *inputs.shape[-2:], dtype=torch.bool, device=inputs.device)
    for number, (part, seed) in enumerate(zip(region, seeds, strict=True)):
        rows, columns = inputs.shape[-2:] if mask is None else size_on_canvas(mask[number, 0] != 0)
        height, width = sides_of(rows, columns, share)
        rng = np.random.default_rng((*seed, 1))  # not that of the noise
        top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
        part[:, top : top + height, left : left + width] = True
    return region


def still(images: Tensor) -> Tensor:
    """The position upright."""
    return images


def turned(inputs: Tensor, region: Tensor, seeds: Sequence[Sequence[int]], rotation: float, scale: float) -> Position:
    """Draw a position for each image's patch: turned, and as large as its place allows, or smaller.

    Args:
        inputs: Clean images (B, C, H, W), seen where the patch in its position leaves a corner of its place free.
        region: The places (B, 1, H, W), bool, rectangles.
        seeds: For each image the numbers from which its position follows.
        rotation: By how many degrees at most, either way.
        scale: By which share it shrinks at most.
    """
    draws = np.array([np.random.default_rng((*seed, 2)).random(2) for seed in seeds])
    angles = np.deg2rad(rotation * (2 * draws[:, 0] - 1))
    # A square that is turned by an angle finds room in its own place at this size.
    fitting = 1 / (np.abs(np.cos(angles)) + np.abs(np.sin(angles)))
    sizes = fitting * (1 - scale * draws[:, 1])
    grid, inside = _grid(region, torch.from_numpy(angles), torch.from_numpy(sizes))
    grid, inside = grid.to(inputs), inside.to(region.device) & region

    def place(images: Tensor) -> Tensor:
        seen = F.grid_sample(images, grid, mode='bilinear', padding_mode='border', align_corners=False)
        return torch.where(inside, seen, inputs)

    return place


def pulled_back(place: Position, images: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient for images before :data:`Position`, from that for those after it."""
    if place is still:
        return grad
    images = images.detach().requires_grad_()
    pulled: Tensor = torch.autograd.grad(place(images), images, grad)[0]
    return pulled


def _grid(region: Tensor, angles: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """From which point of the upright patch each pixel is (B, H, W, 2), for ``grid_sample``, and whether it is one."""
    height, width = region.shape[-2:]
    rows, columns = torch.arange(height).double(), torch.arange(width).double()
    grids, insides = [], []
    for part, angle, size in zip(region.cpu()[:, 0], angles, sizes):
        down, across = (part.any(dim=axis).nonzero()[:, 0].double() for axis in (1, 0))
        middle = (down[0] + down[-1]) / 2, (across[0] + across[-1]) / 2
        y, x = rows[:, None] - middle[0], columns[None, :] - middle[1]
        back_y = (y * angle.cos() - x * angle.sin()) / size
        back_x = (y * angle.sin() + x * angle.cos()) / size
        insides.append((back_y.abs() <= len(down) / 2) & (back_x.abs() <= len(across) / 2))
        y, x = back_y + middle[0], back_x + middle[1]
        grids.append(torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1))
    return torch.stack(grids), torch.stack(insides)[:, None]
