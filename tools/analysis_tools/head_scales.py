"""Measure the `scale` of each head of a task-aware training: how far its predictions for different images are apart.

Example:
    DATA_ROOT=data python tools/analysis_tools/head_scales.py configs/robust/task_aware_mini_wide.py
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed
from rich.progress import track
from torch import Tensor

from mmssl_robust.models.algorithms.task_aware import TaskAware
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.arguments import Parser, integer
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.quiet import hush_terminal
from mmssl_robust.utils.shared_arguments import add_common_arguments


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    add_common_arguments(parser)
    # Distances are between two images.
    parser.add_argument('--images', type=integer(2), default=256, help='training crops, drawn at random')
    parser.add_argument('--batch-size', type=integer(2), default=32)
    parser.add_argument('--seed', type=integer(0), default=0)
    return parser.parse_args()


def crops(cfg: Config, images: int, batch_size: int, seed: int) -> Iterator[Any]:
    """Training crops in batches."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    chosen = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))[:images].tolist()
    for start in range(0, len(chosen), batch_size):
        yield pseudo_collate([dataset[index] for index in chosen[start : start + batch_size]])


@torch.inference_mode()
def distances(model: TaskAware, batch: Any) -> dict[str, Tensor]:
    """How far each head's prediction for the teacher's features is from that for the next image's."""
    prepared = model.data_preprocessor(batch)
    features = model.neck(model.teacher(prepared['inputs']))
    predictions = {name: head(features) for name, head in model.heads.items()}
    return {
        name: model.heads[name].scale * model.heads[name].distance(prediction, prediction.roll(1, dims=0))
        for name, prediction in predictions.items()
    }


@one_line_errors
def main() -> None:
    args = parse_args()
    hush_terminal(MMLogger.get_current_instance(), progress=False)
    cfg = load_config(args)
    with config_errors(cfg, args.config, ('model', 'train_dataloader')):
        measure(cfg, args)


def measure(cfg: Config, args: argparse.Namespace) -> None:
    """Print the scale of each head."""
    init_default_scope(cfg.default_scope)
    set_random_seed(args.seed)
    model = MODELS.build(cfg.model)
    if not getattr(model, 'heads', None):
        raise UserError(f'{args.config} has no model.heads')
    model.init_weights()
    model.eval()
    batches = crops(cfg, args.images, args.batch_size, args.seed)
    total = -(-args.images // args.batch_size)
    found = [distances(model, batch) for batch in track(batches, total=total, description='training crops')]
    for name, head in model.heads.items():
        values = torch.cat([each[name] for each in found])
        error = float(values.std() / len(values) ** 0.5)
        print(f'{name}: scale={float(values.mean()):.3g} (standard error {error:.1g}; the config says {head.scale:g})')


if __name__ == '__main__':
    main()
