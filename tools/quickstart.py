"""Robustness of the embedded mini encoder on three tasks, in about three minutes on two CPU cores.

Runs tools/test.py on the embedded photographs: clean, EmbedAttack and the task's own attack.

Example:
    python tools/quickstart.py --out work_dirs/quickstart
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.evaluation.report import write_json
from mmssl_robust.utils.checkpoint import ASSETS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import console

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Task:
    """One row of the table: a config, its head, its attack and the metric to show."""

    name: str
    data: str
    config: str
    attack: str
    metric: str
    label: str
    images: int

    @property
    def head(self) -> str:
        """The checkpoint that ships with the package."""
        return f'mmssl_robust://mini/{Path(self.config).stem}.safetensors'


TASKS = (
    Task('classification', 'CIFAR-10', 'configs/classification/mini_cifar10.py', 'pgd', 'accuracy/top1', 'top-1 %', 60),
    Task('segmentation', 'CamVid', 'configs/segmentation/mini_camvid.py', 'segpgd', 'mIoU', 'mIoU %', 6),
    Task('depth', 'HoloLens', 'configs/depth/mini_hololens.py', 'depthpgd', 'rmse', 'RMSE m', 8),
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/quickstart'), help='folder for JSON and pictures')
    parser.add_argument('--steps', type=int, default=20, help='attack steps')
    parser.add_argument('--images', type=int, help='images for each task at most')
    parser.add_argument('--show-images', type=int, default=4, help='pictures for each task')
    return parser.parse_args()


def evaluate(task: Task, args: argparse.Namespace) -> dict:
    """Run tools/test.py for one task and return its JSON."""
    report = args.out / f'{task.name}.json'
    images = min(task.images, args.images or task.images)
    command = [sys.executable, str(ROOT / 'tools/test.py'), str(ROOT / task.config), task.head]
    command += ['--attack', 'embed', task.attack, '--steps', str(args.steps), '--max-images', str(images)]
    command += ['--out', str(report), '--work-dir', str(args.out / 'logs' / task.name)]
    command += ['--show-dir', str(args.out / 'pictures' / task.name), '--show-images', str(args.show_images)]
    environment = os.environ | {'DATA_ROOT': str(ASSETS / 'samples')}
    log = args.out / f'{task.name}.log'
    with open(log, 'w') as file:
        code = subprocess.run(command, env=environment, stdout=file, stderr=subprocess.STDOUT).returncode
    if code:
        raise UserError(f'{task.name} failed: {log.read_text().strip().splitlines()[-1]} (all of it in {log})')
    return json.loads(report.read_text())


def table_of(results: dict[str, dict]) -> Table:
    table = Table(
        title='Mini encoder, Linf, eps 8/255', caption='For RMSE, higher is worse.', box=SIMPLE, pad_edge=False
    )
    for column in ('task', 'data', 'images', 'metric', 'clean', 'embed', 'own attack'):
        table.add_column(column, justify='left' if column in ('task', 'data', 'metric') else 'right', no_wrap=True)
    for task in TASKS:
        result = results[task.name]
        values = [result['metrics'][f'{prefix}{task.metric}'] for prefix in ('', 'embed/', f'{task.attack}/')]
        shown = [f'{value:.2f}' for value in values]
        shown[-1] = f'{task.attack} {shown[-1]}'
        table.add_row(task.name, task.data, str(result['images']), task.label, *shown)
    return table


@one_line_errors
def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    summary = args.out / 'quickstart.json'
    summary.unlink(missing_ok=True)
    start = time.monotonic()
    results = {}
    for number, task in enumerate(TASKS, 1):
        doing = f'{number} of {len(TASKS)}: {task.name}, clean + embed + {task.attack}'
        with console.status(doing):  # moves on a terminal
            results[task.name] = evaluate(task, args)
        console.print(f'{doing}, done after {time.monotonic() - start:.0f} s')
    write_json(results, summary)
    console.print(table_of(results))
    console.print(f'Figures: {summary}. Pictures: {args.out / "pictures"}', soft_wrap=True)


if __name__ == '__main__':
    main()
