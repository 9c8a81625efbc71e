"""The report of a benchmark, from its records alone."""

from pathlib import Path

from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.json_files import write_json

from .content import Content, gather
from .figures import FORMATS, draw_figures
from .page import render_page
from .tables import csv_table, json_report, latex_tables, markdown_report

PAGE = 'report.html'

__all__ = ['Content', 'gather', 'write_report']


def write_report(
    work_dir: Path,
    out: Path,
    evolution: Path | None = None,
    resamples: int = 10000,
    title: str | None = None,
    examples: int = 2,
) -> Path:
    """Write ``report.html``, ``report.md``, ``tables.tex``, ``results.csv``, ``results.json`` and ``figures/``.

    Args:
        work_dir: Folder of ``tools/benchmark.py``.
        out: Folder of the report.
        evolution: Folder of a DeACL training whose logs hold figure 2, where no row of the suite does.
        resamples: Of the bootstrap.
        title: In place of the suite's.
        examples: How many of the most and of the least robust images are shown for each row and attack.

    Returns:
        The page.

    Raises:
        UserError: If there is no suite, or its records are damaged.
    """
    content = gather(Path(work_dir), resamples, title)
    figures = draw_figures(content, evolution)
    out = Path(out)
    for name, figure in figures.items():
        for suffix in FORMATS:
            figure.save(out / 'figures' / f'{name}{suffix}')
    _write(out / 'report.md', markdown_report(content, figures))
    _write(out / 'tables.tex', latex_tables(content))
    _write(out / 'results.csv', csv_table(content))
    write_json(json_report(content), out / 'results.json')
    _write(out / PAGE, render_page(content, figures, examples))
    return out / PAGE


def _write(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, encoding='utf-8')
