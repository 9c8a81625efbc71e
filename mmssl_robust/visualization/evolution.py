"""How robustness evolves during adversarial fine-tuning, read from the logs of a run (the paper's Figure 2)."""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from mmssl_robust.attack_settings import CLEAN, is_worst_case
from mmssl_robust.tasks import TASKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import plotted
from mmssl_robust.utils.json_files import read_state

from .scalars import scalar_logs, scalars_in

_HINT = 'train with probes: val_cfg of type mmssl_robust.ProbeValLoop'
# Okabe and Ito's palette, without its yellow, which is too pale for a line on white.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
_CLEAN_STYLE = ('-', 'o')
_EMBEDDING_STYLES = (('--', 's'), ((0, (6, 2, 1, 2)), 'P'))
# For the task's own attacks; the others are for data sets that meet several.
_OWN_STYLES = ((':', '^'), ('-.', 'D'), ((0, (4, 1, 1, 1, 1, 1)), 'v'))
PROBES_FILE = 'probes.json'
"""Beside the logs: what each probe's attacks are."""
# Of runs whose folder does not say it.
_OLD_EMBEDDING_ATTACK = 'embed'


class Point(NamedTuple):
    """One validation result.

    Attributes:
        epoch: Epochs trained; 0 is before training.
        data: The probe's name.
        attack: Name of the attack, ``'clean'`` for none.
        metric: As OpenMMLab's metric calls it, such as ``'accuracy/top1'``, ``'mIoU'`` or ``'rmse'``.
        value: What was measured.
        embedding: Whether the attack was on the embedding.
    """

    epoch: int
    data: str
    attack: str
    metric: str
    value: float
    embedding: bool = False


class Curve(NamedTuple):
    """What one line of the figure shows; the fields are those of :class:`Point`."""

    metric: str
    data: str
    attack: str
    embedding: bool = False


def read_evolution(work_dir: str | os.PathLike) -> list[Point]:
    """Collect the validation results of a run, also of one that was killed and resumed.

    Args:
        work_dir: The run's folder, with a folder TIMESTAMP for every start.

    Returns:
        Sorted points. Where several starts validated the same epoch, the latest counts.

    Raises:
        UserError: If there is no such folder, no log, or no validation result in any log.
    """
    work_dir = Path(work_dir)
    logs = scalar_logs(work_dir)
    if not logs:
        raise UserError(f'no */vis_data/scalars.json in {work_dir}; {_HINT}')
    points: dict[tuple[int, str, str, str], Point] = {}
    embedding = _embedding_attacks(work_dir)
    for log in logs:
        for line in scalars_in(log):
            points |= {point[:4]: point for point in _points_of(line, embedding)}
    if not points:
        raise UserError(f'no validation result of a probe in the logs of {work_dir}; {_HINT}')
    return sorted(points.values())


def panels() -> dict[str, tuple[str, str]]:
    """Metric as it is logged -> title of its panel and label of its axis, in the order of the panels."""
    return {task.metric.stock_name: (task.name, task.metric.axis) for task in TASKS.values()}


def _embedding_attacks(work_dir: Path) -> Callable[[str, str], bool]:
    """Whether a probe's attack is on the embedding."""
    path = work_dir / PROBES_FILE
    known = read_state(path, dict)
    if known is None:
        return lambda data, attack: attack == _OLD_EMBEDDING_ATTACK
    return lambda data, attack: known.get(data, {}).get(attack, {}).get('reads') == 'embedding'


def _points_of(line: dict[str, Any], embedding: Callable[[str, str], bool]) -> list[Point]:
    epoch, metrics = line.get('step'), panels()
    # A bare metric is MMEngine's own validation: in 'pgd/mIoU' beside 'mIoU', pgd is no data set.
    if not isinstance(epoch, int) or any(metric in line for metric in metrics):
        return []
    points = []
    for key, value in line.items():
        match = re.fullmatch(rf'([^/]+)/(?:([^/]+)/)?({"|".join(map(re.escape, metrics))})', key)
        if match and isinstance(value, (int, float)) and not is_worst_case(match[2] or CLEAN):
            attack = match[2] or CLEAN
            points.append(Point(epoch, match[1], attack, match[3], float(value), embedding(match[1], attack)))
    return points


def curves_of(points: list[Point]) -> dict[Curve, list[Point]]:
    """Group points into curves.

    Args:
        points: Results in any order.

    Returns:
        For each curve its points by epoch. Curves are ordered by panel and data set,
        then clean, attacks on the embedding, on the task.
    """
    metrics = list(panels())
    curves: dict[Curve, list[Point]] = {}
    for point in sorted(points):
        curves.setdefault(Curve(point.metric, point.data, point.attack, point.embedding), []).append(point)

    def rank(curve: Curve) -> tuple:
        return metrics.index(curve.metric), curve.data, curve.attack != CLEAN, not curve.embedding, curve.attack

    return {curve: curves[curve] for curve in sorted(curves, key=rank)}


def draw_evolution(points: list[Point]) -> Figure:
    """Draw metrics over epochs, a panel for each task that occurs.

    Args:
        points: What :func:`read_evolution` returns.

    Returns:
        Panels side by side, one for each task that occurs. The colour says which data
        set; solid is clean, dashed an attack on the embedding, dotted one on the task.
    """
    curves = curves_of(points)
    names = dict.fromkeys(curve.data for curve in curves)
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    metrics = [metric for metric in panels() if any(curve.metric == metric for curve in curves)]
    rows = max(-(-count // 2) for count in Counter(curve.metric for curve in curves).values())  # of a legend, about
    size = (4 * max(len(metrics), 1.25), 3.8 + 0.2 * max(rows, 3))
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, wspace=0.03), dpi=100)
    for axis, metric in zip(figure.subplots(1, len(metrics), squeeze=False).flat, metrics):
        _draw_panel(axis, metric, {curve: line for curve, line in curves.items() if curve.metric == metric}, colours)
    return figure


def _styles(curves: dict[Curve, list[Point]]) -> dict[str, tuple[Any, str]]:
    """Attack -> line and marker."""
    styles: dict[str, tuple[Any, str]] = {CLEAN: _CLEAN_STYLE}
    for embedding, kinds in ((True, _EMBEDDING_STYLES), (False, _OWN_STYLES)):
        names = sorted({curve.attack for curve in curves if curve.embedding == embedding and curve.attack != CLEAN})
        styles |= {name: kinds[number % len(kinds)] for number, name in enumerate(names)}
    return styles


def _draw_panel(axis: Axes, metric: str, curves: dict[Curve, list[Point]], colours: dict[str, str]) -> None:
    styles = _styles(curves)
    for curve, line in curves.items():
        style, marker = styles[curve.attack]
        axis.plot(
            [point.epoch for point in line],
            [point.value for point in line],
            color=colours[curve.data],
            linestyle=style,
            marker=marker,
            linewidth=2,
            markersize=5.5,
            label=plotted(f'{curve.data}, {curve.attack}'),
            clip_on=False,  # a marker at 0 is whole
            zorder=3,
        )
    title, label = panels()[metric]
    axis.set_title(title, fontsize=13)
    axis.set_xlabel('epoch', fontsize=11)
    axis.set_ylabel(label, fontsize=11)
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(color='0.9', linewidth=0.8)
    axis.spines[['top', 'right']].set_visible(False)
    columns = min(len({curve.data for curve in curves}), 2)
    axis.legend(
        loc='upper center',
        bbox_to_anchor=(0.5, -0.16),
        ncols=columns,
        fontsize=9,
        handlelength=3.6,
        frameon=False,
        columnspacing=1.2,
    )
