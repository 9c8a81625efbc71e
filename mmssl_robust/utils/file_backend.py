"""MMEngine's files, whole or not there, and its folders without what is no data."""

import os
from collections.abc import Iterator

from mmengine.fileio import LocalBackend, register_backend

from .files import check_regular, whole_file

_NO_DATA = ('__MACOSX', '__pycache__', '@eaDir', 'lost+found', '$RECYCLE.BIN', 'System Volume Information')


def is_no_data(name: str) -> bool:
    """Whether a name of a file or folder is hidden, or one that systems and tools leave behind."""
    return name.startswith('.') or name in _NO_DATA


class WholeFileBackend(LocalBackend):  # type: ignore[misc]  # MMEngine comes without types
    """MMEngine's local files, of which a kill or a full disk leaves none half written; nothing else is read as one."""

    def get(self, filepath: str | os.PathLike[str]) -> bytes:
        """Read a file; see :func:`check_regular`."""
        check_regular(filepath)
        content: bytes = super().get(filepath)
        return content

    def get_text(self, filepath: str | os.PathLike[str], encoding: str = 'utf-8') -> str:
        """Read a text; see :func:`check_regular`."""
        check_regular(filepath)
        text: str = super().get_text(filepath, encoding)
        return text

    def put(self, obj: bytes, filepath: str | os.PathLike[str]) -> None:
        """Write bytes; see :func:`whole_file`."""
        with whole_file(filepath) as partial:
            partial.write_bytes(obj)

    def list_dir_or_file(
        self,
        dir_path: str | os.PathLike[str],
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Yield what a folder holds, as MMEngine's does, in the same arbitrary order.

        Hidden folders are left out with all that they hold, as MMEngine leaves out hidden files: ``.ipynb_checkpoints``
        beside the folders of classes is none of them, and would shift the labels of all. A suffix is meant in upper
        and lower case.

        Args:
            dir_path: The folder.
            list_dir: Whether to list folders.
            list_file: Whether to list files.
            suffix: Only files that end in it, or in one of them.
            recursive: Whether to look into folders.
        """
        if list_dir and suffix is not None:
            raise TypeError('folders have no suffix: set list_dir to False')
        ends = tuple(end.lower() for end in ([suffix] if isinstance(suffix, str) else suffix or ('',)))
        for name in super().list_dir_or_file(dir_path, list_dir, list_file, None, recursive):
            if not any(map(is_no_data, str(name).split(os.sep))) and name.lower().endswith(ends):
                yield name


def register_whole_files() -> None:
    """Have MMEngine write its checkpoints, and list folders, by :class:`WholeFileBackend`."""
    register_backend('local', WholeFileBackend, force=True, prefixes='')
