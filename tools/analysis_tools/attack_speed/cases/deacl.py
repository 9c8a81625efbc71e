"""A training step of DeACL: teacher, inner attack, student, loss, gradient of the weights."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attack_speed import models
from attack_speed.baselines import Gradient, ascend, bare, by_backward, fixed, normalised, trainable
from attack_speed.contest import Contest, Settings, with_fast
from attack_speed.encoder import encode, explicit_attention, fused_attention

_EPS, _STEP = 4 / 255, 2 / 255


def deacl_step(settings: Settings, arch: models.Arch = 'dino_vits16', size: int = 224, images: int = 1) -> Contest:
    """Forward and backward of a whole step, without the optimiser's."""
    torch.manual_seed(settings.seed)
    model = models.deacl(arch).to(settings.device, settings.dtype)
    images = settings.batch_size or images
    batch = models.classification_batch(images, (size, size))
    inputs = model.data_preprocessor(batch, True)['inputs'].to(settings.dtype)

    pixels = (inputs * model.data_preprocessor.std + model.data_preprocessor.mean) / 255
    teacher, student, least = fixed(model.teacher), trainable(model.backbone), trainable(model.backbone)
    steps = dict(
        ours=lambda pixels: _gradient(model.backbone, lambda: sum_of_losses(model, normalised(model, pixels))),
        textbook=lambda pixels: _textbook(student, teacher, lambda part: normalised(model, part), pixels),
        floor=lambda pixels: _floor(least, teacher, lambda part: normalised(model, part), pixels),
    )
    runs = {name: lambda step=step: step(pixels) for name, step in steps.items()}

    def forward() -> None:
        with torch.no_grad():
            encode(teacher.vit, inputs, fused_attention)

    return Contest(
        images=images,
        runs=with_fast(runs, settings, model),
        forward=forward,
        gradients=steps,
        pixels=pixels,
    )


def sum_of_losses(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return what DeACL's training step differentiates."""
    losses = model(inputs, mode='loss')
    return losses['loss_teacher'] + losses['loss_adversarial']


def _gradient(network: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
    """The gradient of a loss for all weights that enter it, as one vector."""
    network.zero_grad()
    loss().backward()
    return torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])


def _textbook(student: nn.Module, teacher: nn.Module, inputs_of: Gradient, pixels: Tensor) -> Tensor:
    def embed(network: nn.Module, pixels: Tensor) -> Tensor:
        return encode(network.vit, inputs_of(pixels), explicit_attention)[:, 0]

    with torch.no_grad():
        target = embed(teacher, pixels)
    away = by_backward(student, lambda adv: -F.cosine_similarity(embed(student, adv), target).sum())
    adv = ascend(away, pixels, _EPS, _STEP, steps=5)
    with torch.no_grad():
        embed(student, adv)  # how far it came
    return _gradient(student, lambda: _loss(embed(student, pixels), embed(student, adv), target))


def _floor(student: nn.Module, teacher: nn.Module, inputs_of: Gradient, pixels: Tensor) -> Tensor:
    def embed(network: nn.Module, pixels: Tensor) -> Tensor:
        return encode(network.vit, inputs_of(pixels), fused_attention, cls_only=True)[:, 0]

    with torch.no_grad():
        target = embed(teacher, pixels)
    student.requires_grad_(False)
    adv = ascend(bare(lambda adv: -F.cosine_similarity(embed(student, adv), target)), pixels, _EPS, _STEP, steps=5)
    student.requires_grad_(True)
    return _gradient(student, lambda: _loss(embed(student, pixels), embed(student, adv), target))


def _loss(clean: Tensor, adversarial: Tensor, target: Tensor) -> Tensor:
    """Eq. (2) of the paper with gamma 2."""
    return -F.cosine_similarity(clean, target).mean() - 2 * F.cosine_similarity(adversarial, clean).mean()
