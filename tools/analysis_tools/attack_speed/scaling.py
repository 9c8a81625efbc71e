"""What the cost of an attack grows with."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import mmssl_robust
from mmssl_robust.utils.config_files import find_config
from mmssl_robust.utils.errors import UserError

from .cases import pgd, segpgd
from .contest import Contest, Settings
from .models import Arch
from .timing import Times, interleave

_TEST = 'tools/test.py'
_CONFIG = 'configs/classification/mini_cifar10.py'
_HEAD = 'mmssl_robust://mini/mini_cifar10.safetensors'
_STEPS = (10, 60)  # the difference is without the start of the processes


@dataclass(frozen=True)
class Axis:
    """Something the cost grows with.

    Attributes:
        label: What it is, with its unit.
        values: Where the cost is measured.
        build: Gives the contest for a value.
    """

    label: str
    values: Sequence[int]
    build: Callable[[int], Contest]


def axes_of(settings: Settings, vit: Arch = 'dino_vits16', dense: Arch = 'dinov2_vits14') -> dict[str, Axis]:
    """Return what is varied, by name; all else stays small, so that it takes minutes.

    Args:
        settings: For all cases; ``batch_size`` is not used.
        vit: Encoder of the classifier.
        dense: Encoder of the segmentor.
    """

    def of_batch(size: int) -> Settings:
        return Settings(settings.device, size, memory=settings.memory, seed=settings.seed)

    return dict(
        size=Axis(
            'side of the image, pixels (a step of PGD)',
            (64, 96, 128, 160, 224),
            lambda side: pgd(of_batch(1), vit, side, steps=1),
        ),
        steps=Axis('steps (PGD at 64 pixels)', (1, 5, 10, 20), lambda steps: pgd(of_batch(1), vit, 64, steps)),
        batch=Axis(
            'images in a batch (a step of PGD at 64 pixels)',
            (1, 2, 4, 8, 16),
            lambda images: pgd(of_batch(images), vit, 64, steps=1),
        ),
        classes=Axis(
            'classes (SegPGD gradient, 224 pixels)',
            (10, 50, 151, 500),
            lambda classes: segpgd(of_batch(1), dense, (224, 224), 224, 112, classes),
        ),
        windows=Axis(
            'windows of 112 pixels (SegPGD gradient)',
            (1, 2, 4, 8),
            lambda windows: segpgd(of_batch(1), dense, (112, 112 + 56 * (windows - 1)), 112, 56, 151),
        ),
    )


def measure_axis(axis: Axis, seed: int, budget: float, synchronise: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Yield for each value and contender its median seconds and their spread.

    Args:
        axis: What is varied.
        seed: Of the order.
        budget: Seconds, where three repetitions take less.
        synchronise: Waits for a device.
    """
    runs = {}
    for value in axis.values:
        contest = axis.build(value)
        contest.examine()  # warms up
        runs |= {(value, name): contest.runs[name] for name in ('ours', 'textbook')}
    times = interleave(runs, budget, seed=seed, synchronise=synchronise)
    for value, name in runs:
        yield row(value, name, times, (value, name))


def measure_processes(counts: Sequence[int] = (1, 2), images: int = 24) -> Iterator[dict[str, Any]]:
    """Yield the seconds that 50 steps of PGD take on the embedded images, by number of processes on the CPU."""

    def run(processes: int, steps: int) -> Callable[[], None]:
        return lambda: launch(processes, steps, images)

    runs = {(count, steps): run(count, steps) for count in counts for steps in _STEPS}
    times = interleave(runs)
    few, many = _STEPS
    for count in counts:
        net = [long - short for long, short in zip(times.seconds[count, many], times.seconds[count, few])]
        yield row(count, 'ours', Times({count: net}), count)


def launch(processes: int, steps: int, images: int) -> None:
    """Test the mini classifier in several processes of one thread each.

    Raises:
        UserError: If they fail.
    """
    root = find_config(_TEST).parents[1]
    with tempfile.TemporaryDirectory(prefix='processes') as folder:
        settings = ['--attack', 'pgd', '--steps', str(steps), '--max-images', str(images), '--work-dir', folder]
        command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={processes}']
        command += [str(root / _TEST), str(find_config(_CONFIG)), _HEAD, '--launcher', 'pytorch', *settings]
        assets = Path(mmssl_robust.__file__).parent / 'assets' / 'samples'
        environment = os.environ | dict(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='', DATA_ROOT=str(assets))
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['no message']
        reason = next((line for line in lines if 'error: ' in line.lower()), lines[-1])
        raise UserError(f'{processes} processes failed: {reason}')


def row(value: int, contender: str, times: Times, name: Any) -> dict[str, Any]:
    """Return a line of the table."""
    seconds = pd.Series(times.seconds[name])
    low, median, high = seconds.quantile([0.1, 0.5, 0.9])
    return dict(value=value, contender=contender, seconds=median, low=low, high=high, repeats=len(seconds))
