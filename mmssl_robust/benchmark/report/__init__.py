"""The report of a benchmark, from its records alone."""

from collections.abc import Sequence
from pathlib import Path

from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.slug import slug

from ..ranking import ranking_of
from ..row_records import RowRecords
from ..schema import as_csv
from ..skill import model_of
from .content import Content, content_of, gather
from .figures import FORMATS, draw_figures
from .page import render_page, render_ranking
from .tables import csv_table, json_report, latex_tables, markdown_report
from .threats import markdown_threats
from .transfer_tables import markdown_matrices

PAGE, RANKING_PAGE, ENCODERS = 'report.html', 'ranking.html', 'encoders'

__all__ = ['Content', 'gather', 'write_report']


def write_report(
    work_dirs: Path | Sequence[Path],
    out: Path,
    evolution: Path | None = None,
    resamples: int = 10000,
    title: str | None = None,
    examples: int = 2,
    ranking: bool = False,
) -> Path:
    """Write ``report.html``, ``report.md``, ``tables.tex``, ``results.csv``, ``results.json`` and ``figures/``.

    Where images were shown to other encoders ``transfer.csv``, too.

    Args:
        work_dirs: Folder of ``tools/benchmark.py``, or several, whose rows are joined.
        out: Folder of the report.
        evolution: Folder of a DeACL training whose logs hold figure 2, where no row of the suite does.
        resamples: Of the bootstrap.
        title: In place of the suite's.
        examples: How many of the most and of the least robust images are shown for each row and attack.
        ranking: Whether to rank the models, as ``ranking.html``, ``ranking.csv`` and ``ranking.json``, with a page for
            each of them in ``encoders/``.

    Returns:
        The page.

    Raises:
        UserError: If there is no suite, its records are damaged, or those of several cannot be compared.

    Examples:
        >>> import torch
        >>> from pathlib import Path
        >>> from mmssl_robust import evaluate
        >>> from mmssl_robust.benchmark.report import write_report
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2))
        >>> batches = [(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))]
        >>> results = evaluate(network, batches, attacks='pgd', out='work_dirs/reported')
        >>> write_report(Path('work_dirs/reported'), Path('report'), resamples=100).as_posix()
        'report/report.html'
        >>> sorted(path.name for path in Path('report').iterdir())
        ['figures', 'report.html', 'report.md', 'results.csv', 'results.json', 'tables.tex']
    """
    content = gather(work_dirs, resamples, title)
    figures = draw_figures(content, evolution)
    out = Path(out)
    for name, figure in figures.items():
        for suffix in FORMATS:
            figure.save(out / 'figures' / f'{name}{suffix}')
    _write(out / 'report.md', markdown_report(content, figures, markdown_threats(content) + markdown_matrices(content)))
    _write(out / 'tables.tex', latex_tables(content))
    _write(out / 'results.csv', csv_table(content))
    if len(content.transfers):
        _write(out / 'transfer.csv', as_csv(content.transfers))
    write_json(json_report(content), out / 'results.json')
    if ranking:
        _write_ranking(content, out, resamples, examples)
    _write(out / PAGE, render_page(content, figures, examples, RANKING_PAGE if ranking else None))
    return out / PAGE


def _write_ranking(content: Content, out: Path, resamples: int, examples: int) -> None:
    ranking = ranking_of(content.rows, resamples)
    pages = _pages_of([model for model in ranking.models if _rows_of(content, model)])
    for model, page in pages.items():
        own = content_of(content.suite, _rows_of(content, model), resamples, model)
        _write(out / page, render_page(own, draw_figures(own), examples, f'../{RANKING_PAGE}'))
    _write(out / 'ranking.csv', as_csv(ranking.table()))
    write_json(ranking.as_dict(), out / 'ranking.json')
    _write(out / RANKING_PAGE, render_ranking(ranking, content, PAGE, pages))


def _rows_of(content: Content, model: str) -> list[RowRecords]:
    return [records for records in content.begun if model_of(records) == model]


def _pages_of(models: Sequence[str]) -> dict[str, str]:
    """Model -> address of its page, from that of the ranking."""
    pages: dict[str, str] = {}
    for model in models:
        others = sum(slug(other).lower() == slug(model).lower() for other in pages)
        pages[model] = f'{ENCODERS}/{slug(model)}{f"-{others + 1}" if others else ""}.html'
    return pages


def _write(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, encoding='utf-8')
