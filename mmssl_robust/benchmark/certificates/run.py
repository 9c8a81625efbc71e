"""Certifying the images of a data set: what is missing is made, image by image."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader

from mmssl_robust.benchmark.files_of_data import files_of_image, name_below
from mmssl_robust.benchmark.plan import share_of
from mmssl_robust.benchmark.resolved_row import data_root_of
from mmssl_robust.certified import Smoothing
from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.datasets.tolerant import TolerantDataset, tolerant_collate
from mmssl_robust.evaluation.bank import bank_loader, fill_bank
from mmssl_robust.evaluation.summary import config_hash
from mmssl_robust.evaluation.walk import victims_of
from mmssl_robust.tasks import task_of_metric
from mmssl_robust.utils.checkpoint_layouts import State
from mmssl_robust.utils.data_check import check_class_count, check_test_data
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.given_weights import load_given
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.state_dict import build_model, check_needs_none, loaded_weights
from mmssl_robust.utils.stopping import heard, stop_together
from mmssl_robust.version import __version__
from mmssl_robust.victims import Victim
from mmssl_robust.victims.thresholds import check_thresholds

from .base import Certifier
from .classification import ClassificationCertifier
from .depth import DepthCertifier
from .embedding import EmbeddingCertifier
from .sampling import noisy_predictions
from .segmentation import SegmentationCertifier
from .store import CertificateStore

_CERTIFIERS: dict[str, type[Certifier]] = dict(
    classification=ClassificationCertifier,
    segmentation=SegmentationCertifier,
    depth=DepthCertifier,
    embedding=EmbeddingCertifier,
)


@dataclass(frozen=True)
class Plan:
    """What to certify, and how.

    Attributes:
        smoothing: Noise and probabilities.
        radii: L2 radii.
        batch: Noisy images that go through the model at a time.
        max_images: Take this many, evenly spread over the data set; None for all.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read.
    """

    smoothing: Smoothing
    radii: Sequence[float]
    batch: int
    max_images: int | None = None
    on_corrupt: str = 'fail'


class _Interrupted(Exception):
    """An image is given up, since the process was asked to stop."""


class Certification:
    """A model, its images, and what is known of them; every process of a distributed run has one.

    Args:
        cfg: Config of a task; changed.
        config: Its path, for messages.
        weights: Of the model, or its head; None if the config names all.
        checkpoint: Where they are from.
        plan: What to do.
        folder: Where records go.
        device: Where to compute.
        options: What ``--cfg-options`` said: dotted key -> value.

    Raises:
        UserError: If data or weights are missing or do not fit, or the task cannot be certified.
    """

    def __init__(
        self,
        cfg: Config,
        config: str,
        weights: State | None,
        checkpoint: str,
        plan: Plan,
        folder: Path,
        device: str = 'cpu',
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_test_data(cfg)
        share_thresholds(cfg)
        cfg.test_cfg = {}  # attacks
        self.cfg, self.plan, self.store = cfg, plan, CertificateStore(folder)
        self._settings = dict(config_hash=config_hash(cfg), data_root=data_root_of(cfg.test_dataloader.dataset))
        self.data_root = Path(cfg.test_dataloader.dataset.get('data_root') or '')
        with self.in_scope():
            self.dataset = TolerantDataset(cfg.test_dataloader.dataset, plan.on_corrupt, plan.max_images)
            evaluator = Evaluator(cfg.test_evaluator)
            evaluator.dataset_meta = self.dataset.metainfo
            self.certifier = _certifier(evaluator.metrics[0], plan)
            self.model = build_model(cfg.model)
        check_thresholds(self.model, evaluator.metrics[0])
        if weights is None:
            check_needs_none(self.model, config)
        load_given(self.model, weights or {}, checkpoint, cfg, options)
        check_class_count(self.model, self.dataset)
        self.model.to(device).eval().requires_grad_(False)
        fill_bank(self.model, bank_loader(self.model, cfg, on_corrupt=plan.on_corrupt))

    def in_scope(self) -> Any:
        """The scope in which OpenMMLab looks for the config's types, for a while."""
        return DefaultScope.overwrite_default_scope(self.cfg.get('default_scope', 'mmengine'))

    @property
    def settings(self) -> dict[str, Any]:
        """What the records depend on, besides the images."""
        smoothing = self.plan.smoothing
        return self._settings | dict(
            task=self.certifier.task.name,
            sigma=smoothing.sigma,
            n0=smoothing.n0,
            n=smoothing.n,
            alpha=smoothing.alpha,
            seed=smoothing.seed,
            radii=list(self.plan.radii),
            weights={name: loaded['sha256'] for name, loaded in loaded_weights(self.model).items()},
            version=__version__,
        )

    def files(self, index: int) -> str | None:
        """A digest of the files of an image."""
        return files_of_image(self.dataset.dataset, index, self.data_root)

    def records(self) -> list[dict[str, Any]]:
        """Those that there are of the chosen images, in their order.

        Raises:
            UserError: If an image has changed since.
        """
        found = (self.store.record(index, self.files(index)) for index in self.dataset.indices)
        return [record for record in found if record]

    @property
    def passes(self) -> int:
        """How often an image goes through the model."""
        draws, batch = self.certifier.draws, self.plan.batch
        extra = self.certifier.extra_passes
        return 1 + draws + extra * (1 + min(batch, draws) + (draws % batch if draws > batch else 0))

    def run(self) -> list[str]:
        """Certify what is missing; every process must call it.

        Returns:
            What is to be said of images that could not be read.

        Raises:
            Stopped: If it was asked to stop, after the images that are done.
        """
        if is_main_process():
            self.store.open(self.settings)
        done = {record['index'] for record in self.records()}
        places = [place for place, index in enumerate(self.dataset.indices) if index not in done]
        barrier()  # nobody may record before everybody has looked
        mine = share_of(places, get_rank(), get_world_size())
        loader = DataLoader(self.dataset, batch_sampler=[[place] for place in mine], collate_fn=tolerant_collate)
        skipped: list[str] = []
        with self.in_scope():
            for batch in track(loader, 'images') if mine else ():
                for victim, _ in victims_of(self.model, batch, note=skipped.append):
                    self._certify(victim)
                if heard():
                    break
        barrier()
        stop_together()
        return [message for part in all_gather_object(skipped) for message in part]

    def _certify(self, victim: Victim) -> None:
        victim.check_truth()
        index, start = victim.keys[0], time.perf_counter()
        [clean] = victim.predict(victim.pixels)
        try:
            rows = self.certifier.certify(self._predictions(victim))
        except _Interrupted:
            return
        record = dict(
            index=index,
            file=name_below(clean.get('img_path'), self.data_root),
            files=self.files(index),
            plain=self.certifier.plain(clean),
            rows=rows,
            passes=self.passes,
            seconds=time.perf_counter() - start,
        )
        self.store.add(record)

    def _predictions(self, victim: Victim) -> Iterator[list[BaseDataElement]]:
        for part in noisy_predictions(victim, self.plan.smoothing, self.certifier.draws, self.plan.batch):
            if heard():
                raise _Interrupted
            yield part


def _certifier(metric: Any, plan: Plan) -> Certifier:
    task = task_of_metric(metric)
    if task.name not in _CERTIFIERS:
        raise UserError(f'{task.name} cannot be certified: {", ".join(_CERTIFIERS)} can')
    return _CERTIFIERS[task.name](task, metric, plan.smoothing, plan.radii)
