"""What a suite would cost, before it is run."""

import copy
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.attacks import Attack, Ensemble
from mmssl_robust.datasets.tolerant import TolerantDataset, spread
from mmssl_robust.encoders.in_config import is_by_spec
from mmssl_robust.evaluation.bank import has_bank
from mmssl_robust.functional.tokens import windows
from mmssl_robust.registry import DATASETS, MODELS
from mmssl_robust.utils.data_check import check_data_folders, named_data_errors
from mmssl_robust.utils.errors import UserError

from .nominal import NOMINAL
from .options import Options
from .records import RecordStore
from .resolved_row import ResolvedRow
from .row_records import store_of
from .suite import Row

Size = tuple[int, int]
SAMPLED = 8
"""Images whose sizes stand for those of the data set."""


@dataclass(frozen=True)
class RowCost:
    """What is left to do of a row.

    Attributes:
        row: The row.
        images: How many are evaluated; None if nothing can be said.
        done: Evaluations of an image that are recorded, over all attacks and the clean pass.
        todo: Evaluations that are not.
        flops: Floating-point operations that these take.
        flops_head: Operations to train the head, or to fill its bank; 0 if nothing of that is to be done.
        seconds: What was measured of those that are recorded and joined.
        flops_done: Operations of those.
        problem: Why nothing can be said; empty if something can.
    """

    row: Row
    images: int | None = None
    done: int = 0
    todo: int = 0
    flops: float = 0.0
    flops_head: float = 0.0
    seconds: float = 0.0
    flops_done: float = 0.0
    problem: str = ''


def passes(attack: Attack | Ensemble | None) -> int:
    """Passes through the model, forward or back, that an image takes under an attack, with all that is recorded.

    An upper bound for attacks that leave an image alone after their success.

    Args:
        attack: The attack; None for none.
    """
    if attack is None:
        return 1
    embedding = 2 if attack.settings.reads == 'embedding' else 0  # its reference, for attack and record
    members = max(len(attack.settings.members), 1)
    return attack.passes + 2 * members + embedding  # the clean loss and the prediction are recorded


def row_cost(row: Row, work_dir: Path, heads: Path, options: Options, compare: bool = True) -> RowCost:
    """Say what is left to do of a row; nothing is downloaded.

    Args:
        row: The row.
        work_dir: Folder of its records.
        heads: Folder of the heads that its suite trains.
        options: How it would be run.
        compare: Whether records that were made otherwise are a problem.
    """
    try:
        resolved, store = ResolvedRow(row, heads, options), store_of(row, work_dir)
        if compare:
            store.check(resolved.known, row.attacks)
        cfg = resolved.cfg
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
            images, sizes = _test_images(cfg, row)
            forward = forward_flops(cfg, sizes)
            missing_head = resolved.trains_head and not resolved.head()
            flops_head = _training_flops(cfg, row) if missing_head else 0.0
            flops_bank = _bank_flops(cfg, row, forward) if cfg.get('bank_dataloader') else 0.0
    except UserError as error:
        return RowCost(row, problem=str(error))
    done = todo = 0
    flops = flops_done = seconds = 0.0
    for name, attack in ({CLEAN: None} | resolved.attacks).items():
        count = len(spread(images, row.sweep_images)) if name in row.sweeps else images
        recorded, spent = _recorded(store, name, count, cfg.test_dataloader.batch_size)
        done, todo = done + recorded, todo + count - recorded
        flops += (count - recorded) * passes(attack) * forward
        if spent:
            seconds, flops_done = seconds + spent.seconds, flops_done + spent.passes * forward
    flops_head += flops_bank if todo else 0.0
    return RowCost(row, images, done, todo, flops, flops_head, seconds, flops_done)


def measured_rate(costs: list[RowCost]) -> float | None:
    """Operations a second that the recorded evaluations reached, None if there are none."""
    seconds = sum(cost.seconds for cost in costs)
    return sum(cost.flops_done for cost in costs) / seconds if seconds else None


class _Spent(NamedTuple):
    """What recorded images have taken."""

    seconds: float
    passes: float


def _recorded(store: RecordStore, name: str, images: int, batch_size: int) -> tuple[int, _Spent | None]:
    """How many images are recorded, and what they took as far as they are joined."""
    if store.is_finished(name):
        table = store.read(name)
        # What is timed is the attack: neither the clean loss nor the prediction after it.
        passes = float(table['forwards'].sum() + table['backwards'].sum())
        return table['index'].nunique(), _Spent(float(table['seconds'].sum()), passes)
    return min(len(store.done(name)) * batch_size, images), None


def _test_images(cfg: Config, row: Row) -> tuple[int, list[Size]]:
    """How many images a row evaluates, and the sizes of a few."""
    try:
        check_data_folders(cfg.test_dataloader.dataset)
    except UserError:
        if row.data not in NOMINAL:
            raise
        nominal = NOMINAL[row.data]
        return min(row.max_images or nominal.images, nominal.images), [nominal.size]
    dataset = TolerantDataset(copy.deepcopy(cfg.test_dataloader.dataset), max_images=row.max_images)
    return len(dataset.indices), sizes_of([dataset[place] for place in spread(len(dataset.indices), SAMPLED)])


def _training_flops(cfg: Config, row: Row) -> float:
    """Operations to train a head: each image goes forward through the encoder once an epoch."""
    try:
        check_data_folders(cfg.train_dataloader.dataset)
    except UserError:
        if row.data not in NOMINAL:
            raise
        images, sizes = NOMINAL[row.data].training_images, [NOMINAL[row.data].training_size]
    else:
        with named_data_errors(f'training set of {row.config}'):
            dataset = DATASETS.build(copy.deepcopy(cfg.train_dataloader.dataset))
        images, sizes = len(dataset), sizes_of([dataset[place] for place in spread(len(dataset), SAMPLED)])
    return forward_flops(cfg, sizes, training=True) * images * cfg.train_cfg.max_epochs


def _bank_flops(cfg: Config, row: Row, forward: float) -> float:
    """Operations to fill a bank: each of its images goes forward through the encoder."""
    try:
        check_data_folders(cfg.bank_dataloader.dataset)
    except UserError:
        if row.data not in NOMINAL:
            raise
        return NOMINAL[row.data].training_images * forward
    return len(TolerantDataset(copy.deepcopy(cfg.bank_dataloader.dataset)).indices) * forward


def sizes_of(samples: list[Any]) -> list[Size]:
    """Height and width of samples as a data set gives them.

    Raises:
        UserError: If one cannot be read.
    """
    for sample in samples:
        if not isinstance(sample, dict):
            raise UserError(sample.message)
    return [tuple(sample['inputs'].shape[-2:]) for sample in samples]


def forward_flops(cfg: Config, sizes: list[Size], training: bool = False) -> float:
    """Operations of one forward, mean over images of some sizes; tensors on the meta device have shapes only."""
    model = _of_shapes(cfg).eval()
    flops = {size: _flops(model, cfg, size, training) for size in set(sizes)}
    return float(np.mean([flops[size] for size in sizes]))


def _of_shapes(cfg: Config) -> nn.Module:
    """The model without its numbers, which are not even drawn where its constructors can do without."""
    # An encoder by name may come from code that draws or loads, which only real tensors can.
    if not is_by_spec(cfg.model.backbone):
        # MMPretrain's ResNet reads numbers from a tensor that it makes; what is wrong besides comes again below.
        with suppress(RuntimeError), torch.device('meta'):
            return MODELS.build(copy.deepcopy(cfg.model))
    return MODELS.build(copy.deepcopy(cfg.model)).to('meta')


def _flops(model: nn.Module, cfg: Config, size: Size, training: bool) -> int:
    preprocessor = cfg.model.get('data_preprocessor') or {}
    divisor = (preprocessor.get('test_cfg') or preprocessor).get('size_divisor') or 1
    divisor = preprocessor.get('pad_size_divisor') or divisor  # of mmpretrain
    height, width = (-(-side // divisor) * divisor for side in size)
    inputs = torch.empty(1, 3, height, width, device='meta')
    config = cfg.model.get('test_cfg') or {}
    slides = config.get('mode', 'whole').startswith('slide') and not training
    # The similarities with a bank, which is empty here, cost little beside the encoder.
    forward: Any = model.extract_feat if has_bank(model) else partial(model, mode='tensor')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for view in windows(inputs, config['crop_size'], config['stride']) if slides else [inputs]:
            forward(view)
    return counter.get_total_flops()
