"""What the converters of data sets share: sources that are folders or archives, and files that are written once."""

import argparse
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scipy.io import loadmat

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import check_regular, whole_file
from mmssl_robust.utils.foreign_files import below, is_below
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.terminal import console

Reader = Callable[[], bytes]


class Output:
    """A data set's folder, where a file that is there already is left as it is.

    A converter that was killed is completed by its next run, and one that is done changes nothing.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.written = self.present = 0

    def put(self, name: str, make: Reader) -> None:
        """Write a file, unless it is there.

        Args:
            name: Its path below the folder.
            make: Gives its content; called if it is to be written.

        Raises:
            UserError: If it would lie elsewhere: names are the source's.
        """
        path = below(self.root, name, 'the source')
        if path.is_file():
            self.present += 1
            return
        with whole_file(path) as partial:
            partial.write_bytes(make())
        self.written += 1

    def report(self) -> None:
        """Say what was done."""
        console.print(f'{self.root}: {self.written} files written, {self.present} were there already', soft_wrap=True)


def add_converter_arguments(parser: argparse.ArgumentParser, **sources: str) -> None:
    """Add what every converter takes.

    Args:
        parser: The converter's.
        **sources: Name -> help of each source.
    """
    for name, text in sources.items():
        parser.add_argument(name, type=Path, help=text)
    parser.add_argument('out', type=Path, help='folder of your data sets, DATA_ROOT of the configs')
    parser.add_argument('--partial', action='store_true', help='accept fewer files than the whole data set has')


def check_count(what: str, found: int, expected: int, partial: bool) -> None:
    """Compare a number of files with the official one.

    Args:
        what: What is counted.
        found: How many there are.
        expected: How many there must be.
        partial: Whether fewer will do.

    Raises:
        UserError: If there are none, or more, or fewer and that will not do.
    """
    if found == expected or (partial and 0 < found < expected):
        return
    hint = '' if partial or found == 0 or found > expected else ' (--partial accepts fewer)'
    raise UserError(f'{found} {what} where there must be {expected}: is the download complete?{hint}')


def read_matlab(path: Path, *names: str) -> dict[str, Any]:
    """Read some of the variables of a MATLAB file.

    Raises:
        UserError: If it is missing, damaged, or has no such variables.
    """
    check_regular(path)
    try:
        content = loadmat(path, variable_names=names)
        return {name: content[name] for name in names}
    except Exception as error:  # SciPy raises what it likes on damaged files
        raise UserError(f'cannot read {path}: {first_line(error)}') from error


def read_words(path: Path) -> list[str]:
    """Read a list of names.

    Raises:
        UserError: If it is missing or no text.
    """
    if not path.is_file():
        raise UserError(f'not found: {path}')
    try:
        return path.read_text(encoding='utf-8').split()
    except (OSError, ValueError) as error:
        raise UserError(f'cannot read {path}: {first_line(error)}') from error


@contextmanager
def opened(source: Path) -> Iterator[dict[str, Reader]]:
    """Open a folder or a zip archive.

    Args:
        source: The folder, or the ``.zip`` file.

    Yields:
        Path below the source, with ``/`` -> reader of each file.

    Raises:
        UserError: If it is neither, damaged, or an archive with files outside of it.
    """
    if source.is_dir():
        yield {path.relative_to(source).as_posix(): path.read_bytes for path in source.rglob('*') if path.is_file()}
        return
    if not source.is_file():
        raise UserError(f'not found: {source}')
    try:
        with zipfile.ZipFile(source) as archive:
            names = [name for name in archive.namelist() if not name.endswith('/')]
            for name in names:
                if not is_below(name):
                    raise UserError(f'refused to unpack {source}: its file {name} would lie outside the folder')
            yield {name: partial(archive.read, name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(f'{source} is damaged or no zip archive ({first_line(error)}): download it again') from error


@dataclass(frozen=True)
class Pairs:
    """Where the images of a split and their annotations, which are PNG, lie in a source.

    Hidden files, which some systems put into archives, and those of folders within are no images of it.

    Attributes:
        images: Folder of the images; ``{}`` is the split.
        suffix: Of the images.
        annotations: Folder of the annotations, likewise.
        kind: What the annotations are, for errors.
    """

    images: str
    suffix: str
    annotations: str
    kind: str = 'label map'

    def of(self, files: dict[str, Reader], split: str, expected: int, partial: bool) -> Iterator[tuple[str, str]]:
        """Go through a split, with a progress bar.

        Args:
            files: The source's, as of :func:`opened`.
            split: The split.
            expected: How many images it must have.
            partial: Whether fewer will do.

        Yields:
            The names of an image and of its annotation.

        Raises:
            UserError: If their number is another one, or an image has no annotation.
        """
        folder = self.images.format(split)
        own = [name.removeprefix(folder) for name in files if name.startswith(folder) and name.endswith(self.suffix)]
        names = sorted(name for name in own if '/' not in name and not name.startswith('.'))
        check_count(f'{split} images', len(names), expected, partial)
        for name in track(names, split):
            image, stem = folder + name, name.removesuffix(self.suffix)
            annotation = f'{self.annotations.format(split)}{stem}.png'
            if annotation not in files:
                raise UserError(f'{image} has no {self.kind} {annotation}: is the download complete?')
            yield image, annotation
