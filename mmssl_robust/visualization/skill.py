"""Encoders by the skill that attacks leave them: of each task, and the least against what their training cost."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import plotted

from .evolution import COLOURS

_TOLD = 34  # letters of a name
_APART = 1.02
_MARKERS = 'os^DvPX<>'


class Skill(NamedTuple):
    """Of a model on one data set.

    Attributes:
        clean: The metric on clean images.
        attacked: In the worst case.
        value: The skill under attack.
        low: Lower end of its interval.
        high: Upper end.
    """

    clean: float
    attacked: float
    value: float
    low: float
    high: float


@dataclass
class Ranked:
    """A model of a ranking.

    Attributes:
        name: What it is called.
        least: The least of its skills, with its interval; None if it lacks one.
        skills: Data set -> skill.
    """

    name: str
    least: tuple[float, float, float] | None = None
    skills: dict[str, Skill] = field(default_factory=dict)


def read_ranking(path: Path) -> list[Ranked]:
    """Read ``ranking.csv`` of a report, the best model first.

    Raises:
        UserError: If it is no such file.
    """
    models: dict[str, Ranked] = {}
    try:
        with path.open(newline='', encoding='utf-8') as file:
            for line in csv.DictReader(file):
                if line['kind'] in ('overall', 'skill'):
                    _add(models.setdefault(line['model'], Ranked(line['model'])), line)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f'{path} is no ranking of a report: make one by `mmssl-robust report --ranking`') from error
    return sorted(models.values(), key=lambda model: -model.least[0] if model.least else float('inf'))


def _add(model: Ranked, line: Mapping[str, str]) -> None:
    estimate = tuple(float(line[key]) for key in ('value', 'low', 'high'))
    if line['kind'] == 'overall':
        model.least = estimate  # type: ignore[assignment]
    else:
        model.skills[line['data']] = Skill(float(line['clean']), float(line['attacked']), *estimate)


def labels_of(names: Sequence[str]) -> list[str]:
    """Names for a picture: of variants of one encoder the variant alone, and of a long one its end.

    Args:
        names: ``ENCODER`` or ``ENCODER, VARIANT`` each.
    """
    encoders = {name.partition(', ')[0] for name in names}
    short = [name.partition(', ')[2] or name if len(encoders) == 1 else name for name in names]
    return [plotted(name[-_TOLD:]) for name in short]


def draw_skills(models: Sequence[Ranked]) -> Figure:
    """Draw each model's skill on each data set, with intervals; a line of dots for a model."""
    data_sets = list(dict.fromkeys(name for model in models for name in model.skills))
    figure = Figure(figsize=(7.5, 1.6 + 0.42 * len(models)), layout='constrained', dpi=100)
    axis = figure.subplots()
    for number, name in enumerate(data_sets):
        at = [place + 0.18 * (number - (len(data_sets) - 1) / 2) for place in range(len(models))]
        shown = [(place, model.skills[name]) for place, model in zip(at, models) if name in model.skills]
        values = [skill.value for _, skill in shown]
        bars = [[skill.value - skill.low for _, skill in shown], [skill.high - skill.value for _, skill in shown]]
        places = [place for place, _ in shown]
        colour = COLOURS[number % len(COLOURS)]
        axis.errorbar(values, places, xerr=bars, fmt='o', color=colour, label=plotted(name), capsize=2.5, markersize=5)
    axis.set_yticks(range(len(models)), labels_of([model.name for model in models]))
    axis.invert_yaxis()
    axis.axvline(0, color='0.4', linewidth=1)
    axis.set_xlabel('skill under attack (0 chance)')
    _finish(axis)
    figure.legend(loc='outside lower center', ncols=len(data_sets), frameon=False)
    return figure


def draw_costs(models: Sequence[Ranked], passes: Mapping[str, float]) -> Figure:
    """Draw each model's least skill, with its interval, against what its training cost.

    Args:
        models: Those without a least skill are left out.
        passes: Name of a model -> forwards and backwards of single images; the others are left out, too.
    """
    figure = Figure(figsize=(7.5, 4.8), layout='constrained', dpi=100)
    axis = figure.subplots()
    shown = [(model.name, *model.least) for model in models if model.least and passes.get(model.name)]
    places = side_by_side([passes[name] for name, *_ in shown])
    for number, (label, place, (_, value, low, high)) in enumerate(
        zip(labels_of([name for name, *_ in shown]), places, shown)
    ):
        bar, marker = [[value - low], [high - value]], _MARKERS[number % len(_MARKERS)]
        colour = COLOURS[number % len(COLOURS)]
        axis.errorbar([place], [value], yerr=bar, fmt=marker, color=colour, label=label, capsize=2.5)
    axis.set_xscale('log')
    axis.margins(x=0.3)
    axis.set_xlabel('training: forwards and backwards of single images; those of equal cost stand in a row')
    axis.set_ylabel('least skill under attack')
    _finish(axis)
    if shown:
        figure.legend(loc='outside lower center', ncols=2, frameon=False)
    return figure


def side_by_side(costs: Sequence[float]) -> list[float]:
    """Costs for a logarithmic axis, those that would hide each other moved apart, in their order.

    Args:
        costs: Above 0.
    """
    order = sorted(range(len(costs)), key=lambda place: costs[place])
    moved = list(costs)
    for before, place in zip(order, order[1:]):
        moved[place] = max(costs[place], moved[before] * _APART)
    return moved


def _finish(axis: Axes) -> None:
    axis.grid(color='0.9', linewidth=0.8)
    axis.spines[['top', 'right']].set_visible(False)
