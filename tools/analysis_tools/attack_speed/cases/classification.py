"""PGD and EmbedAttack on a classifier."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attack_speed import models
from attack_speed.baselines import Gradient, ascend, bare, by_backward, fixed, normalised, trainable
from attack_speed.contest import Contest, Settings, with_fast
from attack_speed.counting import flops
from attack_speed.encoder import Attention, encode, explicit_attention, fused_attention
from attack_speed.engine import gradient_of, victim_of
from attack_speed.others import other_attacks
from attack_speed.timing import Run
from mmssl_robust.attacks import PGD, CrossEntropy, EmbedAttack
from mmssl_robust.victims import Victim

EPS, STEP = 8 / 255, 2 / 255


@dataclass(frozen=True)
class Plain:
    """A classifier written out: a ViT and a linear layer.

    Attributes:
        model: Holds the weights.
        attention: How tokens are mixed.
        cls_only: Whether the last block computes the CLS token alone.
    """

    model: nn.Module
    attention: Attention
    cls_only: bool

    def embedding(self, pixels: Tensor) -> Tensor:
        """Return the CLS token (B, D) for pixels in [0, 1]."""
        inputs = normalised(self.model, pixels)
        return encode(self.model.backbone.vit, inputs, self.attention, self.cls_only)[:, 0]

    def logits(self, pixels: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        return self.model.head.fc(self.embedding(pixels))


def textbook(model: nn.Module) -> Plain:
    """Return the classifier as the textbook attacks it."""
    return Plain(trainable(model), explicit_attention, cls_only=False)


def floor(model: nn.Module) -> Plain:
    """Return the classifier with nothing that could be left out."""
    return Plain(fixed(model), fused_attention, cls_only=True)


def pgd(settings: Settings, arch: models.Arch = 'dino_vits16', size: int = 224, steps: int = 20) -> Contest:
    """PGD, nothing dropped: the last iterate, and (``best``) the worst of all."""
    victim = classifier_victim(settings, arch, size)
    plain, least = textbook(victim.model), floor(victim.model)
    labels = victim.targets()

    def cross_entropy(network: Plain) -> Callable[[Tensor], Tensor]:
        return lambda pixels: F.cross_entropy(network.logits(pixels), labels, reduction='sum')

    gradients = dict(
        ours=gradient_of(victim, PGD(CrossEntropy(), eps=EPS, steps=steps)),
        textbook=by_backward(plain.model, cross_entropy(plain)),
        floor=bare(cross_entropy(least)),
    )

    def runs(steps: int) -> dict[str, Run]:
        best, last = (PGD(CrossEntropy(), eps=EPS, step_size=STEP, steps=steps, keep=keep) for keep in ('best', 'last'))
        return dict(
            ours=lambda: victim.attack(last),
            best=lambda: victim.attack(best),
            textbook=lambda: scored(gradients['textbook'], plain.logits, victim.pixels, EPS, STEP, steps),
            floor=lambda: scored(gradients['floor'], least.logits, victim.pixels, EPS, STEP, steps),
        ) | other_attacks(victim, EPS, STEP, steps)

    return _contest(victim, settings, runs, steps, gradients)


def embed_attack(settings: Settings, arch: models.Arch = 'dino_vits16', size: int = 224, steps: int = 20) -> Contest:
    """EmbedAttack with its score."""
    victim = classifier_victim(settings, arch, size)
    everything = torch.arange(len(victim.pixels), device=victim.pixels.device)
    plain, least = textbook(victim.model), floor(victim.model)

    def distance(network: Plain) -> Callable[[Tensor], Tensor]:
        with torch.no_grad():
            clean = network.embedding(victim.pixels)
        return lambda pixels: torch.linalg.vector_norm(network.embedding(pixels) - clean, dim=1).sum()

    def textbook_run(steps: int) -> Tensor:
        gradient = by_backward(plain.model, distance(plain))
        adv = ascend(gradient, victim.pixels, EPS, STEP, steps)
        with torch.no_grad():
            return plain.embedding(adv), plain.logits(adv)

    def runs(steps: int) -> dict[str, Run]:
        attack = EmbedAttack(eps=EPS, step_size=STEP, steps=steps, keep='last')
        return dict(
            ours=lambda: victim.only(everything).attack(attack),  # which knows no clean embedding yet
            textbook=lambda: textbook_run(steps),
            floor=lambda: scored(bare(distance(least)), least.embedding, victim.pixels, EPS, STEP, steps),
        )

    gradients = dict(
        ours=gradient_of(victim, EmbedAttack(eps=EPS, steps=steps)),
        textbook=by_backward(plain.model, distance(plain)),
        floor=bare(distance(least)),
    )
    return _contest(victim, settings, runs, steps, gradients)


def scored(
    gradient: Gradient,
    outputs: Callable[[Tensor], Tensor],
    pixels: Tensor,
    eps: float,
    step_size: float,
    steps: int,
) -> Tensor:
    """Return the outputs after PGD, by one more forward."""
    adv = ascend(gradient, pixels, eps, step_size, steps)
    with torch.no_grad():
        return outputs(adv)


def classifier_victim(settings: Settings, arch: models.Arch, size: int, images: int = 1) -> Victim:
    """Return a classifier with random weights and a batch of random images."""
    torch.manual_seed(settings.seed)
    model = models.classifier(arch).to(settings.device, settings.dtype)
    return victim_of(model, models.classification_batch(settings.batch_size or images, (size, size)))


def _contest(
    victim: Victim,
    settings: Settings,
    runs: Callable[[int], dict[str, Run]],
    steps: int,
    gradients: dict[str, Gradient],
) -> Contest:
    return Contest(
        images=len(victim.pixels),
        runs=with_fast(runs(steps), settings, victim.model, always=True),
        forward=forward_of(victim),
        counted=dict(_counted(runs, steps)),
        gradients=gradients,
        pixels=noisy_pixels(victim),
    )


def forward_of(victim: Victim) -> Run:
    """Return one forward of a whole encoder, all tokens to the end."""

    def forward() -> None:
        with torch.no_grad():
            encode(victim.model.backbone.vit, victim.inputs, fused_attention)

    return forward


def noisy_pixels(victim: Victim) -> Tensor:
    """Return pixels near a victim's own, at which gradients are compared: at its own some are zero."""
    return (victim.pixels + 0.02 * torch.rand_like(victim.pixels)).clamp(0, 1)


def _counted(runs: Callable[[int], dict[str, Run]], steps: int) -> Iterator[tuple[str, Callable[[], float]]]:
    """Count one step and two, from which any number of steps follows: each costs the same."""

    def count(name: str) -> float:
        one, two = (flops(runs(count)[name]) for count in (1, 2))
        return one + (steps - 1) * (two - one)

    for name in runs(1):
        yield name, lambda name=name: count(name)
