"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from mmssl_robust.utils.files import whole_file


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's ending names, as a whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    with whole_file(path) as partial:
        figure.savefig(partial, format=path.suffix[1:].lower())
