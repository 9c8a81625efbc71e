"""Evaluating one row of a suite: clean and attacked predictions, recorded batch by batch."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.dist import barrier, get_rank, get_world_size, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from torch import cuda
from torch.utils.data import DataLoader

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.datasets.tolerant import TolerantDataset, spread, tolerant_collate
from mmssl_robust.evaluation.bank import bank_loader, fill_bank
from mmssl_robust.evaluation.sanity_checks import check_on_few
from mmssl_robust.evaluation.walk import victims_of, walk
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.data_check import check_class_count, check_test_data
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.state_dict import build_model, load_weights, loaded_weights, read_weights
from mmssl_robust.utils.stopping import heard, stop_together, worker_init
from mmssl_robust.victims.thresholds import check_thresholds

from .kept_examples import KeptExamples
from .plan import share_of, units_of
from .record_sink import RecordSink
from .records import RecordStore
from .resolved_row import ResolvedRow

_SANITY_QUERIES = 50  # of Square, for an image


class RowEvaluation:
    """One row: its model, its images, its attacks.

    Args:
        resolved: The row.
        head: The head's weights; None if it has none.
        store: Where its records go.

    Raises:
        UserError: If data, weights or an attack are missing or do not fit.
    """

    def __init__(self, resolved: ResolvedRow, head: Path | None, store: RecordStore) -> None:
        cfg = resolved.fresh_cfg()
        with config_errors(cfg, resolved.row.config, ('model', 'test_dataloader', 'test_evaluator')):
            self._build(cfg, resolved, head, store)

    def _build(self, cfg: Config, resolved: ResolvedRow, head: Path | None, store: RecordStore) -> None:
        check_test_data(cfg)
        self.row, self.options, self.attacks = resolved.row, resolved.options, resolved.attacks
        self.task, self.store, self.loader = self.row.task_object, store, cfg.test_dataloader
        self.data_root = Path(self.loader.dataset.get('data_root') or '')
        self.scope = cfg.get('default_scope', 'mmengine')
        with self.in_scope():
            self.model = build_model(cfg.model)
            self.dataset = TolerantDataset(self.loader.dataset, self.options.on_corrupt, self.row.max_images)
            evaluator = Evaluator(cfg.test_evaluator)
        evaluator.dataset_meta = self.dataset.metainfo
        self.metric = evaluator.metrics[0]
        if not self.task.follows(self.metric):
            raise UserError(
                f'the records of {self.task.name} hold {" or ".join(self.task.stock_metrics)}, not '
                f'{type(self.metric).__name__}: give the row another task, or its config another test_evaluator'
            )
        check_thresholds(self.model, self.metric)
        source = head or resolved.encoder.source
        load_weights(self.model, read_weights(head) if head else {}, source, encoder_apart=not resolved.finetunes)
        check_class_count(self.model, self.dataset)
        self.model.to(self.options.device).eval().requires_grad_(False)
        fill_bank(self.model, bank_loader(self.model, cfg, on_corrupt=self.options.on_corrupt))

    def in_scope(self) -> Any:
        """The scope in which OpenMMLab looks for the config's types, for a while."""
        return DefaultScope.overwrite_default_scope(self.scope)

    @cached_property
    def space(self) -> PixelSpace:
        """Between pixels and the model's inputs; what white is, its own images say.

        Raises:
            UserError: If no image can be read.
        """
        with self.in_scope():
            for batch in self.load(units_of(range(len(self.dataset.indices)), 1)):
                for victim, _ in victims_of(self.model, batch, self.options.attack_memory):
                    return victim.space
        raise UserError(f'no image of {self.row.name} can be read')

    def facts(self) -> dict[str, Any]:
        """What a reader of the records wants to know of the data and the weights."""
        meta = self.dataset.metainfo if self.task.has_classes else {}
        facts = dict(images=len(self.dataset.indices), classes=meta.get('classes'), palette=meta.get('palette'))
        return facts | dict(weights=loaded_weights(self.model))

    @property
    def own_images(self) -> int:
        """How many of the images are those of its shard."""
        units = units_of(range(len(self.dataset.indices)), self.loader.batch_size)
        return self.options.shard.images(units)

    def run(self, rival: tuple[ConfigDict, str | None] | None = None) -> None:
        """Make what is missing, and join what is complete; ``rival`` is another encoder, config and weights."""
        self._check_sanity(rival)
        images = range(len(self.dataset.indices))
        swept = [images[place] for place in spread(len(images), self.row.sweep_images)]
        main = [name for name in (CLEAN, *self.attacks) if name not in self.row.sweeps]
        with self.in_scope():
            for attacks, chosen in ((main, list(images)), (list(self.row.sweeps), swept)):
                self._run_attacks(attacks, units_of(chosen, self.loader.batch_size))

    def load(self, units: list[list[int]]) -> DataLoader:
        """Return a data loader that gives batches of certain images."""
        workers = self.loader.get('num_workers', 0) if len(units) > 1 else 0
        pinned = self.loader.get('pin_memory', False) and cuda.is_available()
        return DataLoader(
            self.dataset,
            batch_sampler=units,
            num_workers=workers,
            pin_memory=pinned,
            collate_fn=tolerant_collate,
            worker_init_fn=worker_init(None),
        )

    def _check_sanity(self, rival: tuple[ConfigDict, str | None] | None) -> None:
        """Find out about the attacks on a few images whether they are to be believed, before hours of them."""
        known = self.store.sanity()
        done = {*self.row.sweeps, *(name.partition('/')[0] for name in known)}
        attacks = {name: attack for name, attack in self.attacks.items() if name not in done}
        if not self.row.sanity_images or not attacks or self.options.shard.index:
            return
        with self.in_scope():
            images = self.row.sanity_images
            memory = self.options.attack_memory
            checks = check_on_few(
                self.model, self.dataset, attacks, images, other=rival, queries=_SANITY_QUERIES, attack_memory=memory
            )
        if is_main_process():
            self.store.write_sanity(known | checks)

    def _run_attacks(self, attacks: Sequence[str], units: list[list[int]]) -> None:
        attacks = [name for name in attacks if not self.store.is_finished(name)]
        missing = {name: self.options.shard.units(len(units)) - self.store.done(name) for name in attacks}
        barrier()  # nobody may record before everybody has looked
        mine = share_of(set().union(*missing.values()), get_rank(), get_world_size())
        shown = [name for name in attacks if name != CLEAN and name not in self.row.sweeps]
        galleries = {name: self._gallery(name) for name in shown}
        sink = RecordSink(self.task, self.metric, self.data_root, galleries)
        batches = self.load([units[unit] for unit in mine])
        description = f'{self.row.name}: {" + ".join(attacks)}'
        for unit, batch in zip(mine, track(batches, description) if mine else ()):
            self._run_unit(unit, batch, [name for name in attacks if unit in missing[name]], sink)
            if heard():
                break
        barrier()
        stop_together()
        if is_main_process():
            for name in attacks if not self.options.shard.is_part else ():
                self.store.finish(name, len(units))
            for name in shown:
                self._gallery(name).tidy()
        barrier()

    def _gallery(self, attack: str) -> KeptExamples:
        return KeptExamples(self.store.folder / 'examples' / attack, self.options.examples)

    def _run_unit(self, unit: int, batch: dict[str, Any], names: list[str], sink: RecordSink) -> None:
        """Record a batch, attack by attack as soon as it is done, unless it is to stop."""
        attacks = {name: self.attacks[name] for name in names if name != CLEAN}
        note = lambda message: self.store.note_skipped(unit, message)  # noqa: E731
        arguments = (self.options.precision, self.options.attack_memory, note)
        for run in walk(self.model, batch, attacks, *arguments):
            sink.add(run)
            if run.completes:
                records = sink.take()
                if run.name in names:  # the clean images are looked at in any case
                    self.store.add(run.name, unit, records)
                if heard():
                    return
        for name in names if not batch['inputs'] else ():  # no image of the batch could be read
            self.store.add(name, unit, [])
