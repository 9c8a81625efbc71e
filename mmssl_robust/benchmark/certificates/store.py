"""Records of certified images, a file for each, which a run that was killed finds again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmssl_robust.benchmark.records import differences
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import remove_partial_files
from mmssl_robust.utils.json_files import json_digest, read_state, write_json

SCHEMA_VERSION = 1
_SETTINGS, _IMAGES = 'settings.json', 'images'


class CertificateStore:
    """The records of one model on one data set under one smoothing.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def check(self, settings: Mapping[str, Any]) -> None:
        """Compare settings with those of the records that are there.

        Raises:
            UserError: If they differ; says in what.
        """
        path = self.folder / _SETTINGS
        known = read_state(path, dict)
        if known is None:
            if any((self.folder / _IMAGES).glob('*.json')):
                raise UserError(f'{self.folder} has records of unknown settings: give another --work-dir')
            return
        changed = differences(known, {**settings, 'schema_version': SCHEMA_VERSION})
        if changed:
            raise UserError(f'{self.folder} was made with {", ".join(changed)}: give another --work-dir')

    def open(self, settings: Mapping[str, Any]) -> None:
        """Begin, or go on."""
        self.check(settings)
        for folder in (self.folder, self.folder / _IMAGES):
            remove_partial_files(folder)
        write_json({**settings, 'schema_version': SCHEMA_VERSION}, self.folder / _SETTINGS)

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep the record of an image, whole or not at all."""
        write_json({**record, 'digest': json_digest(record)}, self._path(record['index']))

    def record(self, index: int, files: str | None) -> dict[str, Any] | None:
        """The record of an image; None if there is none, or a damaged one.

        Args:
            index: Of the image in its data set.
            files: Digest of its files as they are now.

        Raises:
            UserError: If it was made of other files.
        """
        found = read_state(self._path(index), dict)
        if found is None or found.pop('digest', None) != json_digest(found):
            return None
        if found['files'] != files:
            raise UserError(f'{found["file"]} has changed since it was certified: give another --work-dir')
        return found

    def _path(self, index: int) -> Path:
        return self.folder / _IMAGES / f'{index:07d}.json'
