"""MMEngine's files, whole or not there."""

import os

from mmengine.fileio import LocalBackend, register_backend

from .files import whole_file


class WholeFileBackend(LocalBackend):  # type: ignore[misc]  # MMEngine comes without types
    """MMEngine's local files, of which a kill or a full disk leaves none half written."""

    def put(self, obj: bytes, filepath: str | os.PathLike[str]) -> None:
        """Write bytes; see :func:`whole_file`."""
        with whole_file(filepath) as partial:
            partial.write_bytes(obj)


def register_whole_files() -> None:
    """Have MMEngine write its checkpoints by :class:`WholeFileBackend`."""
    register_backend('local', WholeFileBackend, force=True, prefixes='')
