"""Score the best constant prediction: what a head must beat to have learnt anything.

Segmentation predicts the most frequent class of the training set everywhere, depth the
training set's mean depth.

Example:
    DATA_ROOT=data python tools/analysis_tools/constant_predictor.py configs/depth/mini_nyu.py
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import PixelData
from rich.progress import track

from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.shared_arguments import add_common_arguments


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    add_common_arguments(parser)
    return parser.parse_args()


def training_set(cfg: Config) -> Iterable[dict[str, Any]]:
    """The training images, seen through the test pipeline: no augmentation, whole label maps."""
    settings = copy.deepcopy(cfg.train_dataloader.dataset)
    settings.pipeline = cfg.test_dataloader.dataset.pipeline
    return DATASETS.build(settings)


def most_frequent_class(dataset: Iterable[dict[str, Any]], ignore_index: float) -> int:
    counts = np.zeros(2**16, dtype=np.int64)
    for sample in track(dataset, description='training labels'):
        labels = sample['data_samples'].gt_sem_seg.data.flatten().numpy()
        counts += np.bincount(labels[labels != ignore_index], minlength=len(counts))
    return int(counts.argmax())


def mean_depth(dataset: Iterable[dict[str, Any]], min_depth: float, max_depth: float) -> float:
    total = pixels = 0.0
    for sample in track(dataset, description='training depths'):
        depth = sample['data_samples'].gt_depth_map.data
        valid = (depth > min_depth) & (depth < max_depth)
        total, pixels = total + depth[valid].double().sum().item(), pixels + valid.sum().item()
    return total / pixels


@one_line_errors
def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    missing = [name for name in ('train_dataloader', 'test_dataloader', 'test_evaluator') if not cfg.get(name)]
    if missing:
        raise UserError(f'{args.config} does not set {" and ".join(missing)}')
    with config_errors(cfg, args.config, ('train_dataloader', 'test_dataloader', 'test_evaluator')):
        predict(cfg)


def predict(cfg: Config) -> None:
    """Score the constant."""
    told = share_thresholds(cfg)
    init_default_scope(cfg.default_scope)
    train, test = training_set(cfg), DATASETS.build(cfg.test_dataloader.dataset)
    first = test[0]['data_samples']
    if 'gt_depth_map' in first:
        truth, name, value = 'gt_depth_map', 'pred_depth_map', mean_depth(train, told['min_depth'], told['max_depth'])
    elif 'gt_sem_seg' in first:
        truth, name, value = 'gt_sem_seg', 'pred_sem_seg', most_frequent_class(train, told['ignore_index'])
    else:
        raise UserError('only dense tasks: a constant class of a balanced classification set scores 1 / classes')
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = test.metainfo
    for sample in track(test, description='test images'):
        data_sample = sample['data_samples']
        data_sample.set_data({name: PixelData(data=torch.full_like(getattr(data_sample, truth).data, value))})
        evaluator.process([data_sample])
    scores = {name: round(float(score), 4) for name, score in evaluator.evaluate(len(test)).items()}
    print(f'constant {value:.4g}:', scores)


if __name__ == '__main__':
    main()
