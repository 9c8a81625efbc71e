"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_file, whole_file

_ENDINGS = ('.png', '.pdf', '.svg')


def check_ending(path: Path, option: str) -> None:
    """Check that a file's name is that of a picture; arguments as for :func:`check_figure`.

    Raises:
        UserError: If it is not.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise UserError(f'{option} {path} is no picture: name it {", ".join(_ENDINGS)}')


def check_figure(path: Path, option: str) -> None:
    """Find out before the work whether a figure can be written.

    Args:
        path: Of the file.
        option: What gave it, such as ``--out``.

    Raises:
        UserError: If its ending is none of a picture, or nothing can be written there.
    """
    check_ending(path, option)
    check_file(path, option)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's ending names, as a whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    with whole_file(path) as partial:
        figure.savefig(partial, format=path.suffix[1:].lower())
