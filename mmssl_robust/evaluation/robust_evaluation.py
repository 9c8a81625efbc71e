"""One pass over a data set: clean and attacked predictions of a model, and the metrics of both."""

import copy
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from torch import nn

from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.ensembles.base import worse
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.tolerant import Unreadable, tolerant_collate
from mmssl_robust.evaluation.measures import MEASURED, task_of
from mmssl_robust.evaluation.worst_case import by_budget
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import usable_precision
from mmssl_robust.victims import Victim, build_victim
from mmssl_robust.victims.budget import parse_memory

from .attack_log import AttackLog
from .batches import same_size_runs
from .worst_log import WorstLog

OnAttack = Callable[..., None]
WORST = 'worst'


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
            member of an ensemble, and with several attacks ``worst`` that of the worst of them for each image, if they
            have one norm and eps; otherwise ``worst-linf-8/255`` and the like for each of several budgets.
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how examples are made. They are scored in
            fp32.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.

    Attributes:
        logs: Name of each attack -> its :class:`AttackLog`.
        precision: In what examples are really made.
        summary: After :meth:`finish`: ``images``, ``skipped`` (messages), ``precision``, ``attacks``, for each the
            settings and what :meth:`AttackLog.summary` gives, and ``worst``, names of the worst cases over several
            attacks.

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
        self.attack_cfgs = attacks
        self.attacks = {name: build_attack(cfg) for name, cfg in attacks.items()}
        self.evaluator = evaluator
        _check_no_files(evaluator if attacks else None)
        self.groups = self._groups()
        self.evaluators = {name: copy.deepcopy(evaluator) for name in (*self._runs(), *self.groups)}
        self.memory = attack_memory if attack_memory is None else parse_memory(attack_memory)
        self.precision = usable_precision(precision, get_device())
        self.summary: dict[str, Any] = {}
        self.start()

    def _runs(self) -> list[str]:
        """Names of what is run: attacks, and in place of an ensemble its members."""
        return [
            f'{name}/{member}' if member else name
            for name, attack in self.attacks.items()
            for member in getattr(attack, 'members', [''])
        ]

    def _groups(self) -> dict[str, list[str]]:
        """Name -> names of the runs of which it is the worst case."""
        groups = {
            name: [f'{name}/{member}' for member in attack.members]
            for name, attack in self.attacks.items()
            if isinstance(attack, Ensemble)
        }
        if groups:
            task_of(self.evaluator.metrics[0])
        if isinstance(self.evaluator.metrics[0], MEASURED):
            budgets = by_budget({name: (attack.norm, attack.eps) for name, attack in self.attacks.items()})
            for budget, names in budgets.items():
                if len(names) > 1:
                    runs = [run for run in self._runs() if run.partition('/')[0] in names]
                    groups['-'.join(filter(None, (WORST, budget)))] = runs
        return groups

    def start(self) -> None:
        """Forget the pass before."""
        self.logs = {name: AttackLog() for name in (*self._runs(), *self.attacks)}
        self.worst = {name: WorstLog(self.evaluator.metrics[0], runs) for name, runs in self.groups.items()}
        self.images, self.skipped = 0, []

    def note_unreadable(self, samples: list[Unreadable]) -> None:
        """Count samples that could not be read.

        Raises:
            UserError: If one is not to be skipped.
        """
        for sample in samples:
            if sample.fatal:
                raise UserError(sample.message)
            self.skipped.append(sample.message)

    @torch.no_grad()
    def process(self, model: nn.Module, data_batch: dict[str, Any], on_attack: OnAttack | None = None) -> list[Any]:
        """Evaluate a batch, part by part where its images differ in size.

        Args:
            model: What is evaluated.
            data_batch: What the data loader gives, without unreadable samples.
            on_attack: Called after each attack with ``name``, ``victim``, ``result``, ``clean`` and ``adversarial``.

        Returns:
            The clean predictions.
        """
        return [sample for part in same_size_runs(data_batch) for sample in self._process_part(model, part, on_attack)]

    def _process_part(self, model: nn.Module, data_batch: dict[str, Any], on_attack: OnAttack | None) -> list[Any]:
        victim = build_victim(model, data_batch, self.memory)
        clean = victim.predict(victim.pixels)
        self.evaluator.process(clean, data_batch)
        self.images += len(clean)
        for name, attack in self.attacks.items():
            self._attack(name, attack, victim, data_batch, clean, on_attack)
        for name, worst in self.worst.items():
            self.evaluators[name].process(worst.take(), data_batch)
        return clean

    def _attack(
        self,
        name: str,
        attack: Attack | Ensemble,
        victim: Victim,
        data_batch: dict[str, Any],
        clean: list[Any],
        on_attack: OnAttack | None,
    ) -> None:
        start, total, results = time.perf_counter(), 0.0, []
        for member, _, result in victim.runs(attack, self.precision):
            run = f'{name}/{member}' if member else name
            adversarial = victim.predict(result.adv)
            seconds = time.perf_counter() - start
            self.logs[run].add(victim.keys, result, seconds)
            self.evaluators[run].process(adversarial, data_batch)
            for worst in self.worst.values():
                worst.add(run, victim.keys, adversarial)
            if on_attack:
                on_attack(name=run, victim=victim, result=result, clean=clean, adversarial=adversarial)
            start, total = time.perf_counter(), total + seconds
            results.append(result)
        if isinstance(attack, Ensemble):
            self.logs[name].add(victim.keys, reduce(worse, results), total)

    def finish(self) -> dict[str, float]:
        """Return the metrics over all processes: clean ones under their names, attacked ones as ``attack/metric``.

        Raises:
            UserError: If no image could be read.
        """
        parts = all_gather_object((self.images, self.skipped))
        images, skipped = sum(part[0] for part in parts), [message for part in parts for message in part[1]]
        if images == 0:
            raise UserError(f'no image could be read: {skipped[0] if skipped else "the data loader is empty"}')
        metrics = self.evaluator.evaluate(images)
        for name, evaluator in self.evaluators.items():
            own = evaluator.evaluate(images)
            if name in self.worst:
                own |= self.worst[name].metrics()
            metrics |= {f'{name}/{key}': value for key, value in own.items()}
        names = [*dict.fromkeys((*self._runs(), *self.attacks))]
        attacks = {name: dict(settings=self._settings(name), **self.logs[name].summary()) for name in names}
        worst = [name for name in self.groups if name not in self.attacks]
        self.summary = dict(images=images, skipped=skipped, precision=self.precision, attacks=attacks, worst=worst)
        return metrics

    def _settings(self, name: str) -> dict[str, Any]:
        """Config of an attack; of a member that of its ensemble."""
        return self.attack_cfgs.get(name) or self.attack_cfgs[name.partition('/')[0]]


def _check_no_files(evaluator: Evaluator | None) -> None:
    """Refuse metrics that write predictions: those of each attack would replace the clean ones."""
    for metric in evaluator.metrics if evaluator else ():
        path = getattr(metric, 'out_file_path', None) or getattr(metric, 'output_dir', None)
        if path:
            raise UserError(f'{type(metric).__name__} writes to {path}, clean and attacked alike: leave that out')
