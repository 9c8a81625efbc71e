"""From the folder of an evaluation to a submission: what others need to believe the records and to make some again."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.datasets.tolerant import TolerantDataset
from mmssl_robust.evaluation.summary import library_versions
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import copy_folder, sha256
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.places import without_places
from mmssl_robust.utils.wording import listed

from ..options import Options
from ..records import ROW_FILE, SANITY_FILE, changes
from ..resolved_row import ResolvedRow, local_file
from ..results import results_of
from ..row_records import RowRecords, read_rows
from ..suite import Row, Suite
from .archive import zipped
from .images import digest_of, entries_of
from .manifest import CONFIG_FILE, IMAGES_FILE, SCHEMA_VERSION, row_folder, write_manifest
from .parts import foreign, parts_of
from .weights import file_of, source_of

Say = Callable[[str], object]
_COMPARED = ('config_hash', 'max_images', 'sweep_images', 'batch_size', 'image_files', 'bank_files')
_CLAIMED = ('row', 'attack', 'metric', 'value', 'images')


def pack(work_dir: Path, out: Path, with_encoders: bool = False, say: Say = print) -> None:
    """Write a submission.

    Args:
        work_dir: As a benchmark, an evaluation or a comparison wrote it, finished, with its data where it was.
        out: The zip file, or a folder, which must not be there.
        with_encoders: Whether it holds files of encoders that cannot be had by their name.
        say: Is told what whoever verifies will need.

    Raises:
        UserError: If a row is unfinished, or what it was made of has changed or is no data.

    Examples:
        >>> from pathlib import Path
        >>> from mmssl_robust import evaluate
        >>> from mmssl_robust.benchmark.submission import pack
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> photos = ASSETS / 'samples/cifar10/test/cat'
        >>> results = evaluate('mini', photos, attacks='embed', steps=1, max_images=2, out='work_dirs/packed')
        mini: 2 images, clean and 1 attack, done after ... s
        >>> pack(Path('work_dirs/packed'), Path('submission'))
        >>> sorted(path.name for path in Path('submission').iterdir())
        ['rows', 'submission.json', 'suite.json']
    """
    if out.exists() and out.suffix != '.zip':
        raise UserError(f'{out} is there already: remove it, or give another place')
    suite, rows = read_rows(work_dir)
    with tempfile.TemporaryDirectory(prefix='mmssl_robust-') as place:
        folder = Path(place) / 'submission'
        claims = [_Packed(records, folder, with_encoders, say).claims() for records in rows]
        _write_suite(suite, claims, folder)
        table = results_of(rows, resamples=1)
        results = json.loads(table[list(_CLAIMED)].to_json(orient='records', double_precision=15))
        for claim in claims:
            own = [line for line in results if line['row'] == claim['name']]
            claim['results'] = [{key: value for key, value in line.items() if key != 'row'} for line in own]
        shared = dict(title=without_places(suite.title), versions=library_versions(), rows=claims)
        write_manifest(folder, shared)
        if out.suffix == '.zip':
            zipped(folder, out)
        else:
            copy_folder(folder, out)


class _Packed:
    """A row on its way into a submission."""

    def __init__(self, records: RowRecords, folder: Path, with_encoders: bool, say: Say) -> None:
        self.records, self.folder, self.say = records, folder, say
        self.row, self.info = records.row, records.info
        self.name, self.identity = self.row.name, self.info.get('identity', {})
        self.with_encoders = with_encoders
        if records.missing:
            raise UserError(f'{self.name} lacks {listed(list(records.missing))}: go on by the command that began it')
        if not self.row.config:
            raise UserError(f'{self.name} is of a network in Python, which no file describes: evaluate a spec')
        self.resolved = ResolvedRow(self.row, Path(), Options())
        self._check_config()

    def _check_config(self) -> None:
        parts = [{key: part[key] for key in _COMPARED if key in part} for part in (self.identity, self.resolved.known)]
        differing = changes(*parts)
        if self.identity.get('encoder_sha256') != self.resolved.encoder.sha256:
            differing.append('another encoder')
        if differing:
            raise UserError(f'{self.name} was made with {"; ".join(differing)}: what is there now made other records')

    def claims(self) -> dict[str, Any]:
        """Write the row's files, and say what the manifest says of it, but for its results."""
        target = self.folder / row_folder(self.name)
        target.mkdir(parents=True)
        cfg = self.resolved.fresh_cfg()
        cfg.test_dataloader.dataset.data_root = self.identity['data_root']
        encoder = self._encoder(cfg.model.backbone)
        parts = without_places(parts_of(cfg))
        if foreign(parts):
            self.say(f'{self.name} is made of {listed(foreign(parts))}: to verify it --trust-code will be needed')
        write_json(dict(schema_version=SCHEMA_VERSION, **parts), target / CONFIG_FILE)
        images = self._images(cfg)
        write_json(dict(schema_version=SCHEMA_VERSION, **images), target / IMAGES_FILE)
        write_json(without_places(self.info), target / ROW_FILE)
        for name in (CLEAN, *self.row.attacks):
            shutil.copyfile(self.records.store.folder / f'{name}.parquet', target / f'{name}.parquet')
        if self.records.store.sanity():
            write_json(without_places(self.records.store.sanity()), target / SANITY_FILE)
        digests = dict(digest=digest_of(images['images']))
        if images['bank']:
            digests['bank'] = digest_of(images['bank'])
        return dict(
            name=self.name,
            task=self.row.task,
            data=self.row.data,
            encoder=encoder,
            head=self._head(),
            images=dict(number=len(images['images']), of=images['size'], **digests),
        )

    def _encoder(self, backbone: Any) -> dict[str, Any]:
        stated = dict(name=without_places(source_of(backbone)), sha256=self.identity['encoder_sha256'])
        file = file_of(backbone)
        if file and self.with_encoders:
            stated['file'] = self._copied(local_file(file), 'encoders')
        elif file:
            self.say(f'{self.name}: to verify it {Path(file).name} will be needed; --with-encoders packs it too')
        return stated

    def _head(self) -> dict[str, str] | None:
        if not self.info.get('head'):
            return None
        file = local_file(self.info['head'])
        if sha256(file) != self.identity['head_sha256']:
            raise UserError(f'{file} is not the head with which {self.name} was made: put it back')
        return dict(sha256=sha256(file), file=self._copied(file, 'heads'))

    def _copied(self, file: Path, kind: str) -> str:
        """Copy weights under their hash."""
        name = f'{kind}/{sha256(file)[:16]}{file.suffix}'
        (self.folder / kind).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, self.folder / name)
        return name

    def _images(self, cfg: Any) -> dict[str, Any]:
        """The images that are recorded, and those of a bank, which are all needed."""
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
            dataset = TolerantDataset(cfg.test_dataloader.dataset, max_images=self.row.max_images)
            bank = cfg.get('bank_dataloader') and TolerantDataset(cfg.bank_dataloader.dataset)
        recorded = sorted(set(self.records.read(CLEAN)['index']))
        beyond = set(recorded) - set(dataset.indices)
        if beyond:
            raise UserError(f'{self.name}: image {min(beyond)} is none of the data any more: put them back')
        root = Path(self.identity['data_root'])
        whole = bank and entries_of(bank.dataset, range(len(bank.dataset)), Path(self.identity['bank_data_root']))
        return dict(
            size=len(dataset.dataset),
            metainfo=json.loads(json.dumps(dict(dataset.metainfo), default=str)),
            images=entries_of(dataset.dataset, recorded, root),
            bank=whole or None,
        )


def _write_suite(suite: Suite, claims: list[dict[str, Any]], folder: Path) -> None:
    heads = {claim['name']: claim['head'] and claim['head']['file'] for claim in claims}
    rows = tuple(_row(row, heads[row.name]) for row in suite.rows)
    replace(suite, title=without_places(suite.title), command=without_places(suite.command), rows=rows).write(folder)


def _row(row: Row, head: str | None) -> Row:
    """A row that names nothing of this machine."""
    plain = without_places(dict(encoder=row.encoder, checkpoint=row.checkpoint, spec=row.spec, attacks=row.attacks))
    return replace(row, config=f'{row_folder(row.name)}/{CONFIG_FILE}', folder='', head=head, **plain)
