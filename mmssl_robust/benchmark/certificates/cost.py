"""What certificates would cost, and how far they can reach."""

import copy

import numpy as np
from mmengine.config import Config

from mmssl_robust.benchmark.cost import SAMPLED, forward_flops, sizes_of
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.utils.wording import counted, spoken

from .run import Certification


def costs_of(certification: Certification, cfg: Config | None = None, tflops: float | None = None) -> str:
    """Say in two lines what is left to do, and up to which radius the draws can certify.

    Args:
        certification: What is to be done.
        cfg: A fresh config, of which operations are counted; None for passes alone.
        tflops: Rate in 10^12 operations a second; None for that of the images that are done.
    """
    records, images = certification.records(), len(certification.dataset.indices)
    left, passes = images - len(records), certification.passes
    line = f'{counted(images, "image")}, {len(records)} done; {left} x {passes} = {left * passes:,} passes left'
    seconds = left * float(np.mean([record['seconds'] for record in records])) if records else None
    if cfg is not None and left:
        operations = left * passes * _forward(certification, cfg)
        line += f', {operations / 1e12:.4g} TFLOP'
        seconds = operations / tflops / 1e12 if tflops else seconds
    line += f', about {spoken(seconds)}' if seconds else ''
    return f'{line}\n{_reach(certification)}'


def _forward(certification: Certification, cfg: Config) -> float:
    """Operations of one pass, mean over a few images."""
    dataset = certification.dataset
    with certification.in_scope():
        sizes = sizes_of([dataset[place] for place in spread(len(dataset.indices), SAMPLED)])
        return forward_flops(copy.deepcopy(cfg), sizes)


def _reach(certification: Certification) -> str:
    certifier, plan = certification.certifier, certification.plan
    with certification.in_scope():
        item = certification.dataset[0]
    smoothing = plan.smoothing
    numbers = f'n={smoothing.n} and alpha={smoothing.alpha:g}'
    if not isinstance(item, dict):
        return f'{numbers}; the first image cannot be read'
    reach = certifier.reach(item['data_samples'])
    beyond = [radius for radius in plan.radii if radius >= reach]
    if len(beyond) == len(plan.radii):
        return f'{numbers} can certify nothing at the wanted radii, even where all draws agree: raise n'
    more = f'; nothing can be at {", ".join(f"{radius:.4g}" for radius in beyond)}' if beyond else ''
    return f'{numbers} can certify up to the L2 radius {reach:.4g}, where all draws agree{more}'
