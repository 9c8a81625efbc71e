"""Dense predictions written out the plain way: every map at full resolution, one window after the other."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .baselines import normalised
from .encoder import encode, explicit_attention, fused_attention

Window = tuple[slice, slice]


def sliding_logits(model: nn.Module, pixels: Tensor) -> Tensor:
    """Return a segmentor's logits (B, K, H, W), as mmseg's sliding windows average them.

    Args:
        model: With ``test_cfg``, a ViT and a ``LinearBNHead``.
        pixels: (B, 3, H, W) in [0, 1].
    """
    inputs = padded(model, pixels)
    height, width = inputs.shape[-2:]
    total: Tensor | int = 0
    count = inputs.new_zeros(1, 1, height, width)
    for rows, columns in windows(model, height, width):
        logits = upsampled(low_logits(model, inputs[..., rows, columns]), model.test_cfg.crop_size)
        around = (columns.start, width - columns.stop, rows.start, height - rows.stop)
        total = total + F.pad(logits, around)
        count[..., rows, columns] += 1
    return (total / count)[..., : pixels.shape[-2], : pixels.shape[-1]]


def low_logits(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the head's logits (B, K, h, w), one for each patch."""
    head = model.decode_head
    # The dense tail is timed alone with an encoder that hardly computes.
    is_vit = hasattr(model.backbone, 'vit')
    features = patch_map(model, inputs) if is_vit else model.backbone(inputs)[-1]
    return head.conv_seg(head.norm(features))


def patch_map(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the patch tokens (B, D, h, w)."""
    return _split(model, encode(model.backbone.vit, inputs, explicit_attention), inputs)[0]


def depth_map(model: nn.Module, pixels: Tensor) -> Tensor:
    """Return a depth estimator's prediction (B, 1, H, W): tokens and CLS upsampled, then scored for each bin."""
    head, inputs = model.decode_head, padded(model, pixels)
    featmap, cls_token = _split(model, encode(model.backbone.vit, inputs, explicit_attention), inputs)
    features = torch.cat((featmap, cls_token[:, :, None, None].expand_as(featmap)), dim=1)
    features = F.interpolate(features, scale_factor=head.upsample, mode='bilinear', align_corners=False)
    weights = head.conv_seg(features).relu() + 0.1
    weights = weights / weights.sum(dim=1, keepdim=True)
    depth = (weights * head.bins[None, :, None, None]).sum(dim=1, keepdim=True)
    return upsampled(depth, inputs.shape[-2:])[..., : pixels.shape[-2], : pixels.shape[-1]]


def bare_tokens(model: nn.Module, pixels: Tensor, sliding: bool) -> Tensor:
    """Return what the floor computes of an image: the tokens of all windows at once, or of the whole; no tail."""
    inputs = padded(model, pixels)
    if sliding:
        inputs = torch.cat([inputs[..., rows, columns] for rows, columns in windows(model, *inputs.shape[-2:])])
    return encode(model.backbone.vit, inputs, fused_attention)


def padded(model: nn.Module, pixels: Tensor) -> Tensor:
    """Return inputs, padded at the bottom and on the right to whole patches."""
    inputs = normalised(model, pixels)
    patch = model.backbone.patch_size
    bottom, right = (-side % patch for side in inputs.shape[-2:])
    return F.pad(inputs, (0, right, 0, bottom))


def windows(model: nn.Module, height: int, width: int) -> Iterator[Window]:
    """Yield rows and columns of each sliding window; the last ones are moved back to end at the border."""
    (crop, _), (stride, _) = model.test_cfg.crop_size, model.test_cfg.stride
    for top in range(0, height - crop + stride, stride):
        for left in range(0, width - crop + stride, stride):
            bottom, right = min(top + crop, height), min(left + crop, width)
            yield slice(bottom - crop, bottom), slice(right - crop, right)


def segpgd_loss(logits: Tensor, labels: Tensor, step: int, steps: int, ignore: int = 255) -> Tensor:
    """Return Eq. (1) of the paper, summed over images: right and wrong pixels are picked out and weighed apart."""
    share = (step - 1) / (2 * steps)
    right = logits.argmax(dim=1) == labels
    losses = F.cross_entropy(logits, labels, ignore_index=ignore, reduction='none')
    total = logits.new_zeros(())
    for loss, hit, label in zip(losses, right, labels):
        total = total + ((1 - share) * loss[hit].sum() + share * loss[~hit].sum()) / (label != ignore).sum()
    return total


def upsampled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps (B, K, h, w) at another size."""
    return F.interpolate(maps, size=tuple(size), mode='bilinear', align_corners=False)


def _split(model: nn.Module, tokens: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Patch tokens (B, D, h, w) and CLS token (B, D)."""
    patch, prefix = model.backbone.patch_size, model.backbone.vit.num_prefix_tokens
    grid = tuple(side // patch for side in inputs.shape[-2:])
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, grid), tokens[:, 0]
