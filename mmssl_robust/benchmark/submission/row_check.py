"""One row of a submission: what it says against itself, and against what is made again of it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mmengine.config import Config

from mmssl_robust.attack_settings import CLEAN, ball
from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds, tell_attacks
from mmssl_robust.evaluation.summary import library_versions
from mmssl_robust.presets import changed, load_preset
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.foreign_files import is_below, read_object
from mmssl_robust.utils.precision import usable_precision
from mmssl_robust.utils.wording import counted, listed

from ..results import results_of
from ..row_records import RowRecords
from .comparison import Compared, compared, conclusion, overstated
from .consistency import check_attacks, check_images, check_results, needs_more
from .findings import Finding
from .images import Copy
from .manifest import CONFIG_FILE, IMAGES_FILE, row_folder
from .parts import config_from, foreign
from .reattack import RebuiltRow, Sample, claimed_worst, drawn
from .weights import Search, loaded_digest

if TYPE_CHECKING:
    from .verifying import Settings


class RowCheck:
    """A row of a submission.

    Args:
        records: Its records.
        claimed: What the manifest says of it.
        folder: The submission.
        copy: Of the images.
    """

    def __init__(self, records: RowRecords, claimed: Mapping[str, Any], folder: Path, copy: Copy) -> None:
        self.records, self.claimed, self.folder, self.copy = records, claimed, folder, copy
        place = folder / row_folder(records.row.name)
        self.images, self.parts = (read_object(place / name, 'the submission') for name in (IMAGES_FILE, CONFIG_FILE))
        self.task = records.task

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name -> records of clean images and of all attacks but those of curves."""
        return {name: self.records.read(name) for name in (CLEAN, *self.records.attacks)}

    @cached_property
    def cfg(self) -> Config:
        """Its config; thresholds are where they belong."""
        cfg = config_from(self.parts, self.images['metainfo'])
        share_thresholds(cfg)
        return cfg

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Name -> value of what says which pixels of the ground truth count."""
        return share_thresholds(self.cfg)

    def consistent(self) -> Iterator[Finding]:
        """What the row says against itself, and against the copy of its images."""
        yield check_results(self.claimed['results'], results_of([self.records], resamples=1))
        yield from check_images(self.records, self.images, self.claimed['images'])
        yield from check_attacks(self.records, self.thresholds)
        yield from self._copied()
        known = self.records.info['identity']
        stated = [self.claimed['encoder'].get('sha256'), (self.claimed.get('head') or {}).get('sha256')]
        if stated != [known.get('encoder_sha256'), known.get('head_sha256')]:
            words = 'the hash of encoder or head in the manifest is not that of which the records are'
            yield Finding('weights', 'refuted', words)

    def _copied(self) -> Iterator[Finding]:
        entries = self.images['images']
        absent = [entry for entry in entries if self.copy.missing(entry)]
        if absent:
            first, what = self.copy.missing(absent[0])[0], counted(len(entries), 'image')
            words = f'{len(absent)} of {what} or what belongs to them are not in your folders, such as {first}'
            advice = 'give the folders of images and of labels, or ask where they are from'
            yield Finding('copy', 'doubt', f'{words}: {advice}')
        beside = self.copy.images_beside(entries)
        if beside > self.images['size']:
            words = f'your folders hold {beside} images, the data set of the submission {self.images["size"]}'
            trained = ', or only those which train the head' if self._trains_on_others() else ''
            yield Finding('copy', 'note', f'{words}: ask whether hard images were left out{trained}')

    def _trains_on_others(self) -> bool:
        """Whether a head was trained on images of the same person, which may lie beside these."""
        return bool(self.records.info['identity'].get('training_files'))

    def again(self, settings: 'Settings', search: Search, number: int) -> tuple[list[Compared], list[Finding]]:
        """Attack some images again.

        Args:
            settings: How.
            search: Where the encoder is looked for.
            number: Of the row, which draws its own images.

        Returns:
            Records beside those that were made again, and what follows.

        Raises:
            UserError: If the model cannot be had, or could run code.
        """
        strange = foreign(self.parts)
        if strange and not settings.trusts_code:
            raise UserError(f'its config names {listed(strange)}, which may run code: --trust-code if you trust it')
        worst = claimed_worst(self.tables, self.task)
        available = [entry['index'] for entry in self.images['images'] if not self.copy.missing(entry)]
        sample = drawn(worst, available, settings.images, (settings.seed, number))
        infos, findings = self._found(sample)
        if not infos:
            words = 'could not be: none of its images is in your folders with all that belongs to it'
            return [], [*findings, Finding('attacked again', 'doubt', words)]
        sample = Sample(*(tuple(index for index in part if index in infos) for part in (sample.robust, sample.others)))
        rebuilt, source = self._rebuilt(settings, search)
        configs = {name: self.records.row.attacks[name] for name in self.records.attacks}
        attacks = tell_attacks(
            {name: build_attack(config) for name, config in configs.items() if not needs_more(config)}, self.thresholds
        )
        found = rebuilt.records(infos, attacks, f'{self.records.row.name}: as stated')
        pairs = list(compared(self.tables, found, self.task))
        steady = {name: _is_steady(attack) for name, attack in attacks.items()}
        findings += [
            Finding(
                'encoder',
                'fine',
                f'the weights of {source} are those of the records (SHA-256 {_short(self.claimed["encoder"])})',
            )
        ]
        findings += [*self._machines(), *conclusion(pairs, sample, steady)]
        if settings.steps and sample.robust:
            findings += self._stronger(rebuilt, infos, sample, settings, worst)
        return pairs, findings

    def _found(self, sample: Sample) -> tuple[dict[int, dict[str, Any]], list[Finding]]:
        """Index -> what the pipeline begins with, of those whose files are the same in the copy."""
        entries = {entry['index']: entry for entry in self.images['images']}
        infos = {index: self.copy.found(entries[index]) for index in sample.indices}
        same = {index: info for index, info in infos.items() if info}
        if len(same) == len(infos):
            return same, []
        words = f'{len(infos) - len(same)} of {counted(len(infos), "drawn image")} have another content in your folders'
        return same, [Finding('copy', 'doubt', f'{words}: get the images that were attacked')]

    def _rebuilt(self, settings: 'Settings', search: Search) -> tuple[RebuiltRow, str]:
        cfg, stated = self.cfg, self.claimed['encoder']
        source = search.use(cfg.model.backbone, stated)
        digest = loaded_digest(cfg.model.backbone)
        if digest != stated['sha256']:
            raise Refuted(
                f'the SHA-256 of {source} begins with {digest[:12]}, that of the records with {_short(stated)}'
            )
        precision = usable_precision(self.records.precision, settings.device)
        return RebuiltRow(cfg, self._head(), self._bank(), self.task, settings.device, precision), source

    def _head(self) -> Path | None:
        stated = self.claimed.get('head')
        if not stated:
            return None
        if not is_below(stated['file']) or sha256(self.folder / stated['file']) != stated['sha256']:
            raise Refuted('the head in the submission is not the one of which the records are')
        return self.folder / str(stated['file'])

    def _bank(self) -> tuple[list[dict[str, Any]], list[Any]] | None:
        if not self.images.get('bank'):
            return None
        infos = [self.copy.found(entry) for entry in self.images['bank']]
        known = [info for info in infos if info]
        if len(known) < len(infos):
            raise UserError(f'{len(infos) - len(known)} of the {len(infos)} images of its bank are not in your folders')
        return known, self.parts['bank_pipeline']

    def _machines(self) -> list[Finding]:
        """Where the records were made, if with other libraries than these."""
        ours = library_versions()
        made = [machine.get('libraries', {}) for machine in self.records.info.get('environments', ())]
        other = sorted({f'{name} {known[name]}' for known in made for name in known if ours.get(name) != known[name]})
        return (
            [
                Finding(
                    'machine',
                    'note',
                    f'made with {listed(other)}, other versions than here, so small differences are no sign',
                )
            ]
            if other
            else []
        )

    def _stronger(
        self,
        rebuilt: RebuiltRow,
        infos: Mapping[int, dict[str, Any]],
        sample: Sample,
        settings: 'Settings',
        worst: pd.DataFrame,
    ) -> list[Finding]:
        """Try the images that are called robust by the strongest attack for the task, of each budget."""
        attacks = [self.records.settings(name) for name in self.records.attacks]
        budgets = {settings.budget for settings in attacks if settings.in_a_ball}
        findings = []
        for norm, eps in sorted(budgets):
            preset = load_preset(self.task.strongest)
            numbers: dict[str, Any] = dict(norm=norm, eps=eps, steps=settings.steps, seed=settings.seed)
            if 'queries' in preset:
                numbers['queries'] = 10 * settings.steps
            attack = tell_attacks({'stronger': build_attack(changed(preset, numbers))}, self.thresholds)
            robust = {index: infos[index] for index in sample.robust}
            found = rebuilt.records(robust, attack, f'{self.records.row.name}: {self.task.strongest}')
            name = f'{self.task.strongest} {ball(norm, eps)} with {counted(settings.steps, "step")}'
            again = claimed_worst(found, self.task)
            findings.append(overstated(worst, again, list(sample.robust), self.task, name))
        return findings


def _short(stated: Mapping[str, Any]) -> str:
    return str(stated['sha256'])[:12]


class Refuted(UserError):
    """What contradicts a submission, where nothing more can be tried."""


def _is_steady(attack: Attack | Ensemble) -> bool:
    """Whether an attack takes every image equally often through the model, whatever happens."""
    parts = list(attack.members.values()) if isinstance(attack, Ensemble) else [attack]
    return not any(getattr(part, 'stop_at_success', False) for part in (attack, *parts))
