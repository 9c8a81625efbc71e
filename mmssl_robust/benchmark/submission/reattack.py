"""Attacking some images of a row again, by the model that is built from what the submission says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.datasets.places import placed
from mmssl_robust.datasets.reading import read_sample
from mmssl_robust.datasets.tolerant import TolerantDataset, tolerant_collate
from mmssl_robust.evaluation.bank import fill_bank
from mmssl_robust.evaluation.walk import walk
from mmssl_robust.tasks import Task
from mmssl_robust.utils.data_check import check_class_count
from mmssl_robust.utils.probe import is_finetuned
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.state_dict import build_model, load_weights, read_weights

from ..record_sink import RecordSink
from .images import FoundImages

_ROBUST_SHARE = 0.75  # of what is drawn: only they can claim too much


@dataclass(frozen=True)
class Sample:
    """Images that are attacked again.

    Attributes:
        robust: Indices of those that the records call robust.
        others: Indices of others.
    """

    robust: tuple[int, ...]
    others: tuple[int, ...]

    @property
    def indices(self) -> list[int]:
        """All of them."""
        return sorted([*self.robust, *self.others])


def claimed_worst(tables: Mapping[str, pd.DataFrame], task: Task) -> pd.DataFrame:
    """The worst that records say of each image.

    Its columns: ``quality``; ``robust``, whether the image is right in all of them; ``decided``, whether predictions
    are right or wrong at all. Where they are more or less good, the better half of the images is called robust.

    Args:
        tables: Name -> records, those of the clean images among them.
        task: The task.
    """
    everything = pd.concat(tables.values(), ignore_index=True)
    right = task.is_right(everything)
    everything = everything.assign(right=True if right is None else right)
    found = everything.groupby('index').agg(quality=('quality', 'min'), robust=('right', 'all'))
    if right is None:
        found['robust'] = found['quality'] >= found['quality'].median()
    return found.assign(decided=right is not None)


def drawn(worst: pd.DataFrame, available: Sequence[int], number: int, seed: Sequence[int]) -> Sample:
    """Draw images, three quarters of them among those that are called robust, as far as there are so many.

    Args:
        worst: See :func:`claimed_worst`.
        available: Indices of those to draw from.
        number: How many.
        seed: Of the draw, which whoever made the records cannot know.
    """
    rng = np.random.default_rng(list(seed))
    known = worst.loc[[index for index in worst.index if index in set(available)]]
    groups = [known.index[known['robust']].to_numpy(), known.index[~known['robust']].to_numpy()]
    number = min(number, len(known))
    others = min(len(groups[1]), number - min(len(groups[0]), max(round(_ROBUST_SHARE * number), 1)))
    sizes = (min(len(groups[0]), number - others), others)
    chosen = [rng.permutation(group.tolist())[:size] for group, size in zip(groups, sizes)]
    return Sample(*(tuple(sorted(map(int, part))) for part in chosen))


class RebuiltRow:
    """The model of a row, made again.

    Args:
        cfg: Its config, with its encoder.
        head: The head's weights; None if it has none.
        bank: What the pipeline begins with of all images of its bank, and the pipeline; None if it has none.
        task: Its task.
        device: Where to compute.
        precision: See :class:`~mmssl_robust.benchmark.options.Options`.

    Raises:
        UserError: If weights do not fit.
    """

    def __init__(
        self,
        cfg: Config,
        head: Path | None,
        bank: tuple[list[dict[str, Any]], list[Any]] | None,
        task: Task,
        device: str,
        precision: str,
    ) -> None:
        self.scope, self.task, self.precision = cfg.default_scope, task, precision
        self.dataset_cfg, self.batch_size = cfg.test_dataloader.dataset, cfg.test_dataloader.batch_size
        with DefaultScope.overwrite_default_scope(self.scope):
            self.model = build_model(cfg.model)
            evaluator = Evaluator(cfg.test_evaluator)
        evaluator.dataset_meta = self.dataset_cfg.metainfo
        self.metric = evaluator.metrics[0]
        source = head or 'the encoder'
        load_weights(self.model, read_weights(head) if head else {}, source, encoder_apart=not is_finetuned(cfg))
        check_class_count(self.model, self._images([]))
        self.model.to(device).eval().requires_grad_(False)
        if bank:
            images = TolerantDataset(FoundImages(*bank, self.dataset_cfg.metainfo, self.scope))
            with DefaultScope.overwrite_default_scope(self.scope):
                fill_bank(self.model, DataLoader(images, self.batch_size, collate_fn=tolerant_collate))

    def records(
        self, infos: Mapping[int, dict[str, Any]], attacks: Mapping[str, Attack | Ensemble], say: str
    ) -> dict[str, pd.DataFrame]:
        """Attack images.

        Args:
            infos: Index in the data set, from which an image's noise follows -> what the pipeline begins with.
            attacks: Name -> attack.
            say: What to say meanwhile.

        Returns:
            Name -> records, those of the clean images among them.
        """
        images, sink = self._images(list(infos.values())), RecordSink(self.task, self.metric, Path())
        places = list(enumerate(infos))
        units = [places[start : start + self.batch_size] for start in range(0, len(places), self.batch_size)]
        with DefaultScope.overwrite_default_scope(self.scope):
            for unit in track(units, say):
                batch = tolerant_collate([placed(read_sample(images, place), index) for place, index in unit])
                for run in walk(self.model, batch, attacks, self.precision):
                    sink.add(run)
        table = pd.DataFrame(sink.take())
        if 'member' not in table:
            table['member'] = None
        return {str(name): part for name, part in table.groupby('attack')} | ({} if len(table) else {CLEAN: table})

    def _images(self, infos: list[dict[str, Any]]) -> FoundImages:
        return FoundImages(infos, self.dataset_cfg.pipeline, self.dataset_cfg.metainfo, self.scope)
