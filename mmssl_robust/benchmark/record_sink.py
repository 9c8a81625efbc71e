"""From what happens to a batch under attack to records, and to the images worth keeping."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.attack_settings import CLEAN, OUTSIDE
from mmssl_robust.evaluation.walk import AttackRun, CleanRun, EnsembleRun, Run
from mmssl_robust.tasks import Example, Task
from mmssl_robust.visualization.panels import example_of

from .files_of_data import name_below
from .kept_examples import KeptExamples


class RecordSink:
    """Makes records of the runs of a walk.

    Args:
        task: Says what to record of a prediction.
        metric: The OpenMMLab metric, for the task.
        data_root: Below which files are named.
        galleries: Name of an attack -> its most and least robust images.
    """

    def __init__(
        self, task: Task, metric: Any, data_root: Path, galleries: Mapping[str, KeptExamples] | None = None
    ) -> None:
        self.task, self.metric, self.data_root = task, metric, data_root
        self.galleries = galleries or {}
        self._records: list[dict[str, Any]] = []
        self._qualities: dict[int, float | None] = {}
        self._worst: dict[int, _Shown] = {}

    def add(self, run: Run) -> None:
        """Take a run; of an ensemble as a whole nothing remains to be recorded, but to choose what to show."""
        if isinstance(run, CleanRun):
            records = self._records_of(run, run.clean, dict(forwards=1, backwards=0))
            self._qualities |= {record['index']: record.get('quality') for record in records}
        elif isinstance(run, AttackRun):
            befores = self._befores(run)
            for place, record in enumerate(self._records_of(run, run.predictions, _columns(run))):
                shown, key = _Shown(record, run, place, befores[record['index']]), record['index']
                if key not in self._worst or shown.is_worse_than(self._worst[key]):
                    self._worst[key] = shown
        if isinstance(run, EnsembleRun) or (isinstance(run, AttackRun) and not run.member):
            self._offer(run)

    def _befores(self, run: AttackRun) -> dict[int, float | None]:
        """Quality of the clean predictions where the attacked ones are judged; recorded if that is not everywhere."""
        if not run.outside:
            return self._qualities
        records = self._records_of(run, run.clean, dict(member=CLEAN, forwards=0, backwards=0, seconds=0.0))
        return {record['index']: record.get('quality') for record in records}

    def take(self) -> list[dict[str, Any]]:
        """Return the records since the last time, and forget them."""
        records, self._records = self._records, []
        return records

    def _records_of(
        self, run: Run, predictions: Sequence[BaseDataElement], columns: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        columns = dict(seconds=run.seconds / len(predictions)) | dict(columns)
        values = {key: value.tolist() if isinstance(value, Tensor) else value for key, value in columns.items()}
        records = [
            dict(
                index=key,
                file=name_below(prediction.get('img_path'), self.data_root),
                attack=run.name,
                **{name: value[place] if isinstance(value, list) else value for name, value in values.items()},
                **self.task.record(self.metric, prediction),
            )
            for place, (key, prediction) in enumerate(zip(run.victim.keys, predictions))
        ]
        self._records += records
        return records

    def _offer(self, run: Run) -> None:
        """Offer the worst of each image of the run to the gallery of its attack."""
        for key in run.victim.keys:
            shown = self._worst.pop(key)
            before, after = shown.before, shown.quality
            if run.name in self.galleries and before is not None and after is not None:
                self.galleries[run.name].offer(key, before, after, partial(self._example, shown, before, after))

    def _example(self, shown: '_Shown', before: float, after: float) -> Example:
        run, place = shown.run, shown.place
        clean, attacked = run.clean[place], run.predictions[place]
        return example_of(self.task, run.victim, place, run.result, clean, attacked, run.name, before, after)


class _Shown(NamedTuple):
    """What an attack, or a member of an ensemble, made of an image whose clean quality was ``before``."""

    record: dict[str, Any]
    run: AttackRun
    place: int
    before: float | None

    @property
    def quality(self) -> float | None:
        return self.record.get('quality')

    def is_worse_than(self, other: '_Shown') -> bool:
        """Whether the prediction is of lower quality."""
        return self.quality is not None and (other.quality is None or self.quality < other.quality)


def _columns(run: AttackRun) -> dict[str, Any]:
    """What is recorded of an attack, in the names of :data:`.records.SHARED`."""
    result, victim = run.result, run.victim
    delta = (result.adv - victim.pixels).flatten(1)
    return dict(
        member=[OUTSIDE] * len(victim.keys) if run.outside else result.member,
        seed=run.attack.seed,
        restart=result.restart,
        success=result.success,
        score=result.score,
        loss_before=victim.objective_values(run.attack, victim.pixels).final_loss,
        loss_after=result.loss,
        linf=delta.abs().amax(dim=1),
        l2=delta.norm(dim=1),
        l1=delta.abs().sum(dim=1),
        zero_grad=result.zero_grad,
        forwards=result.forwards,
        backwards=result.backwards,
    )
