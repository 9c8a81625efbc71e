"""Test and validation loops that attack: clean and adversarial metrics in one pass over the data."""

import copy
import time
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from mmssl_robust.attacks.victims import build_victim, check_precision
from mmssl_robust.datasets.tolerant import Unreadable, tolerant_collate
from mmssl_robust.registered import build_attack
from mmssl_robust.registry import LOOPS
from mmssl_robust.utils.errors import UserError

from .attack_log import AttackLog
from .batches import same_size_runs
from .progress import track


class _AttackMixin:
    """What the two loops share; they differ in the names of the hooks that they call.

    Args:
        runner: The runner.
        dataloader: Config of a data loader; the loop wraps its data set in
            :class:`~mmssl_robust.datasets.TolerantDataset`. A finished loader
            is used as it is.
        evaluator: Metrics, clean ones. Each attack gets a copy.
        attacks: Name -> config of an attack. The name is the prefix of its metrics.
        precision: ``'fp32'`` or ``'bf16'``: how examples are made. They are scored in fp32.
        max_images: Take this many, evenly spread over the data set, not all.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read.

    Attributes:
        summary: After :meth:`run`: ``images``, ``skipped`` (messages), and
            ``attacks``, for each the settings and what
            :meth:`~mmssl_robust.engine.attack_log.AttackLog.summary` gives.
    """

    stage: str

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        evaluator: Evaluator | dict[str, Any] | list[Any],
        attacks: dict[str, dict[str, Any]] | None = None,
        precision: str = 'fp32',
        max_images: int | None = None,
        on_corrupt: str = 'fail',
    ) -> None:
        self.attack_cfgs = attacks or {}
        self.attacks = {name: build_attack(cfg) for name, cfg in self.attack_cfgs.items()}
        if isinstance(dataloader, dict):
            dataloader = _tolerant(dataloader, max_images, on_corrupt)
        super().__init__(runner, dataloader, evaluator)
        _check_no_files(self.evaluator if self.attacks else None)
        self.evaluators = {name: copy.deepcopy(self.evaluator) for name in self.attacks}
        self.precision = check_precision(precision)
        self.summary: dict[str, Any] = {}

    def run(self) -> dict[str, float]:
        """Evaluate.

        Returns:
            Clean metrics under their own names and attacked ones as ``attack/metric``.

        Raises:
            UserError: If a file cannot be read, or none can.
        """
        self._call_hook('before_{}')
        self._call_hook('before_{}_epoch')
        self.runner.model.eval()
        self.logs = {name: AttackLog() for name in self.attacks}
        self.images, self.skipped = 0, []
        for index, data_batch in enumerate(track(self.dataloader, ' + '.join(('clean', *self.attacks)))):
            self.run_iter(index, data_batch)
        metrics = self._evaluate()
        self._call_hook('after_{}_epoch', metrics=metrics)
        self._call_hook('after_{}')
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Evaluate one batch, of which unreadable samples are missing."""
        self._note_unreadable(data_batch.pop('unreadable', []))
        self._call_hook('before_{}_iter', batch_idx=idx, data_batch=data_batch)
        outputs = [sample for part in same_size_runs(data_batch) for sample in self._attack(part)]
        # Also for an empty batch: some hooks talk to the other processes.
        self._call_hook('after_{}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)

    def _attack(self, data_batch: dict[str, Any]) -> list[Any]:
        """Evaluate images of one size and return the clean predictions."""
        victim = build_victim(self.runner.model, data_batch)
        clean = victim.predict(victim.pixels)
        self.evaluator.process(clean, data_batch)
        self.images += len(clean)
        for name, attack in self.attacks.items():
            start = time.perf_counter()
            result = victim.attack(attack, self.precision)
            adversarial = victim.predict(result.adv)
            self.logs[name].add(victim.keys, result, time.perf_counter() - start)
            self.evaluators[name].process(adversarial, data_batch)
            self.runner.call_hook(
                'after_attack_iter', name=name, victim=victim, result=result, clean=clean, adversarial=adversarial
            )
        return clean

    def _evaluate(self) -> dict[str, float]:
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

    def _note_unreadable(self, samples: list[Unreadable]) -> None:
        for sample in samples:
            if sample.fatal:
                raise UserError(sample.message)
            self.skipped.append(sample.message)

    def _call_hook(self, name: str, **kwargs: Any) -> None:
        self.runner.call_hook(name.format(self.stage), **kwargs)


@LOOPS.register_module()
class AttackTestLoop(_AttackMixin, TestLoop):
    """Test loop that attacks; arguments and ``summary`` as in :class:`_AttackMixin`."""

    stage = 'test'


@LOOPS.register_module()
class AttackValLoop(_AttackMixin, ValLoop):
    """Validation loop that attacks, e.g. for ``save_best='segpgd/mIoU'``; arguments as in :class:`_AttackMixin`."""

    stage = 'val'


def _check_no_files(evaluator: Evaluator | None) -> None:
    """Refuse metrics that write predictions: those of each attack would replace the clean ones."""
    for metric in evaluator.metrics if evaluator else ():
        path = getattr(metric, 'out_file_path', None) or getattr(metric, 'output_dir', None)
        if path:
            raise UserError(f'{type(metric).__name__} writes to {path}, clean and attacked alike: leave that out')


def _tolerant(dataloader: dict[str, Any], max_images: int | None, on_corrupt: str) -> dict[str, Any]:
    dataset = dict(
        type='mmssl_robust.TolerantDataset',
        dataset=dataloader['dataset'],
        max_images=max_images,
        on_corrupt=on_corrupt,
    )
    return {**dataloader, 'dataset': dataset, 'collate_fn': tolerant_collate}
