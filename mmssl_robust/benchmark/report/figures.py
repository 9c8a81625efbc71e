"""Figures of a report, as vectors: readable without colour, for colour-blind eyes, and in print."""

import io
import textwrap
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import plotted
from mmssl_robust.utils.files import whole_file
from mmssl_robust.visualization.evolution import COLOURS, Point, draw_evolution, read_evolution

from ..results import STANDARD
from ..row_records import WORST
from .content import Content

FORMATS = ('.pdf', '.svg')
_TITLES = {'eps': 'Quality against eps', 'steps': 'Quality against attack steps'}
_AXES = {'steps': 'attack steps', 'step_size': 'step size'}
_STYLES = dict(
    embedding=(('--', 's'), ((0, (6, 2, 1, 2)), 'P'), ((0, (3, 1)), 'X'), ((0, (8, 2)), '*')),
    prediction=((':', '^'), ('-.', 'D'), ('-', 'v')),
)
_HATCHES = ('', '///', '...', 'xxx', '\\\\\\', '+++')
_LEGEND_LINE = 0.2  # inches
_LEGEND_LINES = 6  # for which there is room
_LETTERS = 13  # an inch of a legend
_LINE = 44  # letters for which a legend below a panel has room
KEPT = (
    'Share of the clean quality that is kept under attack, in percent: attacked / clean, or clean / attacked for '
    'errors such as the RMSE, where higher is worse. 100 % is no effect. Bars are 95 % intervals.'
)


@dataclass(frozen=True)
class Drawn:
    """A figure with its words.

    Attributes:
        title: What it shows.
        caption: How to read it.
        figure: The figure.
    """

    title: str
    caption: str
    figure: Figure

    @cached_property
    def svg(self) -> str:
        """The figure as the text of a file, the same for the same figure."""
        buffer = io.StringIO()
        with _reproducible():
            self.figure.savefig(buffer, format='svg', metadata={'Date': None})
        return buffer.getvalue()

    @property
    def element(self) -> str:
        """The figure as an ``<svg>`` element."""
        return self.svg[self.svg.index('<svg') :]

    def save(self, path: Path) -> None:
        """Write the figure, ``.svg`` or ``.pdf``, whole or not at all, the same for the same figure."""
        with whole_file(path) as partial, _reproducible():
            if path.suffix == '.svg':
                partial.write_text(self.svg, encoding='utf-8')
            else:
                self.figure.savefig(partial, format='pdf', metadata={'CreationDate': None})


def draw_figures(content: Content, evolution: Path | None = None) -> dict[str, Drawn]:
    """Draw what the records have.

    Args:
        content: What is read from them.
        evolution: Folder of a training whose logs hold figure 2, where no row does.

    Returns:
        Name of the file -> figure.
    """
    drawn = {}
    every = _final(content.curves)
    for axis in sorted(set(every['axis'])):
        caption = 'Colour says which encoder; dashed is EmbedAttack, dotted the attack on the task. '
        caption += 'All points of a curve are from the same images; bands are 95 % intervals.'
        title = _TITLES.get(axis, f'Quality against {axis.replace("_", " ")}')
        drawn[axis] = Drawn(title, caption, _curves(every[every['axis'] == axis], axis))
    kept = _final(content.kept)
    if len(kept):
        drawn['kept'] = Drawn('What is kept under attack', KEPT, _kept(kept))
    points = _points(content) or (read_evolution(evolution) if evolution else [])
    if points:
        caption = "Solid is clean, dashed EmbedAttack, dotted the attack on the task; after the paper's figure 2."
        drawn['evolution'] = Drawn('Robustness in the course of fine-tuning', caption, draw_evolution(points))
    return drawn


def _reproducible() -> AbstractContextManager[None]:
    return matplotlib.rc_context({'svg.hashsalt': 'mmssl_robust', 'pdf.fonttype': 42})


def _points(content: Content) -> list[Point]:
    """Rows that are points of figure 2."""
    table = content.results[content.results['epoch'].notna()]
    points = []
    for line in table.to_dict('records'):
        metric, attack = task_named(line['task']).metric, line['attack']
        if line['metric'] == metric.name and not attack.startswith(WORST):
            embedding = line['reads'] == 'embedding'
            points.append(Point(int(line['epoch']), line['data'], attack, metric.stock_name, line['value'], embedding))
    return points


def _final(table: pd.DataFrame) -> pd.DataFrame:
    """What is no point in the course of a training."""
    return table[table['epoch'].isna()]


def _curves(table: pd.DataFrame, axis: str) -> Figure:
    panels = list(dict.fromkeys(zip(table['task'], table['data'])))
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.2, wspace=0.03)
    lines = max(_legend_lines(own) for _, own in table.groupby(['task', 'data']))
    height = 4.6 + _LEGEND_LINE * max(lines - _LEGEND_LINES, 0)
    figure = Figure(figsize=(4 * max(len(panels), 1.25), height), layout=layout, dpi=100)
    colours = _colours(table)
    table = table.assign(model=_model(table))  # a panel alone may be without variants
    for axes, (task, data) in zip(figure.subplots(1, len(panels), squeeze=False).flat, panels):
        _curve_panel(axes, table[(table['task'] == task) & (table['data'] == data)], colours, axis)
        axes.set_title(plotted(f'{data}, {task}'), fontsize=13)
    return figure


def _curve_panel(axes: Axes, table: pd.DataFrame, colours: dict[str, str], axis: str) -> None:
    styles = _styles(table)
    scale = _scale(table, axis)
    for (name, attack), line in table.groupby(['model', 'attack'], sort=False):
        colour, (style, marker) = colours[str(name)], styles[str(attack)]
        xs = line['x'].to_numpy(float) * scale
        axes.plot(
            xs,
            line['value'].to_numpy(float),
            color=colour,
            linestyle=style,
            marker=marker,
            linewidth=2,
            markersize=5.5,
            label=plotted(_wrapped(f'{name}, {attack}')),
            clip_on=False,
            zorder=3,
        )
        axes.fill_between(xs, line['low'].to_numpy(float), line['high'].to_numpy(float), color=colour, alpha=0.1)
    axes.set_xlabel(_axis_label(table, axis), fontsize=11)
    axes.set_ylabel(task_named(table['task'].iloc[0]).metric.axis, fontsize=11)
    axes.set_ylim(bottom=0)
    if axis != 'eps' and (table['x'] > 0).all():
        axes.set_xscale('log')
    ticks = sorted(set(table['x'].astype(float) * scale))
    axes.set_xticks(ticks, [f'{tick:g}' for tick in ticks])
    axes.minorticks_off()
    _tidy(axes)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.16), ncols=1, fontsize=9, handlelength=3.6, frameon=False)


def _kept(kept: pd.DataFrame) -> Figure:
    groups = list(dict.fromkeys(zip(kept['task'], kept['data'], kept['attack'])))
    several = kept.groupby('data')['task'].nunique() > 1
    models = list(dict.fromkeys(_model(kept)))
    colours = _colours(kept)
    breadth = max(1.1 * len(groups) + 2, 6)
    wide = int(breadth * _LETTERS) - 8  # beside the coloured box
    columns = max(1, min(len(models), 3, wide // max(map(len, models))))
    longest = max(textwrap.fill(name, wide).count('\n') + 1 for name in models)
    height = 4.4 + _LEGEND_LINE * (-(-len(models) // columns) * longest - 1)
    figure = Figure(figsize=(breadth, height), layout='constrained', dpi=100)
    axes = figure.subplots()
    width = 0.8 / len(models)
    for place, name in enumerate(models):
        own = kept[_model(kept) == name].set_index(['task', 'data', 'attack'])
        found = [group for group in groups if group in own.index]
        lines = [own.loc[group] for group in found]
        xs = [groups.index(group) + (place - (len(models) - 1) / 2) * width for group in found]
        values = np.array([line['value'] for line in lines], float)
        ends = np.array([[line['value'] - line['low'], line['high'] - line['value']] for line in lines], float).T
        axes.bar(
            xs,
            values,
            0.9 * width,
            yerr=np.nan_to_num(ends).clip(min=0),
            color=colours[name],
            hatch=_HATCHES[place % len(_HATCHES)],
            edgecolor='white',
            ecolor='0.25',
            capsize=3,
            label=plotted(textwrap.fill(name, wide)),
        )
    labels = [f'{data}{f", {task}" if several[data] else ""}\n{attack}' for task, data, attack in groups]
    axes.set_xticks(range(len(groups)), [plotted(label) for label in labels], fontsize=9)
    axes.set_ylabel('kept of the clean quality (%)', fontsize=11)
    axes.set_ylim(0, max(105, axes.get_ylim()[1]))
    axes.axhline(100, color='0.6', linewidth=0.8, zorder=0)
    _tidy(axes)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.16), ncols=columns, fontsize=9, frameon=False)
    return figure


def _wrapped(label: str) -> str:
    """A label in lines that are no wider than a panel."""
    return textwrap.fill(label, _LINE)


def _legend_lines(table: pd.DataFrame) -> int:
    labels = set(_model(table) + ', ' + table['attack'])
    return sum(_wrapped(label).count('\n') + 1 for label in labels)


def _model(table: pd.DataFrame) -> pd.Series:
    """Encoder and variant, if it has one; without the variant where all are Standard, which then says nothing."""
    if table['variant'].eq(STANDARD).all():
        return table['encoder']
    return table['encoder'].where(table['variant'].eq(''), table['encoder'] + ', ' + table['variant'])


def _colours(table: pd.DataFrame) -> dict[str, str]:
    """Standard first, so that its colour is the same in all figures."""
    names = sorted(dict.fromkeys(_model(table)), key=lambda name: not name.endswith(STANDARD))
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}


def _styles(table: pd.DataFrame) -> dict[str, tuple[Any, str]]:
    """Attack -> line and marker: one kind for attacks on the embedding, another for those on a task."""
    found: dict[str, tuple[Any, str]] = {}
    for reads, styles in _STYLES.items():
        names = dict.fromkeys(table.loc[table['reads'] == reads, 'attack'])
        found |= {name: styles[place % len(styles)] for place, name in enumerate(names)}
    return found


def _scale(table: pd.DataFrame, axis: str) -> int:
    """By what a panel's numbers are multiplied: lengths in linf are so many of 255."""
    return 255 if axis in ('eps', 'step_size') and set(table['norm']) == {'linf'} else 1


def _axis_label(table: pd.DataFrame, axis: str) -> str:
    return _AXES.get(axis, axis) + (' (of 255)' if _scale(table, axis) == 255 else '')


def _tidy(axes: Axes) -> None:
    axes.grid(color='0.9', linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
