"""The page of every config that has an entry in a metafile: published and own numbers, weights, cost.

Examples, in a checkout:
    python tools/docs/model_zoo.py            # counts operations of the encoders again, into tools/docs/operations.csv
"""

from mmssl_robust.utils.startup import one_line_errors

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mmengine.config import Config
from mmengine.registry import DefaultScope

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tools/docs')]

from make_configs import LAPTOP, Run, make_runs, title  # noqa: E402
from md import code, link, table  # noqa: E402

from mmssl_robust.benchmark.cost import forward_flops  # noqa: E402
from mmssl_robust.benchmark.published import published_tables  # noqa: E402
from mmssl_robust.benchmark.suite_files import load_suite  # noqa: E402
from mmssl_robust.commands.listing import says  # noqa: E402
from mmssl_robust.tasks import task_named  # noqa: E402
from mmssl_robust.utils.arguments import Parser  # noqa: E402
from mmssl_robust.utils.files import sha256  # noqa: E402

OPERATIONS = ROOT / 'tools/docs/operations.csv'
PAPER = ('paper_table1', 'paper_table2', 'paper_table3')
OWN = 'mmssl_robust://'
NAMED_HASH = re.compile(r'-([0-9a-f]{8,})\.\w+$')
NOT_RUN = 'not run'
SIZE = (224, 224)
HEAD = ['config', 'encoder', 'data', 'published', 'ours', 'weights', 'SHA-256', 'cost']
INTRODUCTION = """\
# Model zoo

Every config that has an entry in a `metafile.yml`, which `model-index.yml` lists and `mim` finds. Made of these files.

- **published**: of the paper, clean / EmbedAttack / the task's own attack, Linf, eps 8/255, 20 steps; top-1 and mIoU in
  percent, RMSE in metres. No figure of this package; what differs: [differences](differences.md).
- **ours**: measured by this package, in the same order and units (recall@1 of retrieval in percent), of the entry's
  `Results`; where one number stands, clean. How: [results](results.md), [retrieval](../configs/retrieval/README.md) and
  the model cards. *not run*: not to its end with the config's settings.
- **weights**: what the config loads by itself: the encoder's, and of those that ship with the package the trained
  head's or encoder's. `$NAME` is a variable that says where your own are.
- **SHA-256**: the beginning of the file's, where it ships with the package or its name holds it; `-` elsewhere.
- **cost**: operations of the encoder's forward over 224 x 224 pixels, a multiplication and an addition are two; epochs
  of the training, its time where it was measured. What whole tables take: [reproduce](reproduce.md).
"""


class Entry(NamedTuple):
    """A model of a metafile.

    Attributes:
        name: Its name.
        config: Its config, from the root of the repository.
        collection: The collection that it belongs to.
        metadata: What is said of its training.
        results: What was measured: task, data set, metrics.
        weights: File or address of what was trained, if it is published.
    """

    name: str
    config: str
    collection: str
    metadata: Mapping[str, Any]
    results: tuple[Mapping[str, Any], ...]
    weights: str


def entries(root: Path) -> list[Entry]:
    """All models that ``model-index.yml`` leads to."""
    found = []
    for place in _yaml(root / 'model-index.yml')['Import']:
        for model in _yaml(root / place)['Models']:
            found.append(
                Entry(
                    name=model['Name'],
                    config=model['Config'],
                    collection=model['In Collection'],
                    metadata=model.get('Metadata', {}),
                    results=tuple(model.get('Results', ())),
                    weights=model.get('Weights', ''),
                )
            )
    return found


def published() -> dict[str, str]:
    """Name of a config -> the paper's numbers for it."""
    numbers = published_tables()
    found = {}
    for row in [row for suite in PAPER for row in load_suite(suite).rows]:
        own = numbers[(numbers[['task', 'data', 'encoder', 'variant']] == _key(row)).all(axis=1)]
        decimals = 0 if task_named(row.task).metric.unit == '%' else 2
        found[Path(row.config).stem] = ' / '.join(f'{value:.{decimals}f}' for value in own['value'])
    return found


def ours(entry: Entry) -> str:
    """What was measured, in the order of the published numbers, or that nothing was."""
    lines = [
        f'{result["Dataset"]}: {" / ".join(shown(name, value) for name, value in result["Metrics"].items())}'
        for result in entry.results
    ]
    return '<br>'.join(lines) or NOT_RUN


def shown(metric: str, value: float) -> str:
    """A number as the tables of the results have it."""
    return f'{value:.{3 if metric.startswith("RMSE") else 2}f}'


def weights(cfg: Config, entry: Entry, page: Path, root: Path = ROOT) -> tuple[str, str]:
    """Links to the weights that a config loads and to those that came of it; the beginnings of their hashes."""
    places = [checkpoint(cfg), entry.weights]
    shown = [_weights(place, page, root) for place in places if place]
    return '<br>'.join(text for text, _ in shown) or '-', '<br>'.join(digest for _, digest in shown) or '-'


def checkpoint(cfg: Config) -> str:
    """The address, file or name of a config's encoder; empty for one that starts from nothing."""
    backbone = cfg.get('encoder') or cfg.get('model', {}).get('backbone') or {}
    return str((backbone.get('init_cfg') or {}).get('checkpoint') or backbone.get('spec') or '')


def cost(entry: Entry, gflop: float | None) -> str:
    """Operations of the encoder, epochs and time of the training, as far as they are known."""
    known = [] if gflop is None else [f'{gflop:.3g} GFLOP']
    known += [f'{entry.metadata["Epochs"]} epochs'] if 'Epochs' in entry.metadata else []
    known += [entry.metadata['Training Time']] if 'Training Time' in entry.metadata else []
    return ', '.join(known) or '-'


def page(where: Path, root: Path = ROOT) -> str:
    """The page in Markdown.

    Args:
        where: Where it will be, for its links.
        root: The repository.
    """
    runs = {run.name: run for run in make_runs(root / 'configs')}
    numbers, operations = published(), read_operations()
    collections: dict[str, list[list[str]]] = {}
    for entry in entries(root):
        row = cells(entry, runs.get(entry.name), where, root, operations, numbers)
        collections.setdefault(entry.collection, []).append(row)
    parts = [f'## {name}\n\n{table(HEAD, rows)}' for name, rows in collections.items()]
    return '\n'.join([INTRODUCTION, *parts])


def cells(
    entry: Entry,
    run: Run | None,
    where: Path,
    root: Path,
    operations: Mapping[str, float],
    numbers: Mapping[str, str],
) -> list[str]:
    """The row of a model."""
    path = root / entry.config
    # Nothing here depends on where data and weights are.
    cfg = run.encoder if run else Config.fromfile(path, use_environment_variables=False)
    return [
        link(path, where, code(entry.name)),
        encoder_of(run) if run else says(path),
        ', '.join(entry.metadata.get('Training Data', [])) or '-',
        numbers.get(entry.name, '-'),
        ours(entry),
        *weights(cfg, entry, where, root),
        cost(entry, operations.get(stem_of(run)) if run else None),
    ]


def encoder_of(run: Run) -> str:
    """What the encoder of a config is called."""
    stem = stem_of(run)
    return f'{LAPTOP[stem][0].replace("_", " ")} ViT' if stem in LAPTOP else title(run)


def read_operations() -> dict[str, float]:
    """File of the encoder -> GFLOP of its forward over 224 x 224 pixels."""
    with OPERATIONS.open(newline='', encoding='utf-8') as file:
        return {row['encoder']: float(row['gflop']) for row in csv.DictReader(file)}


def count_operations(runs: Iterable[Run]) -> Iterator[tuple[str, float]]:
    """Count the operations of each encoder, in its classifier."""
    for name, run in {stem_of(run): run for run in runs if run.folder == 'classification'}.items():
        cfg = Config.fromfile(ROOT / 'configs' / run.folder / f'{run.name}.py', use_environment_variables=False)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            yield name, forward_flops(cfg, [SIZE]) / 1e9


def stem_of(run: Run) -> str:
    """The file of a config's encoder, without its ending."""
    return Path(run.encoder.filename).stem


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding='utf-8'))
    return found


def _key(row: Any) -> list[str]:
    return [row.task, row.data, row.encoder, row.variant]


def _weights(place: str, page: Path, root: Path) -> tuple[str, str]:
    """How weights are shown, and the beginning of their hash."""
    if place.startswith(OWN):
        place = place.replace(OWN, 'mmssl_robust/assets/')
    if (root / place).is_file():
        return link(root / place, page), code(sha256(root / place)[:12])
    variable = re.search(r'\{\{\$(\w+)', place)
    if variable:
        return code(f'${variable[1]}'), '-'
    if place.startswith('https://'):
        found = NAMED_HASH.search(place)
        return f'[{code(place.rpartition("/")[2])}]({place})', code(found[1]) if found else '-'
    return code(place), '-'


@one_line_errors
def main() -> None:
    Parser(description=__doc__).parse_args()
    with OPERATIONS.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['encoder', 'gflop'])
        for name, gflop in count_operations(make_runs(ROOT / 'configs')):
            writer.writerow([name, f'{gflop:.4g}'])


if __name__ == '__main__':
    main()
