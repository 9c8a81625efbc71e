"""Robustness of the embedded mini encoders, standard and robust, on three tasks."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import json
import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.config_files import find_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.progress import progress_lines
from mmssl_robust.utils.terminal import console

from .quickstart_worker import prepare, run_logged

# What to call an encoder, the folder in which it ships with its heads, and how its configs begin.
ENCODERS = {'standard': ('mini', 'mini'), 'DeACL': ('mini_deacl', 'mini'), 'task-aware': ('mini_robust', 'mini_wide')}
# Processes that evaluate side by side and share the cores; each imports OpenMMLab once, which takes seconds.
JOBS = 2
START = 'spawn'


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


def command_of(task: Task, encoder: str, args: argparse.Namespace) -> list[str]:
    """What one would type to evaluate an encoder on a task."""
    folder, arch = ENCODERS[encoder]
    data = task.data.lower().replace('-', '')
    assets, out = f'mmssl_robust://{folder}', args.out / encoder
    images = min(task.images, args.images or task.images)
    command = ['test', str(find_config(f'configs/{task.name}/{arch}_{data}.py')), f'{assets}/mini_{data}.safetensors']
    command += ['--attack', 'embed', task.attack, '--steps', str(args.steps), '--max-images', str(images)]
    command += ['--out', str(out / f'{task.name}.json'), '--work-dir', str(out / 'logs' / task.name)]
    command += ['--show-dir', str(args.out / 'pictures' / encoder / task.name), '--show-images', str(args.show_images)]
    return command + ['--cfg-options', f'model.backbone.init_cfg.checkpoint={assets}/encoder.safetensors']


def result_of(job: Future[int], task: Task, out: Path) -> dict:
    """The JSON of an evaluation that has ended.

    Raises:
        UserError: If it failed; with its last line.
    """
    try:
        code = job.result()
    except BrokenProcessPool:  # of whichever job, all others end with it
        raise UserError(f'the system ended a process (is there memory enough?): see the logs in {out.parent}') from None
    if code:
        log = out / f'{task.name}.log'
        raise UserError(f'{task.name} failed: {log.read_text().strip().splitlines()[-1]} (all of it in {log})')
    return json.loads((out / f'{task.name}.json').read_text())


@contextmanager
def started_quietly() -> Iterator[bool]:
    """Let processes that start meanwhile ignore Ctrl-C until they are ready; says whether it shall end them then."""
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield usual is not signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def submit_all(args: argparse.Namespace) -> tuple[ProcessPoolExecutor, dict[Future[int], tuple[str, Task]]]:
    """Start the processes and hand them the evaluations, the long ones first: none is waited for at the end."""
    threads = max(torch.get_num_threads() // JOBS, 1)
    environment = dict(DATA_ROOT=str(ASSETS / 'samples'), OMP_NUM_THREADS=str(threads))
    jobs = {}
    with started_quietly() as stoppable:
        pool = ProcessPoolExecutor(JOBS, multiprocessing.get_context(START), prepare, (environment, stoppable))
        for task, name in reversed(list(product(TASKS, ENCODERS))):
            (args.out / name).mkdir(parents=True, exist_ok=True)
            log = args.out / name / f'{task.name}.log'
            jobs[pool.submit(run_logged, command_of(task, name, args), log)] = (name, task)
    return pool, jobs


def evaluate_all(args: argparse.Namespace) -> dict[str, dict[str, dict]]:
    """Encoder -> task -> JSON, with a line for each evaluation that is done."""
    start, finished = time.monotonic(), 0
    results: dict[str, dict[str, dict]] = {encoder: {} for encoder in ENCODERS}
    pool, jobs = submit_all(args)
    try:
        # The one moves on a terminal, the other tells elsewhere.
        with console.status('attacking'), progress_lines('quickstart', lambda: (finished, len(jobs))):
            for number, job in enumerate(as_completed(jobs), 1):
                encoder, task = jobs[job]
                results[encoder][task.name] = result_of(job, task, args.out / encoder)
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
