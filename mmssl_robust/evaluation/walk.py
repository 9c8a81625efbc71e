"""What happens to a batch under attack: the one sequence that evaluations, records, hooks and checks look at."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import DataLoader

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.datasets.tolerant import TolerantDataset, Unreadable, tolerant_collate
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.stopping import stop_together
from mmssl_robust.victims import Victim, build_victim

from .batches import same_size_runs

Note = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What happened to the images of one size of a batch.

    Attributes:
        name: Name of the attack, ``'clean'`` for none.
        victim: The model and the images.
        batch: The images as the data loader gives them.
        clean: Predictions for the images as they are.
        seconds: What the attack took, without the prediction; of the images as they are, the prediction.
        completes: Whether all images of the batch have now met the attack.
    """

    name: str
    victim: Victim
    batch: dict[str, Any]
    clean: list[BaseDataElement]
    seconds: float
    completes: bool


@dataclass(frozen=True)
class CleanRun(Run):
    """Nothing: the images are as they are."""


@dataclass(frozen=True)
class AttackRun(Run):
    """One attack, or one member of an ensemble.

    Attributes:
        member: Name of the member, empty for an attack that is none.
        attack: The attack.
        result: What it gave.
        predictions: For the attacked images.
        outside: Whether these and the clean ones have the ground truth outside the attack's region alone, by which
            ``victim`` is judged, too.
    """

    member: str
    attack: Attack
    result: AttackResult
    predictions: list[BaseDataElement]
    outside: bool = False

    @property
    def label(self) -> str:
        """Name of the attack, and of the member."""
        return f'{self.name}/{self.member}' if self.member else self.name


@dataclass(frozen=True)
class EnsembleRun(Run):
    """An ensemble as a whole, after its members. What is worst of an image's predictions is for the metric to say.

    Attributes:
        result: Of each image the worst by the score of the ensemble's objective.
    """

    result: AttackResult


def walk(
    model: nn.Module,
    batch: dict[str, Any],
    attacks: Mapping[str, Attack | Ensemble],
    precision: str = 'fp32',
    memory: str | int | None = None,
    note: Note | None = None,
) -> Iterator[Run]:
    """Attack a batch: first the clean predictions of all its parts, then attack by attack those of each.

    Args:
        model: Classifier of mmpretrain, segmentor or depth estimator of mmseg, bare or wrapped by DDP.
        batch: What the data loader gives; images of one size make a part.
        attacks: Name -> attack.
        precision: How examples are made, see :meth:`~mmssl_robust.victims.Victim.attack`.
        memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.
        note: As for :func:`victims_of`.

    Yields:
        A run at a time: :class:`CleanRun`, then :class:`AttackRun`; of an ensemble one for each member, then
        :class:`EnsembleRun`.

    Raises:
        UserError: If a sample cannot be read or has no ground truth, or an attack does not fit the model.
    """
    parts = [_clean_run(victim, part) for victim, part in victims_of(model, batch, memory, note)]
    for part in parts:
        yield replace(part, completes=part is parts[-1])
    for name, attack in attacks.items():
        for part in parts:
            yield from _attacked(part, name, attack, precision, part is parts[-1])


def victims_of(
    model: nn.Module, batch: dict[str, Any], memory: str | int | None = None, note: Note | None = None
) -> Iterator[tuple[Victim, dict[str, Any]]]:
    """Yield the model with each part of a batch whose images have one size, and that part.

    Args:
        model: As for :func:`walk`.
        batch: Likewise; samples that could not be read are taken out of it.
        memory: Likewise.
        note: Called with what to say of a sample that could not be read and may be left out; None for silence.

    Raises:
        UserError: If one may not be left out.
    """
    unreadable: list[Unreadable] = batch.pop('unreadable', [])
    for sample in unreadable:
        if sample.fatal:
            raise UserError(sample.message)
        if note:
            note(sample.message)
    for part in same_size_runs(batch):
        yield build_victim(model, part, memory), part


def victims_in(
    model: nn.Module,
    dataset: TolerantDataset,
    places: Sequence[int],
    batch_size: int,
    words: str,
    memory: str | int | None = None,
) -> Iterator[Victim]:
    """Yield the model with images of a data set, as :func:`victims_of` each batch, behind a bar.

    Args:
        model: As for :func:`walk`.
        dataset: The images.
        places: Which, in this order.
        batch_size: How many at a time.
        words: What the bar says.
        memory: As for :func:`walk`.

    Raises:
        Stopped: If it was asked to stop, after a batch.
        UserError: As for :func:`victims_of`.
    """
    batches = [list(places[start : start + batch_size]) for start in range(0, len(places), batch_size)]
    for batch in track(DataLoader(dataset, batch_sampler=batches, collate_fn=tolerant_collate), words):
        for victim, _ in victims_of(model, batch, memory):
            yield victim
        stop_together()


def _clean_run(victim: Victim, part: dict[str, Any]) -> CleanRun:
    victim.check_truth()
    start = time.perf_counter()
    clean = victim.predict(victim.pixels)
    return CleanRun(CLEAN, victim, part, clean, time.perf_counter() - start, completes=False)


def _attacked(part: CleanRun, name: str, attack: Attack | Ensemble, precision: str, last: bool) -> Iterator[Run]:
    victim, total, start = part.victim, 0.0, time.perf_counter()
    for member, own, result in victim.runs(attack, precision):
        seconds = time.perf_counter() - start
        total += seconds
        judge = victim if result.region is None else victim.outside(result.region)
        shared = (name, judge, part.batch, judge.judged_here(part.clean))
        if isinstance(own, Ensemble):
            yield EnsembleRun(*shared, total, last, result)
        else:
            predictions, outside = judge.predict(result.adv), judge is not victim
            yield AttackRun(*shared, seconds, last and not member, member, own, result, predictions, outside)
        start = time.perf_counter()
