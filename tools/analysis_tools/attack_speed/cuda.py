"""What only a GPU shows: throughput against batch size, the share of its peak, CUDA graphs."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.attacks import PGD, CrossEntropy

from . import models
from .baselines import bare, fixed
from .counting import flops
from .encoder import encode, fused_attention
from .engine import victim_of

BATCHES = (1, 4, 16, 64, 256)
SMALL = 4
_STEPS = 20


def gpu_report(device: str, peak_tflops: float | None, arch: models.Arch = 'dino_vits16') -> dict[str, Any]:
    """Measure what only a GPU shows.

    Args:
        device: The GPU.
        peak_tflops: What it can do in bf16; None leaves the share out.
        arch: The encoder.
    """
    model = models.classifier(arch).to(device)
    return dict(
        images_per_second={batch: throughput(model, batch) for batch in BATCHES},
        share_of_peak=share_of_peak(model, BATCHES[-1], peak_tflops) if peak_tflops else None,
        graphs=graph_gain(model, SMALL),
    )


def throughput(model: nn.Module, batch: int) -> float:
    """Return the images a second under PGD-20 in fp32."""
    victim = victim_of(model, models.classification_batch(batch, (224, 224)))
    attack = PGD(CrossEntropy(), steps=_STEPS)
    return batch / _seconds(lambda: victim.attack(attack))


def share_of_peak(model: nn.Module, batch: int, peak_tflops: float) -> float:
    """Return the share of the peak that forward and input gradient reach in bf16, by counted operations."""
    gradient, pixels = _input_gradient(model, batch)

    def run() -> Tensor:
        with torch.autocast('cuda', torch.bfloat16):
            return gradient(pixels)

    return flops(run) / _seconds(run) / (peak_tflops * 1e12)


def graph_gain(model: nn.Module, batch: int) -> float:
    """Return how many times faster forward and input gradient are when they are replayed as CUDA graphs."""
    plain, pixels = _input_gradient(model, batch)
    vit = fixed(model).backbone.vit
    graphed = torch.cuda.make_graphed_callables(
        Encoder(vit), (torch.rand_like(pixels, requires_grad=True),), allow_unused_input=True
    )
    replayed = bare(lambda pixels: graphed(pixels).sum())
    return _seconds(lambda: plain(pixels)) / _seconds(lambda: replayed(pixels))


class Encoder(nn.Module):
    """A ViT's CLS token as a module, as CUDA graphs want it.

    Args:
        vit: Holds the weights.
    """

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the CLS token (B, 1, D)."""
        return encode(self.vit, inputs, fused_attention, cls_only=True)


def _input_gradient(model: nn.Module, batch: int) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    encoder = Encoder(fixed(model).backbone.vit)
    pixels = torch.rand(batch, 3, 224, 224, device=next(model.parameters()).device)
    return bare(lambda pixels: encoder(pixels).sum()), pixels


def _seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """The least of several times, after one to warm up."""
    best = float('inf')
    for _ in range(repeats + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start) if _ else best
    return best
