"""What is certified of models, against the radius."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from mmssl_robust.tasks import Metric, task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import plotted

from .evolution import COLOURS


class Certified(NamedTuple):
    """One model under one smoothing.

    Attributes:
        name: What it is called.
        task: Name of its task.
        levels: Scores at each radius, the first, without noise, of radius None.
    """

    name: str
    task: str
    levels: Sequence[Mapping[str, Any]]

    @property
    def metric(self) -> Metric:
        """The first of its scores."""
        return task_named(self.task).metric_named(next(iter(self.levels[0]['scores'])))


def read_certified(folder: Path) -> Certified:
    """Read ``summary.json`` of ``mmssl-robust certify``.

    Raises:
        UserError: If it is no such file.
    """
    path = folder / 'summary.json'
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
        name = f'{folder.name}, sigma {found["settings"]["sigma"]:g}'
        certified = Certified(name, found['settings']['task'], found['levels'])
        _ = certified.metric, [level['radius'] for level in certified.levels]
    except (OSError, ValueError, LookupError, TypeError, StopIteration) as error:
        raise UserError(f'{path} is no summary of certificates: make one by `mmssl-robust certify`') from error
    return certified


def draw_certified(models: Sequence[Certified]) -> Figure:
    """Draw the first score of each model against the radius, with intervals; a mark is the model without noise.

    Between two radii holds what is certified at the larger one.

    Raises:
        UserError: If they are of several tasks.
    """
    if len({model.task for model in models}) > 1:
        raise UserError('certificates of several tasks have no common axis: draw them one by one')
    metric = models[0].metric
    figure = Figure(figsize=(7.5, 4.5), layout='constrained', dpi=100)
    axis = figure.subplots()
    for number, model in enumerate(models):
        colour = COLOURS[number % len(COLOURS)]
        plain, *levels = [(level['radius'], level['scores'][metric.name]) for level in model.levels]
        radii, values = [radius for radius, _ in levels], [score['value'] for _, score in levels]
        axis.plot(radii, values, 'o-', drawstyle='steps-pre', markersize=4, color=colour, label=plotted(model.name))
        low, high = (_ends(end, [score for _, score in levels]) for end in ('low', 'high'))
        axis.fill_between(radii, low, high, step='pre', color=colour, alpha=0.15, linewidth=0)
        axis.plot([0], [plain[1]['value']], marker='_', markersize=14, color=colour)
    axis.set_xlabel('L2 radius, for pixels in [0, 1]')
    axis.set_ylabel(f'certified {metric.axis}')
    axis.grid(color='0.9', linewidth=0.8)
    axis.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside lower center', frameon=False)
    return figure


def _ends(name: str, scores: Sequence[Mapping[str, Any]]) -> list[float]:
    """Ends of intervals, the value itself where there is none."""
    return [score['value'] if score[name] is None else score[name] for score in scores]
