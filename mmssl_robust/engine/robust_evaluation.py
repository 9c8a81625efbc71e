"""One pass over a data set: clean and attacked predictions of a model, and the metrics of both."""

import copy
import time
from collections.abc import Callable
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from torch import nn

from mmssl_robust.attacks.victims import build_victim, check_precision
from mmssl_robust.datasets.tolerant import Unreadable, tolerant_collate
from mmssl_robust.registered import build_attack
from mmssl_robust.utils.errors import UserError

from .attack_log import AttackLog
from .batches import same_size_runs

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
        attacks: Name -> config of an attack. The name is the prefix of its metrics.
        precision: ``'fp32'`` or ``'bf16'``: how examples are made. They are scored in fp32.

    Attributes:
        logs: Name of each attack -> its :class:`AttackLog`.
        summary: After :meth:`finish`: ``images``, ``skipped`` (messages), and ``attacks``, for each the settings and
            what :meth:`AttackLog.summary` gives.

    Raises:
        UserError: If an attack or the precision is unknown, or a metric would write files.
    """

    def __init__(self, evaluator: Evaluator, attacks: dict[str, dict[str, Any]], precision: str = 'fp32') -> None:
        self.attack_cfgs = attacks
        self.attacks = {name: build_attack(cfg) for name, cfg in attacks.items()}
        self.evaluator = evaluator
        _check_no_files(evaluator if attacks else None)
        self.evaluators = {name: copy.deepcopy(evaluator) for name in attacks}
        self.precision = check_precision(precision)
        self.summary: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        """Forget the pass before."""
        self.logs = {name: AttackLog() for name in self.attacks}
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
        victim = build_victim(model, data_batch)
        clean = victim.predict(victim.pixels)
        self.evaluator.process(clean, data_batch)
        self.images += len(clean)
        for name, attack in self.attacks.items():
            start = time.perf_counter()
            result = victim.attack(attack, self.precision)
            adversarial = victim.predict(result.adv)
            self.logs[name].add(victim.keys, result, time.perf_counter() - start)
            self.evaluators[name].process(adversarial, data_batch)
            if on_attack:
                on_attack(name=name, victim=victim, result=result, clean=clean, adversarial=adversarial)
        return clean

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
            metrics |= {f'{name}/{key}': value for key, value in evaluator.evaluate(images).items()}
        attacks = {name: dict(settings=self.attack_cfgs[name], **log.summary()) for name, log in self.logs.items()}
        self.summary = dict(images=images, skipped=skipped, attacks=attacks)
        return metrics


def _check_no_files(evaluator: Evaluator | None) -> None:
    """Refuse metrics that write predictions: those of each attack would replace the clean ones."""
    for metric in evaluator.metrics if evaluator else ():
        path = getattr(metric, 'out_file_path', None) or getattr(metric, 'output_dir', None)
        if path:
            raise UserError(f'{type(metric).__name__} writes to {path}, clean and attacked alike: leave that out')
