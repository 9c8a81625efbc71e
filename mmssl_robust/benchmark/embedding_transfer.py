"""Images made against one encoder's embedding, shown to the other encoders of a comparison.

An encoder of another input size is shown both the clean and the attacked image resized, so that what it says of the
difference is the attack's, not the resizing's. One encoder is loaded at a time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor

from mmssl_robust.attacks.modes import eval_mode
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.evaluation.walk import victims_of
from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import json_digest
from mmssl_robust.utils.progress import track
from mmssl_robust.utils.stopping import stop_together

from .parquet_files import write_parquet
from .plan import units_of
from .row_evaluation import RowEvaluation
from .row_records import store_of
from .run import SuiteRun
from .schema import SCHEMA_KEY
from .suite import Row
from .transfers import SCHEMA_VERSION, TRANSFER_FILE, attack_of

IMAGES = 100
"""Of those that are attacked, how many are shown to the other encoders, evenly spread."""
_IDENTITY = b'mmssl_robust.identity'


class Shown(NamedTuple):
    """A batch of a source: what it shows to others.

    Attributes:
        indices: Of the images in their data set.
        files: Their paths.
        clean: (B, 3, H, W) in [0, 1], in main memory.
        attacked: Likewise.
    """

    indices: list[int]
    files: list[str]
    clean: Tensor
    attacked: Tensor


def transfer_embeddings(run: SuiteRun) -> None:
    """Show every encoder the images that are made against every other; nothing is done if all is there.

    Args:
        run: A suite of embeddings of the same images, evaluated, in a single process.

    Raises:
        UserError: If an image cannot be read.
    """
    path, rows = run.work_dir / TRANSFER_FILE, run.suite.rows
    identity = _identity(run, rows)
    if path.is_file() and (pq.read_schema(path).metadata or {}).get(_IDENTITY) == identity:
        return
    shown: dict[str, list[Shown]] = {}
    sizes: dict[str, tuple[int, ...]] = {}
    for row in rows:
        shown[row.name] = attacked_images(_evaluation(run, row), attack_of(row))
        sizes[row.name] = tuple(shown[row.name][0].clean.shape[-2:])
    lines = []
    for row in rows:
        target = _evaluation(run, row)
        for source in rows:
            about = dict(source=source.name, target=row.name, attack=attack_of(source))
            lines += [about | line for line in measured(target, shown[source.name], sizes[row.name])]
    table = pa.Table.from_pandas(pd.DataFrame(lines), preserve_index=False)
    write_parquet(table, path, {_IDENTITY: identity, SCHEMA_KEY: str(SCHEMA_VERSION)})


def attacked_images(source: RowEvaluation, attack: str) -> list[Shown]:
    """Make the images against a source again: noise follows from the image, so they are those of its records.

    Args:
        source: The row.
        attack: Name of its attack.

    Raises:
        UserError: If no image can be read.
    """
    places = spread(len(source.dataset.indices), IMAGES)
    units = units_of(places, source.loader.batch_size)
    found = []
    with source.in_scope():
        for batch in track(source.load(units), f'{source.row.name}: {attack}, for the others'):
            for victim, _ in victims_of(source.model, batch, source.options.attack_memory):
                attacked = victim.attack(source.attacks[attack], source.options.precision).adv
                files = [str(sample.get('img_path') or '') for sample in victim.data_samples]
                found.append(Shown(victim.keys, files, victim.pixels.cpu(), attacked.cpu()))
            stop_together()
    if not found:
        raise UserError(f'no image of {source.row.name} can be read')
    return found


@torch.no_grad()
def measured(target: RowEvaluation, shown: Sequence[Shown], size: Sequence[int]) -> list[dict[str, Any]]:
    """What a target says of images: a line for each, with the columns of its task.

    Args:
        target: The row, whose head knows its own embeddings of all images.
        shown: The images.
        size: Height and width at which it takes them.
    """
    lines = []
    with target.in_scope(), eval_mode(target.model):
        for part in shown:
            clean, attacked = (_tokens(target, resized(images, size)) for images in (part.clean, part.attacked))
            reference = select_tokens(clean, 'both')
            samples = [DataSample(metainfo=dict(img_path=file)) for file in part.files]
            for sample, own in zip(samples, reference, strict=True):
                sample.set_field(own, 'reference')
            for index, sample in zip(part.indices, target.model.head.predict(attacked, samples), strict=True):
                lines.append(dict(index=index, **target.task.record(target.metric, sample)))
    return lines


def resized(images: Tensor, size: Sequence[int]) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] at another size; as they are where it is theirs."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return F.interpolate(images, tuple(size), mode='bicubic', antialias=True).clamp(0, 1)


def _tokens(target: RowEvaluation, pixels: Tensor) -> Any:
    return target.model.extract_feat(target.space.to_inputs(pixels.to(target.options.device)), stage='neck')


def _evaluation(run: SuiteRun, row: Row) -> RowEvaluation:
    return RowEvaluation(run.resolved(row), None, store_of(row, run.work_dir))


def _identity(run: SuiteRun, rows: Sequence[Row]) -> bytes:
    """Hash of what the table depends on."""
    known = [(row.name, row.attacks[attack_of(row)], run.resolved(row).identity(None)) for row in rows]
    return json_digest(known).encode()
