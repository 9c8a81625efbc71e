"""The share of images that withstands, against the size of the perturbation."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmssl_robust.attack_settings import ball
from mmssl_robust.robustness_curve import curve_of, robust_share
from mmssl_robust.utils.escaping import plotted

from .evolution import COLOURS


def draw_curves(
    sought: Mapping[str, Sequence[float]],
    swept: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    norm: str,
    eps: float,
) -> Figure:
    """Draw curves of single runs as steps, and those of sweeps as points.

    Args:
        sought: Name -> size of each image's smallest perturbation.
        swept: Name -> the same, and the radii that were tried.
        norm: Of the perturbations.
        eps: The largest that was tried.
    """
    figure = Figure(figsize=(6, 3.6), layout='constrained', dpi=120)
    axes, unit = figure.subplots(), 255 if norm == 'linf' else 1
    for (name, sizes), colour in zip(sought.items(), COLOURS):
        radii, shares = np.array(curve_of(sizes, eps)).T
        axes.step(unit * radii, 100 * shares, where='post', color=colour, label=plotted(name))
    for (name, (sizes, tried)), colour in zip(swept.items(), COLOURS[len(sought) :]):
        radii = np.array([0.0, *sorted(tried)])
        shares = 100 * robust_share(sizes, radii)
        axes.plot(unit * radii, shares, color=colour, marker='o', markersize=4, linewidth=0.8, label=plotted(name))
    axes.set_xlabel(f'size of the perturbation, {norm}' + (' (of 255)' if unit == 255 else ''))
    axes.set_ylabel('images that keep half of their quality (%)')
    axes.set_ylim(0, 102)
    axes.set_xlim(0, unit * _shown_until(sought, eps))
    axes.set_title(plotted(f'smallest perturbations up to {ball(norm, eps)}'), fontsize=10)
    axes.legend(fontsize=8)
    return figure


def _shown_until(sought: Mapping[str, Sequence[float]], eps: float) -> float:
    """Where all curves have come to their end, or the largest radius."""
    ends = [max(size for size in sizes) for sizes in sought.values()]
    return min(1.2 * max(ends, default=eps) or eps, eps)
