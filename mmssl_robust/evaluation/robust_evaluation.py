"""One pass over a data set: clean and attacked predictions of a model, and the metrics of both."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from typing import Any

import pandas as pd
import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement
from torch import nn

from mmssl_robust.attack_settings import CLEAN, WORST
from mmssl_robust.attacks import Ensemble
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import tell_attacks
from mmssl_robust.datasets.tolerant import tolerant_collate
from mmssl_robust.presets import check_names
from mmssl_robust.robustness_curve import curve_of, median_size
from mmssl_robust.tasks import Task, by_budget, fallen_and_risen, find_task, task_of_metric, worst_of
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import usable_precision
from mmssl_robust.victims.budget import parse_memory
from mmssl_robust.victims.surrogate import with_weights_named
from mmssl_robust.victims.thresholds import check_thresholds, thresholds_of

from . import iou_metric  # noqa: F401  # takes the place of MMSegmentation's
from .attack_log import AttackLog
from .walk import AttackRun, CleanRun, EnsembleRun, walk
from .worst_predictions import WorstPredictions

OnAttack = Callable[..., None]


def tolerant_dataloader(
    dataloader: dict[str, Any], max_images: int | None = None, on_corrupt: str = 'fail'
) -> dict[str, Any]:
    """Return the config of a data loader whose data set is wrapped in ``TolerantDataset``; arguments as there."""
    dataset = dict(
        type='mmssl_robust.TolerantDataset',
        dataset=dataloader['dataset'],
        max_images=max_images,
        on_corrupt=on_corrupt,
    )
    return {**dataloader, 'dataset': dataset, 'collate_fn': tolerant_collate}


class RobustEvaluation:
    """Scores clean and adversarial predictions, batch by batch.

    Args:
        evaluator: Metrics, clean ones. Each attack gets a copy.
        attacks: Name -> config of an attack. The name is the prefix of its metrics; ``NAME/MEMBER`` is that of a
            member of an ensemble, and ``worst`` that of the worst prediction for each image, clean or under any of the
            attacks, if they have one norm and eps; otherwise ``worst-linf-8/255`` and the like for each of several
            budgets. An ensemble's own metrics are of that kind, too; of
            corruptions they are means over them.
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how examples are made. They are scored in
            fp32.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.

    Attributes:
        task: The task that the first metric is for; None if records know no such metric.
        logs: Name of each attack -> its :class:`AttackLog`.
        chance: After :meth:`finish` of attacks: the first metric of who never looks at an image; None if not known.
        precision: In what examples are really made.
        summary: After :meth:`finish`: ``images``, ``skipped`` (messages), ``precision``, ``attacks``, for each the
            settings, what :meth:`AttackLog.summary` gives, and how many predictions ``fell`` and ``rose``, and
            ``worst``, names of the worst cases. ``outside``, where there are such, are the names of the clean
            predictions outside a patch; a minimal attack has a ``median_eps`` and a ``curve`` besides, see
            :mod:`mmssl_robust.robustness_curve`.

    Raises:
        UserError: If an attack or the precision is unknown, or a metric would write files, or is none of which the
            worst case is known where that is asked for.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        attacks: dict[str, dict[str, Any]],
        precision: str = 'fp32',
        attack_memory: str | int | None = None,
    ) -> None:
        self.attacks = with_weights_named({name: build_attack(cfg) for name, cfg in attacks.items()})
        check_names(attacks)
        self.evaluator = evaluator
        _check_no_files(evaluator if attacks else None)
        self.task = self._task()
        self.groups = self._groups()
        labels = (*self._runs(), *self._clean_outside(), *self.groups)
        self.evaluators = {name: copy.deepcopy(evaluator) for name in labels}
        self.memory = attack_memory if attack_memory is None else parse_memory(attack_memory)
        self.precision = usable_precision(precision, get_device())
        self.summary: dict[str, Any] = {}
        self.chance: float | None = None
        self.start()

    def _task(self) -> Task | None:
        metric = self.evaluator.metrics[0]
        if any(isinstance(attack, Ensemble) for attack in self.attacks.values()):
            return task_of_metric(metric)
        return find_task(metric)

    def _runs(self, names: list[str] | None = None) -> list[str]:
        """Labels of what is run: attacks, and in place of an ensemble its members."""
        return [
            f'{name}/{member}' if member else name
            for name, attack in self.attacks.items()
            for member in getattr(attack, 'members', [''])
            if names is None or name in names
        ]

    def _groups(self) -> dict[str, list[str]]:
        """Name -> labels of the runs of which it is the worst case; an attacker may leave an image alone."""
        if self.task is None or not self.attacks:
            return {}
        groups = {
            name: [CLEAN, *self._runs([name])]
            for name, attack in self.attacks.items()
            if isinstance(attack, Ensemble) and not attack.averages
        }
        for budget, names in by_budget({name: attack.settings for name, attack in self.attacks.items()}).items():
            runs = [CLEAN, *self._runs(names)]
            if runs not in groups.values():
                groups['-'.join(filter(None, (WORST, budget)))] = runs
        return groups

    def _clean_outside(self) -> list[str]:
        """Labels of the clean predictions that are judged outside an attack's region, as those under the attack are."""
        per_pixel = self.task is not None and self.task.per_pixel
        return [_outside(name) for name, attack in self.attacks.items() if per_pixel and attack.kind == 'patch']

    def start(self) -> None:
        """Forget the pass before."""
        self.logs = {name: AttackLog() for name in (*self._runs(), *self.attacks)}
        self.worst = {name: WorstPredictions(runs) for name, runs in self.groups.items()}
        labels = (CLEAN, *self._runs(), *self._clean_outside())
        self.records: dict[str, list[dict[str, Any]]] = {label: [] for label in labels}
        self.images = 0
        self.seen: set[int] = set()
        self.skipped: list[str] = []

    @torch.no_grad()
    def process(self, model: nn.Module, data_batch: dict[str, Any], on_attack: OnAttack | None = None) -> list[Any]:
        """Evaluate a batch, part by part where its images differ in size.

        Args:
            model: What is evaluated.
            data_batch: What the data loader gives.
            on_attack: Called after each attack with ``run``, an :class:`.walk.AttackRun`, and ``task``.

        Returns:
            The clean predictions.
        """
        self._agree(model)
        predictions = []
        for run in walk(model, data_batch, self.attacks, self.precision, self.memory, self.skipped.append):
            if isinstance(run, CleanRun):
                predictions += run.clean
                self._see(run.victim.keys)
                self.images += len(run.clean)
                self.evaluator.process(run.clean, run.batch)
                self._record(run.name, run.victim.keys, run.clean)
            elif isinstance(run, EnsembleRun):
                self.logs[run.name].add(run.victim.keys, run.result, run.seconds)
            elif isinstance(run, AttackRun):
                self.logs[run.label].add(run.victim.keys, run.result, run.seconds)
                self.evaluators[run.label].process(run.predictions, run.batch)
                self._record(run.label, run.victim.keys, run.predictions)
                if run.outside and _outside(run.name) in self.evaluators:
                    self.evaluators[_outside(run.name)].process(run.clean, run.batch)
                    self._record(_outside(run.name), run.victim.keys, run.clean)
                if on_attack:
                    on_attack(run=run, task=self.task)
        for name, worst in self.worst.items():
            if predictions:
                self.evaluators[name].process(worst.take(len(predictions)), data_batch)
        return predictions

    def _agree(self, model: nn.Module) -> None:
        """Have attacks, model and metric count the same pixels, before any work."""
        check_thresholds(model, self.evaluator.metrics[0])
        self.attacks = tell_attacks(self.attacks, thresholds_of(model))

    def _see(self, keys: Sequence[int]) -> None:
        for key in keys:
            if key in self.seen:
                raise UserError(
                    f'two images say that they are number {key} of the data set (sample_idx): '
                    'wrap it in mmssl_robust.TolerantDataset, which numbers them'
                )
            self.seen.add(key)

    def _record(self, label: str, keys: Sequence[int], predictions: Sequence[BaseDataElement]) -> None:
        """Remember of each prediction what the task's metrics, and choices among attacks, need."""
        if self.task is None or not self.attacks:
            return
        metric = self.evaluator.metrics[0]
        records = [
            dict(index=key, **dict(quality=None) | self.task.record(metric, prediction))
            for key, prediction in zip(keys, predictions, strict=True)
        ]
        self.records[label] += records
        for worst in self.worst.values():
            worst.add(label, records, predictions)

    def finish(self) -> dict[str, float]:
        """Return the metrics over all processes: clean ones under their names, attacked ones as ``attack/metric``.

        Raises:
            UserError: If no image could be read.
        """
        parts = all_gather_object((self.images, self.skipped, self.seen))
        images, skipped = sum(part[0] for part in parts), [message for part in parts for message in part[1]]
        if len(set().union(*(part[2] for part in parts))) < images:
            raise UserError(
                'processes share images, which a sampler repeats to give all equally many: give the data loader as a '
                'config, not a finished one'
            )
        if images == 0:
            raise UserError(f'no image could be read: {skipped[0] if skipped else "the data loader is empty"}')
        tables = self._tables()
        if self.task and tables:
            self.chance = self.task.chance(tables[CLEAN])
        metrics = self.evaluator.evaluate(images)
        for name, evaluator in self.evaluators.items():
            own = evaluator.evaluate(images)
            if name in self.groups and self.task:
                own |= _chosen(self.task, pd.concat([tables[label] for label in self.groups[name]]), own)
            metrics |= {f'{name}/{key}': value for key, value in own.items()}
        metrics |= self._means(metrics)
        names = [*dict.fromkeys((*self._runs(), *self.attacks))]
        attacks = {name: self._summary(name, tables) for name in names}
        worst = [name for name in self.groups if name not in self.attacks]
        self.summary = dict(images=images, skipped=skipped, precision=self.precision, attacks=attacks, worst=worst)
        if self._clean_outside():
            self.summary['outside'] = self._clean_outside()
        return metrics

    def _means(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """The metrics of ensembles that average: means over their members."""
        found: dict[str, float] = {}
        for name in (name for name, attack in self.attacks.items() if getattr(attack, 'averages', False)):
            first, *others = [f'{label}/' for label in self._runs([name])]
            for key in (key.removeprefix(first) for key in metrics if key.startswith(first)):
                values = [float(metrics[prefix + key]) for prefix in (first, *others)]
                found[f'{name}/{key}'] = fsum(values) / len(values)
        return found

    def worst_value(self, metrics: Mapping[str, float]) -> float:
        """Return the task's first metric in the worst case over clean images, attacks and budgets.

        Args:
            metrics: What :meth:`finish` returned.

        Raises:
            UserError: If there are no attacks, or the metric is none of which the worst case is known.
        """
        if not (self.groups and self.task):
            raise UserError('there is no skill without attacks: name some, on a task whose worst case is known')
        metric = self.task.metric
        values = [metrics[f'{group}/{metric.stock_name}'] for group in self.groups]
        return min(values) if metric.higher_is_better else max(values)

    def _tables(self) -> dict[str, pd.DataFrame]:
        """Label of each run -> its records, of all processes; every process must call it."""
        if self.task is None or not self.attacks:
            return {}
        gathered = all_gather_object(self.records)
        return {
            label: pd.DataFrame([record for part in gathered for record in part[label]]).sort_values('index')
            for label in self.records
        }

    def _summary(self, name: str, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
        """What is said of an attack or a member, besides its metrics."""
        own, _, member = name.partition('/')
        settings = self.attacks[own].settings
        settings = settings.members[member] if member else settings
        found: dict[str, Any] = dict(settings=settings.as_dict())
        found |= self.logs[name].summary()
        if settings.kind == 'minimal':
            sizes = _of_scored(self.logs[name].sizes(), tables.get(name))
            found |= dict(median_eps=median_size(sizes), curve=curve_of(sizes, settings.eps))
        if name in tables and self.task:
            clean = tables.get(_outside(name), tables[CLEAN])
            found['fell'], found['rose'] = fallen_and_risen(self.task, clean, tables[name])
        return found


def _outside(name: str) -> str:
    """What the clean predictions are called that are judged outside the region of an attack."""
    return f'{name}/{CLEAN}'


def _of_scored(sizes: Mapping[int, float], records: pd.DataFrame | None) -> list[float]:
    """Sizes of the images that have a ground truth; of the others nothing can be lost."""
    if records is None:
        return list(sizes.values())
    scored = records.loc[records['quality'].notna(), 'index']
    return [sizes[index] for index in scored]


def _chosen(task: Task, records: pd.DataFrame, known: Iterable[str]) -> dict[str, float]:
    """The first metric of the worst choice, where single predictions do not give it, and its bound, as it is known."""
    worst = worst_of(records, task)
    if worst.bound is None:
        return {}
    stock = task.metric.stock_name
    # A metric may have another prefix than OpenMMLab gives it.
    name = next((key for key in known if key.rpartition('/')[2] == stock.rpartition('/')[2]), stock)
    return {name: task.contributions(worst.records).values()[task.metric.name], f'{name}_bound': worst.bound}


def _check_no_files(evaluator: Evaluator | None) -> None:
    """Refuse metrics that write predictions: those of each attack would replace the clean ones."""
    for metric in evaluator.metrics if evaluator else ():
        path = getattr(metric, 'out_file_path', None) or getattr(metric, 'output_dir', None)
        if path:
            raise UserError(f'{type(metric).__name__} writes to {path}, clean and attacked alike: leave that out')
