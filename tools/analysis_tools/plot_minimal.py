"""Robustness curves from one run of an attack that seeks each image's smallest perturbation, beside a sweep of PGD.

Prints for each the passes of an image, the median size, the area below the curve, and its optimality: what it takes
away of the images, over what the best of all for each image does. The sweep has as many passes as the first attack may
have.

Examples:
    python tools/analysis_tools/plot_minimal.py configs/classification/mini_cifar10.py \
        mmssl_robust://mini/mini_cifar10.safetensors --attack minimal minimal-fab --max-images 40 --out curve.png
    python tools/analysis_tools/plot_minimal.py CONFIG CHECKPOINT --norm l2 --eps 2 --sweep 0.25 0.5 1 2 --out curve.svg
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.attack_settings import written
from mmssl_robust.attacks import Attack
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.datasets.tolerant import TolerantDataset
from mmssl_robust.evaluation.smallest import Smallest
from mmssl_robust.evaluation.walk import victims_in
from mmssl_robust.presets import changed_all, load_preset, preset_name
from mmssl_robust.robustness_curve import area_below, median_size, optimality
from mmssl_robust.utils.arguments import Parser, integer
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.config_values import check_sections
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.given_weights import build_with_weights
from mmssl_robust.utils.numbers import parse_number
from mmssl_robust.utils.quiet import hush_terminal
from mmssl_robust.utils.shared_arguments import add_common_arguments
from mmssl_robust.utils.terminal import console
from mmssl_robust.victims import Victim
from mmssl_robust.visualization.figure_files import check_figure, write_figure
from mmssl_robust.visualization.robustness_curves import draw_curves

SWEEP = 'sweep of pgd'
_SECTIONS = ('model', 'test_dataloader')
_RADII = 10


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='path or URL of the weights, as of tools/test.py')
    parser.add_argument('--attack', nargs='+', default=['minimal'], metavar='NAME', help='of the kind minimal')
    parser.add_argument('--norm', help='linf, l2 or l1')
    parser.add_argument('--eps', help='the largest size that is tried')
    parser.add_argument('--steps', type=integer(1))
    parser.add_argument('--seed', type=integer(0))
    parser.add_argument('--sweep', nargs='+', metavar='EPS', help='sizes that PGD tries; default 10, closer near 0')
    parser.add_argument('--max-images', type=integer(1), default=16, help='take this many, evenly spread')
    parser.add_argument('--batch-size', type=integer(1), default=8)
    parser.add_argument('--out', type=Path, required=True, help='file of the picture, such as curve.png')
    return parser.parse_args()


def attacks_of(args: argparse.Namespace) -> dict[str, Attack]:
    """The attacks by name, with the settings of the command line."""
    changes = {name: getattr(args, name) for name in ('norm', 'eps', 'steps', 'seed')}
    presets = changed_all({preset_name(name): load_preset(name) for name in args.attack}, changes)
    attacks = {name: build_attack(preset) for name, preset in presets.items()}
    found: dict[str, Attack] = {}
    for name, attack in attacks.items():
        if not isinstance(attack, Attack) or attack.kind != 'minimal':
            raise UserError(f'{name} does not seek smallest perturbations: use minimal, minimal-embed or minimal-fab')
        found[name] = attack
    budgets = {attack.settings.budget for attack in found.values()}
    if len(budgets) > 1:
        raise UserError('the attacks differ in norm or eps: give --eps, and --norm')
    return found


def radii_of(args: argparse.Namespace, eps: float) -> list[float]:
    """What the sweep tries, none larger than the attacks do."""
    if not args.sweep:
        return [eps * (number / _RADII) ** 2 for number in range(1, _RADII + 1)]
    radii = [parse_number(text, '--sweep') for text in args.sweep]
    if min(radii) <= 0 or max(radii) > eps:
        raise UserError(f'--sweep {" ".join(args.sweep)}: give sizes above 0, and at most {eps:.4g}')
    return radii


def batches_of(cfg: Config, args: argparse.Namespace) -> Iterator[Victim]:
    """The model with a batch of images at a time."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
        model = build_with_weights(cfg, args.config, args.checkpoint, args.cfg_options)
        data = TolerantDataset(cfg.test_dataloader.dataset, max_images=args.max_images)
    yield from victims_in(model, data, range(len(data.indices)), args.batch_size, 'batches')


def show(found: dict[str, Smallest], norm: str, eps: float) -> None:
    """Print what each has found."""
    best = np.min([one.sizes for one in found.values()], axis=0)
    end = float(best.max()) if np.isfinite(best).all() else eps
    table = Table(title=f'{len(best)} images, areas up to {written(end, norm)}', box=SIMPLE)
    for column in ('', 'passes', 'median', 'withstand', 'area', 'optimality'):
        table.add_column(column, justify='left' if not column else 'right')
    for name, one in found.items():
        median = median_size(one.sizes)
        cells = (
            f'{np.mean(one.passes):.0f}',
            f'> {written(eps, norm)}' if median is None else written(median, norm),
            f'{np.mean(np.isinf(one.sizes)):.1%}',
            written(area_below(one.sizes, end), norm),
            f'{optimality(one.sizes, best, end):.3f}',
        )
        table.add_row(name, *cells)
    console.print(table)


@one_line_errors
def main() -> None:
    args = parse_args()
    check_figure(args.out, '--out')
    hush_terminal(MMLogger.get_current_instance(), progress=False)
    attacks, cfg = attacks_of(args), load_config(args)
    check_sections(cfg, args.config, _SECTIONS)
    first = next(iter(attacks.values()))
    radii = radii_of(args, first.eps)
    steps = max(first.passes // (2 * len(radii)), 1)
    found = {name: Smallest() for name in (*attacks, SWEEP)}
    with config_errors(cfg, args.config, _SECTIONS):
        share_thresholds(cfg)
        for victim in batches_of(cfg, args):
            for name, attack in attacks.items():
                found[name].seek(victim, attack)
            found[SWEEP].sweep(victim, first, radii, steps)
    show(found, first.norm, first.eps)
    sought = {name: found[name].sizes for name in attacks}
    write_figure(draw_curves(sought, {SWEEP: (found[SWEEP].sizes, radii)}, first.norm, first.eps), args.out)
    console.print(str(args.out))


if __name__ == '__main__':
    main()
