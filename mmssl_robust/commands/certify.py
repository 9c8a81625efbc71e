"""Certify a smoothed model: what no perturbation of an L2 norm can change, image by image, by randomised smoothing."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import copy
from contextlib import nullcontext
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import MMLogger
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.benchmark.certificates.cost import costs_of
from mmssl_robust.benchmark.certificates.run import Certification, Plan
from mmssl_robust.benchmark.certificates.summary import Level, levels_of, rows_of
from mmssl_robust.benchmark.schema import as_csv
from mmssl_robust.benchmark.statistics import NONE, Estimate
from mmssl_robust.certified import Smoothing
from mmssl_robust.evaluation.summary import cpu_name, library_versions
from mmssl_robust.tasks import Task
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.config_values import TEST_SECTIONS, check_sections
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_folder, whole_file
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.launch import init_processes, leave_process_group
from mmssl_robust.utils.numbers import check_number
from mmssl_robust.utils.sole_writer import sole_writer
from mmssl_robust.utils.state_dict import read_weights
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.wording import counted

SCHEMA_VERSION = 1
"""Of ``summary.json``."""
_DEFAULT_RADII = (0, 0.25, 0.5, 0.75, 1, 1.5, 2)  # of sigma


def radii_of(args: argparse.Namespace, smoothing: Smoothing) -> list[float]:
    """L2 radii that the command line says, in their order.

    Raises:
        UserError: If a number means nothing.
    """
    if args.tau:
        if not all(0.5 <= tau < 1 for tau in args.tau):
            raise UserError(f'--tau {" ".join(f"{tau:g}" for tau in args.tau)}: give shares from 0.5 to below 1')
        radii = [smoothing.radius(tau) for tau in args.tau]
    else:
        radii = args.radii or [share * args.sigma for share in _DEFAULT_RADII]
        for radius in radii:
            check_number(radius, '--radii', least=0)
    return sorted(set(radii))


def run(args: argparse.Namespace) -> None:
    """Certify what is missing, show and write the scores."""
    MMLogger.get_instance('certify', log_level='ERROR')
    smoothing = Smoothing(args.sigma, args.n0, args.n, args.alpha, args.seed)
    radii = radii_of(args, smoothing)
    cfg = load_config(args)
    check_sections(cfg, args.config)
    batch_size = args.batch_size or cfg.test_dataloader.batch_size
    plan = Plan(smoothing, radii, batch_size, args.max_images, args.on_corrupt)
    folder = Path(args.work_dir or Path('work_dirs/certified') / f'{Path(args.config).stem}-sigma{args.sigma:g}')
    check_folder(folder, '--work-dir')
    register_safe_loaders()
    device = init_processes('none' if args.dry_run else args.launcher)
    with config_errors(cfg, args.config, TEST_SECTIONS), going_on_later():
        certify(cfg, args, plan, folder, device)
    leave_process_group()


def certify(cfg: Config, args: argparse.Namespace, plan: Plan, folder: Path, device: str) -> None:
    """Certify as the command line says."""
    weights = read_weights(args.checkpoint, args.weights) if args.checkpoint else None
    own = copy.deepcopy(cfg)  # OpenMMLab's builders take their arguments out of the config
    certification = Certification(
        own, args.config, weights, args.checkpoint or '', plan, folder, device, args.cfg_options
    )
    certification.store.check(certification.settings)
    if is_main_process():
        console.print(costs_of(certification, cfg if args.dry_run else None, args.tflops), soft_wrap=True)
    if args.dry_run:
        return
    with sole_writer(folder) if is_main_process() else nullcontext():
        skipped = certification.run()
        if is_main_process():
            finish(args, certification, skipped)


def finish(args: argparse.Namespace, certification: Certification, skipped: list[str]) -> None:
    """Score all images, print the table and write ``summary.json`` and ``images.csv``."""
    records = certification.records()
    if not records:
        raise UserError(f'no image could be read: {skipped[0] if skipped else "the data set is empty"}')
    levels = levels_of(records, certification.certifier)
    console.print(table_of(levels, certification, f'{args.config}, {counted(len(records), "image")}'))
    if skipped:
        console.print(f'{counted(len(skipped), "image")} skipped, the first: {skipped[0]}')
    summary = dict(
        schema_version=SCHEMA_VERSION,
        levels=[level.as_dict() for level in levels],
        images=len(records),
        skipped=skipped,
        settings=certification.settings,
        passes=sum(record['passes'] for record in records),
        seconds=sum(record['seconds'] for record in records),
        config=args.config,
        checkpoint=args.checkpoint,
        processes=get_world_size(),
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else cpu_name(),
        libraries=library_versions(),
    )
    folder = certification.store.folder
    with whole_file(folder / 'images.csv') as partial:
        partial.write_text(as_csv(rows_of(records)), encoding='utf-8')
    write_json(summary, folder / 'summary.json')
    console.print(f'{folder}/summary.json, images.csv', soft_wrap=True)


def table_of(levels: list[Level], certification: Certification, title: str) -> Table:
    """A row for the model without noise, and one for each radius."""
    plan, task = certification.plan, certification.certifier.task
    smoothing = plan.smoothing
    caption = (
        f'sigma {smoothing.sigma:g}, {counted(certification.certifier.draws, "draw")} an image. Each certificate holds '
        f'with probability {1 - smoothing.alpha:g}, for the smoothed model; [95 % intervals] are over images.'
    )
    table = Table(title=title, caption=caption, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column('L2 radius')
    names = list(levels[-1].scores)
    for name in (*names, 'abstains %'):
        table.add_column(name, justify='right')
    for level in levels:
        shown = [_cell(task, name, level.scores.get(name)) for name in names]
        where = 'no noise' if level.radius is None else f'{level.radius:.4g}'
        table.add_row(where, *shown, '' if level.radius is None else f'{level.abstained:.1f}')
    return table


def _cell(task: Task, name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return ''
    decimals = task.metric_named(name.removesuffix('_bound')).decimals
    value, low, high = (f'{part:.{decimals}f}' for part in (estimate.value, estimate.low, estimate.high))
    return value if estimate.method == NONE else f'{value} \\[{low}, {high}]'
