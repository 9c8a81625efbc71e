"""Gradients of SegPGD and DepthPGD."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attack_speed import models
from attack_speed.baselines import Gradient, bare, by_backward, fixed, trainable
from attack_speed.contest import Contest, Settings, with_fast
from attack_speed.dense_baselines import bare_tokens, depth_map, segpgd_loss, sliding_logits
from attack_speed.engine import gradient_of, victim_of
from mmssl_robust.attacks import DepthLoss, DepthPGD, SegPGD
from mmssl_robust.victims import Victim

from .classification import noisy_pixels

LEAST_MEMORY = '1MB'  # one window at a time
_STEP, _STEPS = 11, 20  # the weight of wrong pixels, 1/4, is exact


def segpgd(
    settings: Settings,
    arch: models.Arch = 'dinov2_vits14',
    size: models.Size = (375, 500),
    crop: int = 224,
    stride: int = 149,
    classes: int = 151,
) -> Contest:
    """A gradient of SegPGD on sliding windows, by default three by three; ``window`` keeps the graph of one alone."""
    torch.manual_seed(settings.seed)
    model = models.segmentor(arch, crop, stride, classes).to(settings.device, settings.dtype)
    batch = models.segmentation_batch(settings.batch_size or 1, size, classes)
    victim = victim_of(model, batch, settings.memory)
    least = fixed(model)
    gradients = dict(
        ours=segpgd_gradient(victim),
        textbook=textbook_segpgd(victim, size),
        floor=bare(lambda pixels: bare_tokens(least, cropped(pixels, size), sliding=True)),
        window=segpgd_gradient(victim_of(model, batch, LEAST_MEMORY)),
    )
    return _contest(victim, gradients, settings, lambda: bare_tokens(least, victim.pixels, sliding=True))


def dense_tail(
    settings: Settings,
    size: models.Size = (375, 500),
    crop: int = 224,
    stride: int = 149,
    classes: int = 151,
    patch: int = 14,
) -> Contest:
    """The same without an encoder to speak of: from low-resolution logits to their gradient."""
    torch.manual_seed(settings.seed)
    arch = dict(img_size=crop, patch_size=patch, embed_dim=1, depth=1, num_heads=1)
    model = models.segmentor(arch, crop, stride, classes)
    model.backbone = Subsampled(patch)
    model = model.to(settings.device, settings.dtype)
    victim = victim_of(model, models.segmentation_batch(settings.batch_size or 1, size, classes), settings.memory)
    return _contest(victim, dict(ours=segpgd_gradient(victim), textbook=textbook_segpgd(victim, size)), settings)


def depthpgd(
    settings: Settings, arch: models.Arch = 'dinov2_vits14', size: models.Size = (480, 640), bins: int = 256
) -> Contest:
    """A gradient of DepthPGD on a whole image, padded to whole patches."""
    torch.manual_seed(settings.seed)
    model = models.depther(arch, bins).to(settings.device, settings.dtype)
    victim = victim_of(model, models.depth_batch(settings.batch_size or 1, size), settings.memory)
    plain, least, truth = trainable(model), fixed(model), victim.targets()

    def loss(pixels: Tensor) -> Tensor:
        return DepthLoss()(depth_map(plain, cropped(pixels, size)), truth, 1, _STEPS).sum()

    gradients = dict(
        ours=gradient_of(victim, DepthPGD(steps=_STEPS)),
        textbook=by_backward(plain, loss),
        floor=bare(lambda pixels: bare_tokens(least, cropped(pixels, size), sliding=False)),
    )
    return _contest(victim, gradients, settings, lambda: bare_tokens(least, victim.pixels, sliding=False))


class Subsampled(nn.Module):
    """An encoder that costs nothing: one channel, of which it takes a pixel of each patch.

    Args:
        patch_size: Side of a patch in pixels.
    """

    def __init__(self, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        """Map inputs (B, 3, H, W) to features (B, 1, h, w)."""
        return (inputs[:, :1, :: self.patch_size, :: self.patch_size],)


def segpgd_gradient(victim: Victim) -> Gradient:
    """Return the package's gradient, halfway through the attack."""
    return gradient_of(victim, SegPGD(steps=_STEPS), _STEP)


def textbook_segpgd(victim: Victim, size: models.Size) -> Gradient:
    """Return the textbook's gradient, halfway through the attack."""
    plain, labels = trainable(victim.model), victim.targets()

    def loss(pixels: Tensor) -> Tensor:
        return segpgd_loss(sliding_logits(plain, cropped(pixels, size)), labels, _STEP, _STEPS)

    return by_backward(plain, loss)


def cropped(pixels: Tensor, size: models.Size) -> Tensor:
    """Return images (B, 3, H, W) without a victim's padding."""
    return pixels[..., : size[0], : size[1]]


def _contest(victim: Victim, gradients: Mapping[str, Gradient], settings: Settings, forward: object = None) -> Contest:
    pixels = noisy_pixels(victim)
    runs = {name: lambda gradient=gradient: gradient(pixels) for name, gradient in gradients.items()}

    def without_grad() -> None:
        with torch.no_grad():
            forward()

    return Contest(
        images=len(pixels),
        runs=with_fast(runs, settings, victim.model),
        forward=without_grad if forward else None,
        gradients=gradients,
        pixels=pixels,
        unlike=('floor',),  # stops at the tokens
    )
