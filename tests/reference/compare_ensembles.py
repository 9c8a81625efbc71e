"""Does a single attack of as many passes as an ensemble gain over it, on any image?

The rivals are plain PGD, with steps of eps / 4 and every pass that the ensemble spent on one start, on losses of their
own; what they reach is judged by the ensemble's score. The models are those that ship with the package, the images are
evenly spread over a data set's test split (CIFAR-10, CamVid, NYU-Depth-v2 at half its size, see docs/datasets.md).

Gain: of the RMSE in %; of the pixel accuracy in points; 100 for a class that the rival alone has changed.

    DATA_ROOT=data python tests/reference/compare_ensembles.py depth --eps 4/255 --images 8 --steps 40
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import Tensor

from mmssl_robust.attacks import (
    PGD,
    CosPGDLoss,
    CrossEntropy,
    DepthLoss,
    DepthRMSE,
    Ensemble,
    Margin,
    Objective,
    SegPGDLoss,
    TargetedCrossEntropy,
    TargetedMargin,
)
from mmssl_robust.attacks.objectives.depth import DepthObjective
from mmssl_robust.benchmark.resolved_row import local_file
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.tolerant import TolerantDataset, spread, tolerant_collate
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.config_files import read_config
from mmssl_robust.utils.state_dict import load_weights, read_weights
from mmssl_robust.victims import Victim, build_victim

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
TASKS = dict(
    classification=('classification/mini_cifar10.py', 'autoattack'),
    segmentation=('segmentation/mini_camvid.py', 'sea'),
    depth=('depth/mini_nyu.py', 'depth-ensemble'),
)


class MeanDepth(DepthObjective):
    """The mean predicted depth, or minus it: no truth is in it."""

    def __init__(self, sign: int, **limits: float) -> None:
        super().__init__(**limits)
        self.sign = sign

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        return self.sign * self.mean(outputs, targets)


RIVALS: dict[str, dict[str, Callable[[], Objective]]] = dict(
    classification={'cross-entropy': CrossEntropy, 'margin': Margin, 'next class': TargetedMargin},
    segmentation={
        'CosPGD': CosPGDLoss,
        'SegPGD': SegPGDLoss,
        'least likely class': TargetedCrossEntropy,
        'class 1': lambda: TargetedCrossEntropy(1),
        'class 5': lambda: TargetedCrossEntropy(5),
    },
    depth={
        'all far': lambda: MeanDepth(1),
        'all near': lambda: MeanDepth(-1),
        'squared error': DepthRMSE,
        "paper's loss": DepthLoss,
    },
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('task', choices=TASKS)
    parser.add_argument('--encoder', choices=['mini', 'mini_deacl'], default='mini')
    parser.add_argument('--eps', default='4/255')
    parser.add_argument('--images', type=int, default=8)
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--steps', type=int, default=40, help='of each member of the ensemble')
    parser.add_argument('--rivals', nargs='+', help='names of some of them; default all')
    parser.add_argument('--threads', type=int, default=1, help='of the CPU')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def victims(task: str, encoder: str, images: int, batch_size: int, device: str) -> Iterator[Victim]:
    """Yield the model with a batch of images at a time."""
    cfg = read_config(CONFIGS / TASKS[task][0])
    cfg.model.backbone.init_cfg.checkpoint = f'mmssl_robust://{encoder}/encoder.safetensors'
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model, data = MODELS.build(cfg.model), TolerantDataset(cfg.test_dataloader.dataset)
    head = local_file(f'mmssl_robust://{encoder}/{Path(TASKS[task][0]).stem}.safetensors')
    load_weights(model, read_weights(head), head)
    model.eval().requires_grad_(False).to(device)
    places = spread(len(data.indices), images)
    for first in range(0, len(places), batch_size):
        yield build_victim(model, tolerant_collate([data[place] for place in places[first : first + batch_size]]))


def ensemble_of(task: str, eps: str, steps: int) -> Ensemble:
    settings: dict[str, Any] = dict(eps=eps, steps=steps)
    if task == 'classification':
        settings['queries'] = 50 * steps  # the proportion of the standard version
    return build_attack(load_preset(TASKS[task][1]) | settings)


def scores(victim: Victim, ensemble: Ensemble, rivals: dict[str, Callable[[], Objective]]) -> dict[str, list[float]]:
    """Name -> what is left of each image by the ensemble's score: clean, under each member, all of them, each rival."""
    judge = next(iter(ensemble.members.values()))

    def judged(images: Tensor) -> list[float]:
        return victim.objective_values(judge, images).score.tolist()

    found, results = dict(clean=judged(victim.pixels)), list(victim.runs(ensemble))
    found |= {f'its {name}' if name else 'ensemble': judged(result.adv) for name, _, result in results}
    passes = int((results[-1][2].forwards + results[-1][2].backwards).max())
    for name, objective in rivals.items():
        attack = PGD(objective(), eps=ensemble.eps, step_size=None, steps=max(passes // 2, 1))
        found[f'{name}, {passes} passes'] = judged(victim.attack(attack).adv)
    return found


def gain(task: str, ensemble: float, rival: float) -> float:
    return 100 * (rival / ensemble - 1) if task == 'depth' else 100 * (ensemble - rival)


def main() -> None:
    args = parse_args()
    MMLogger.get_instance('compare', log_level='ERROR')
    torch.set_num_threads(args.threads)
    register_safe_loaders()
    ensemble, rivals = ensemble_of(args.task, args.eps, args.steps), RIVALS[args.task]
    rivals = {name: rivals[name] for name in args.rivals or rivals}
    print(f'{args.task}, {args.encoder}, eps {args.eps}, {args.steps} steps: at most {ensemble.passes} passes an image')
    largest = dict.fromkeys(rivals, -math.inf)
    for victim in victims(args.task, args.encoder, args.images, args.batch_size, args.device):
        start = time.perf_counter()
        found = scores(victim, ensemble, rivals)
        print('image', *(f'{key:>8}' for key in victim.keys), f'  {time.perf_counter() - start:.0f} s', sep=' ')
        for name, values in found.items():
            rival = name.rpartition(', ')[0]
            best = max(gain(args.task, *pair) for pair in zip(found['ensemble'], values))
            if rival:
                largest[rival] = max(largest[rival], best)
            print(*(f'{abs(value):9.4f}' for value in values), f' {name}' + f'  largest gain {best:+.2f}' * bool(rival))
        print(end='', flush=True)
    summary = ', '.join(f'{name} {value:+.2f}' for name, value in largest.items())
    print(f'largest gains over the ensemble on any image: {summary}')


if __name__ == '__main__':
    main()
