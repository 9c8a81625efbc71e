"""Robustness of the embedded mini encoders, standard and robust, on three tasks."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product

from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.config_files import find_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.progress import progress_lines
from mmssl_robust.utils.terminal import console

# What to call an encoder, the folder in which it ships with its heads, and how its configs begin.
ENCODERS = {'standard': ('mini', 'mini'), 'DeACL': ('mini_deacl', 'mini'), 'task-aware': ('mini_robust', 'mini_wide')}
# Evaluations at a time, which share the cores: while one starts, the other computes.
JOBS = 2


@dataclass(frozen=True)
class Task:
    """Data, an attack, the metric to show and the number of images."""

    name: str
    data: str
    attack: str
    metric: str
    label: str
    images: int


TASKS = (
    Task('classification', 'CIFAR-10', 'pgd', 'accuracy/top1', 'top-1 %', 40),
    Task('segmentation', 'CamVid', 'segpgd', 'mIoU', 'mIoU %', 2),
    Task('depth', 'HoloLens', 'depthpgd', 'rmse', 'RMSE m', 8),
)


def evaluate(task: Task, encoder: str, args: argparse.Namespace) -> dict:
    """Run `mmssl-robust test` for one task and encoder and return its JSON."""
    folder, arch = ENCODERS[encoder]
    data = task.data.lower().replace('-', '')
    assets, out = f'mmssl_robust://{folder}', args.out / encoder
    report, log = out / f'{task.name}.json', out / f'{task.name}.log'
    images = min(task.images, args.images or task.images)
    config, head = find_config(f'configs/{task.name}/{arch}_{data}.py'), f'{assets}/mini_{data}.safetensors'
    command = [sys.executable, '-m', 'mmssl_robust', 'test', str(config), head]
    command += ['--attack', 'embed', task.attack, '--steps', str(args.steps), '--max-images', str(images)]
    command += ['--out', str(report), '--work-dir', str(out / 'logs' / task.name)]
    command += ['--show-dir', str(args.out / 'pictures' / encoder / task.name), '--show-images', str(args.show_images)]
    command += ['--cfg-options', f'model.backbone.init_cfg.checkpoint={assets}/encoder.safetensors']
    threads = max(int(os.environ.get('OMP_NUM_THREADS', os.cpu_count() or 1)) // JOBS, 1)
    environment = os.environ | {'DATA_ROOT': str(ASSETS / 'samples'), 'OMP_NUM_THREADS': str(threads)}
    out.mkdir(parents=True, exist_ok=True)
    with open(log, 'w') as file:
        code = subprocess.run(command, env=environment, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        raise UserError(f'{task.name} failed: {log.read_text().strip().splitlines()[-1]} (all of it in {log})')
    return json.loads(report.read_text())


def evaluate_all(args: argparse.Namespace) -> dict[str, dict[str, dict]]:
    """Encoder -> task -> JSON, with a line for each evaluation that is done."""
    start, finished = time.monotonic(), 0
    results: dict[str, dict[str, dict]] = {encoder: {} for encoder in ENCODERS}
    pool = ThreadPoolExecutor(JOBS)
    jobs = {pool.submit(evaluate, task, name, args): (name, task) for task, name in product(TASKS, ENCODERS)}
    try:
        # The one moves on a terminal, the other tells elsewhere.
        with console.status('attacking'), progress_lines('quickstart', lambda: (finished, len(jobs))):
            for number, job in enumerate(as_completed(jobs), 1):
                encoder, task = jobs[job]
                results[encoder][task.name] = job.result()
                finished = number
                done = f'{number} of {len(jobs)}: {task.name}, {encoder} encoder, clean + embed + {task.attack}'
                console.print(f'{done}, done after {time.monotonic() - start:.0f} s')
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def table_of(results: dict[str, dict[str, dict]]) -> Table:
    """Clean and attacked metrics of each task and encoder."""
    table = Table(
        title='Mini encoders, Linf, eps 8/255', caption='For RMSE, higher is worse.', box=SIMPLE, pad_edge=False
    )
    for column in ('data', 'images', 'metric', 'encoder', 'clean', 'embed', 'own attack'):
        table.add_column(column, justify='left' if column in ('data', 'metric', 'encoder') else 'right', no_wrap=True)
    for task, encoder in product(TASKS, ENCODERS):
        result = results[encoder][task.name]
        values = [result['metrics'][f'{prefix}{task.metric}'] for prefix in ('', 'embed/', f'{task.attack}/')]
        shown = [f'{value:.2f}' for value in values]
        shown[-1] = f'{task.attack} {shown[-1]}'
        table.add_row(task.data, str(result['images']), task.label, encoder, *shown)
    return table


def run(args: argparse.Namespace) -> None:
    """Evaluate, write the figures and show them."""
    args.out.mkdir(parents=True, exist_ok=True)
    summary = args.out / 'quickstart.json'
    summary.unlink(missing_ok=True)
    results = evaluate_all(args)
    write_json(results, summary)
    console.print(table_of(results))
    console.print(f'Figures: {summary}. Pictures: {args.out / "pictures"}', soft_wrap=True)
