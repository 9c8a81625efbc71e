"""Evaluating one row of a suite: clean and attacked predictions, recorded batch by batch."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config, ConfigDict
from mmengine.dist import barrier, get_rank, get_world_size, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch import Tensor, cuda
from torch.utils.data import DataLoader

from mmssl_robust.attacks.attack import Attack
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.tolerant import TolerantDataset, spread, tolerant_collate
from mmssl_robust.evaluation.batches import same_size_runs
from mmssl_robust.evaluation.measures import measure_of
from mmssl_robust.evaluation.sanity_checks import check_attacks, few_images, with_encoder
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.data_check import check_class_count, check_data_folders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import bf16_is_fast, usable_precision
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.state_dict import load_weights, read_weights
from mmssl_robust.victims import Victim, build_victim
from mmssl_robust.victims.budget import parse_memory
from mmssl_robust.visualization.examples import Example
from mmssl_robust.visualization.panels import example_of

from .kept_examples import KeptExamples
from .plan import share_of, units_of
from .records import CLEAN, RecordStore
from .suite import Row

_SANITY_QUERIES = 50  # of Square, for an image


@dataclass(frozen=True)
class Options:
    """How a suite is run, besides what its rows say.

    Attributes:
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how adversarial images are made; where the
            device has no ``'fast-fp32'``, it becomes ``'fp32'``.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read.
        examples: How many of the most and of the least robust images are kept for each attack.
        device: Where to compute.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.
    """

    precision: str = 'fp32'
    on_corrupt: str = 'fail'
    examples: int = 4
    device: str = 'cpu'
    attack_memory: str | None = None

    def __post_init__(self) -> None:
        if self.attack_memory is not None:
            parse_memory(self.attack_memory)
        object.__setattr__(self, 'precision', usable_precision(self.precision, self.device))


class RowEvaluation:
    """One row: its model, its images, its attacks.

    Args:
        row: The row.
        cfg: Its config, complete.
        head: Path or URL of the head's weights.
        store: Where its records go.
        options: How to run it.

    Raises:
        UserError: If data, weights or an attack are missing or do not fit.
    """

    def __init__(self, row: Row, cfg: Config, head: str, store: RecordStore, options: Options) -> None:
        check_data_folders(cfg.test_dataloader.dataset)
        self.row, self.store, self.options = row, store, options
        self.attacks = {name: build_attack(settings) for name, settings in row.attacks.items()}
        self.loader = cfg.test_dataloader
        self.data_root = Path(self.loader.dataset.get('data_root') or '')
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
            self.model = MODELS.build(cfg.model)
            self.dataset = TolerantDataset(self.loader.dataset, options.on_corrupt, row.max_images)
            evaluator = Evaluator(cfg.test_evaluator)
        evaluator.dataset_meta = self.dataset.metainfo
        self.measure = measure_of(evaluator.metrics[0])
        load_weights(self.model, read_weights(head), head)
        check_class_count(self.model, self.dataset)
        self.model.to(options.device).eval().requires_grad_(False)
        self.scope = cfg.get('default_scope', 'mmengine')

    def facts(self) -> dict[str, Any]:
        """What a reader of the records wants to know of the data."""
        meta = self.dataset.metainfo if self.row.task != 'depth' else {}
        return dict(images=len(self.dataset.indices), classes=meta.get('classes'), palette=meta.get('palette'))

    def run(self, rival: tuple[ConfigDict, str] | None = None) -> None:
        """Make what is missing, and join what is complete; ``rival`` is another encoder, config and weights."""
        self._check_sanity(rival)
        images = range(len(self.dataset.indices))
        swept = [images[place] for place in spread(len(images), self.row.sweep_images)]
        main = [name for name in (CLEAN, *self.attacks) if name not in self.row.sweeps]
        with DefaultScope.overwrite_default_scope(self.scope):
            for attacks, chosen in ((main, list(images)), (self.row.sweeps, swept)):
                self._run_attacks(attacks, units_of(chosen, self.loader.batch_size))

    def _check_sanity(self, rival: tuple[ConfigDict, str] | None) -> None:
        """Find out about the attacks on a few images whether they are to be believed, before hours of them."""
        known = self.store.sanity()
        done = {*self.row.sweeps, *(name.partition('/')[0] for name in known)}
        attacks = {name: attack for name, attack in self.attacks.items() if name not in done}
        if not self.row.sanity_images or not attacks:
            return
        with DefaultScope.overwrite_default_scope(self.scope):
            batches = few_images(self.dataset, self.row.sanity_images, batch_size=1)
            other = with_encoder(self.model, *rival) if rival else None
            half = bf16_is_fast(self.options.device)
            memory = self.options.attack_memory
            found = check_attacks(self.model, batches, attacks, _SANITY_QUERIES, half, other, memory)
        if is_main_process():
            checks = {name: [asdict(check) for check in checks] for name, checks in found.items()}
            self.store.write_sanity(known | checks)

    def _run_attacks(self, attacks: Sequence[str], units: list[list[int]]) -> None:
        attacks = [name for name in attacks if not self.store.is_finished(name)]
        missing = {name: set(range(len(units))) - self.store.done(name) for name in attacks}
        barrier()  # nobody may record before everybody has looked
        mine = share_of(set().union(*missing.values()), get_rank(), get_world_size())
        galleries = {
            name: KeptExamples(self.store.folder / 'examples' / name, self.options.examples)
            for name in attacks
            if name != CLEAN and name not in self.row.sweeps
        }
        batches = self._load([units[unit] for unit in mine])
        description = f'{self.row.name}: {" + ".join(attacks)}'
        for unit, batch in zip(mine, track(batches, description) if mine else ()):
            self._run_unit(unit, batch, [name for name in attacks if unit in missing[name]], galleries)
        barrier()
        if is_main_process():
            for name in attacks:
                self.store.finish(name, len(units))
            for gallery in galleries.values():
                KeptExamples(gallery.folder, self.options.examples).tidy()
        barrier()

    def _load(self, units: list[list[int]]) -> DataLoader:
        workers = self.loader.get('num_workers', 0) if len(units) > 1 else 0
        pinned = self.loader.get('pin_memory', False) and cuda.is_available()
        return DataLoader(
            self.dataset,
            batch_sampler=units,
            num_workers=workers,
            pin_memory=pinned,
            collate_fn=tolerant_collate,
        )

    def _run_unit(
        self, unit: int, batch: dict[str, Any], attacks: list[str], galleries: dict[str, KeptExamples]
    ) -> None:
        for sample in batch.pop('unreadable'):
            if sample.fatal:
                raise UserError(sample.message)
            self.store.note_skipped(unit, sample.message)
        views = [_View(self, part) for part in same_size_runs(batch)]
        for name in attacks:
            self.store.add(name, unit, [row for view in views for row in view.records(name, galleries.get(name))])


class _View:
    """A part of a batch whose images have one size, under one attack after the other."""

    def __init__(self, evaluation: RowEvaluation, part: dict[str, Any]) -> None:
        self.evaluation = evaluation
        self.victim: Victim = build_victim(evaluation.model, part, evaluation.options.attack_memory)
        start = time.perf_counter()
        self.clean = self.victim.predict(self.victim.pixels)
        self.clean_seconds = time.perf_counter() - start
        self.qualities = [evaluation.measure(sample) for sample in self.clean]

    def records(self, name: str, gallery: KeptExamples | None) -> Iterator[dict[str, Any]]:
        """Yield the records of one attack, and offer its images to the gallery before."""
        if name == CLEAN:
            yield from self._rows(name, self.clean, self.clean_seconds, dict(forwards=1, backwards=0))
            return
        attack = self.evaluation.attacks[name]
        shown: list[_Shown | None] = [None] * len(self.clean)
        start = time.perf_counter()
        for _, member, result in self.victim.runs(attack, self.evaluation.options.precision):
            seconds = time.perf_counter() - start
            attacked = self.victim.predict(result.adv)
            rows = list(self._rows(name, attacked, seconds, self._columns(member, result)))
            for place, row in enumerate(rows):
                found = _Shown(row, result, attacked[place])
                if shown[place] is None or found.is_worse_than(shown[place]):
                    shown[place] = found
            yield from rows
            start = time.perf_counter()
        if gallery:
            self._offer(name, gallery, shown)

    def _offer(self, name: str, gallery: KeptExamples, shown: list['_Shown']) -> None:
        for place, (quality, worst) in enumerate(zip(self.qualities, shown)):
            before, after = quality.get('quality'), worst.row.get('quality')
            if before is not None:

                def example(place: int = place, worst: _Shown = worst, before: float = before) -> Example:
                    arguments = (self.victim, place, worst.result, self.clean[place], worst.prediction, name)
                    return example_of(*arguments, before, worst.row['quality'])

                gallery.offer(worst.row['index'], before, after, example)

    def _columns(self, attack: Attack, result: AttackResult) -> dict[str, Any]:
        delta = (result.adv - self.victim.pixels).flatten(1)
        return dict(
            member=result.member,
            seed=attack.seed,
            restart=result.restart,
            success=result.success,
            score=result.score,
            loss_before=self.victim.objective_values(attack, self.victim.pixels).final_loss,
            loss_after=result.loss,
            linf=delta.abs().amax(dim=1),
            l2=delta.norm(dim=1),
            l1=delta.abs().sum(dim=1),
            zero_grad=result.zero_grad,
            forwards=result.forwards,
            backwards=result.backwards,
        )

    def _rows(
        self, name: str, predictions: list[BaseDataElement], seconds: float, columns: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        values = {key: value.tolist() if isinstance(value, Tensor) else value for key, value in columns.items()}
        for place, (key, sample) in enumerate(zip(self.victim.keys, predictions)):
            own = {column: value[place] if isinstance(value, list) else value for column, value in values.items()}
            yield dict(
                index=key,
                file=_below(sample.get('img_path'), self.evaluation.data_root),
                attack=name,
                seconds=seconds / len(predictions),
                **own,
                **self.evaluation.measure(sample),
            )


class _Shown(NamedTuple):
    """What one attack, or member of an ensemble, made of an image."""

    row: dict[str, Any]
    result: AttackResult
    prediction: BaseDataElement

    def is_worse_than(self, other: '_Shown') -> bool:
        """Whether the prediction is of lower quality."""
        own, others = self.row.get('quality'), other.row.get('quality')
        return own is not None and (others is None or own < others)


def _below(path: str | None, root: Path) -> str:
    """A path from the data root on, the same on every machine."""
    if not path:
        return ''
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else Path(path).name
