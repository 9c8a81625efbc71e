"""Peak memory of a SegPGD gradient, measured in a process of its own."""

import argparse
import contextlib
import itertools
import json
import math
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from mmssl_robust.utils.arguments import integer
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import gemm_route

from . import models
from .cases.dense_tasks import LEAST_MEMORY, segpgd_gradient, textbook_segpgd
from .engine import victim_of

GRIDS = {1: (1, 1), 3: (1, 3), 9: (3, 3), 18: (3, 6)}
"""Rows and columns of so many windows."""

_CLASSES = 151


def measure(
    contender: str, windows: int, device: str, memory: str | None, threads: int, arch: str = 'dinov2_vitb14'
) -> dict[str, float]:
    """Start a process that takes one gradient, and return its peak above the loaded model and data.

    Args:
        contender: ``'ours'`` or ``'textbook'``.
        windows: A key of :data:`GRIDS`.
        device: Where it runs.
        memory: The package's budget.
        threads: Of the CPU.
        arch: The encoder.

    Returns:
        ``mib``; ``live``, the part of it in tensors (the rest is what the allocator does not give back); ``seconds``.

    Raises:
        UserError: If the process fails, such as for want of memory.
    """
    arguments = [contender, str(windows), '--device', device, '--arch', arch, '--threads', str(threads)]
    command = [sys.executable, '-m', __name__, *arguments, *(['--memory', memory] if memory else [])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f'exit code {done.returncode}, out of memory?']
        raise UserError(f'cannot measure the memory of {contender} on {windows} windows: {reason[0]}')
    return json.loads(done.stdout.splitlines()[-1])


def problem(
    windows: int, arch: models.Arch, crop: int, stride: int, device: str
) -> tuple[nn.Module, dict, models.Size]:
    """Return a segmentor, a batch of one image with so many windows, and the image's size: nothing is padded."""
    rows, columns = GRIDS[windows]
    size = (crop + (rows - 1) * stride, crop + (columns - 1) * stride)
    torch.manual_seed(0)
    model = models.segmentor(arch, crop, stride, _CLASSES).to(device)
    return model, models.segmentation_batch(1, size, _CLASSES), size


def peak(
    contender: str, windows: int, device: str, memory: str | None, arch: models.Arch, crop: int = 518, stride: int = 350
) -> dict[str, float]:
    """Take one gradient in this process and return its peak in MiB above what was there before, see :func:`measure`."""
    model, batch, size = problem(windows, arch, crop, stride, device)
    victim = victim_of(model, batch, memory)
    gradient = textbook_segpgd(victim, size) if contender == 'textbook' else segpgd_gradient(victim)
    if device.startswith('cuda'):
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        gradient(victim.pixels)
        mib = (torch.cuda.max_memory_allocated() - before) / 2**20
        return dict(mib=mib, live=mib)
    before = resident_mib()
    forget_peak()
    enough = windows + 3 if memory == LEAST_MEMORY else math.inf
    # One window to see what it saves, and all of them; then two are computed again, which those that follow repeat.
    with (
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler,
        contextlib.suppress(_Enough),
        _limited(model.backbone, enough),
    ):
        gradient(victim.pixels)
    mib = peak_mib() - before
    return dict(mib=mib, live=live_mib(profiler))


class _Enough(Exception):
    """The peak is passed."""


@contextlib.contextmanager
def _limited(encoder: nn.Module, windows: float) -> Iterator[None]:
    """Let the encoder have so many windows and no more."""
    left = windows

    def count(_: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        nonlocal left
        left -= len(args[0])
        if left < 0:
            raise _Enough

    handle = encoder.register_forward_pre_hook(count)
    try:
        yield
    finally:
        handle.remove()


def resident_mib() -> float:
    """Return the memory that this process holds."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def live_mib(profiler: profile) -> float:
    """Return the most that tensors made under a profiler have held at once."""
    events = profiler.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == '[memory]')
    return max(itertools.accumulate(change for _, change in changes), default=0) / 2**20


def forget_peak() -> None:
    """Let the peak be what is held now (Linux)."""
    Path('/proc/self/clear_refs').write_text('5')


def peak_mib() -> float:
    """Return the most that this process has held."""
    # Linux hands the peak of the process that started it on to ru_maxrss.
    found = re.search(r'VmHWM:\s*(\d+) kB', Path('/proc/self/status').read_text())
    return int(found[1]) / 2**10 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Print the peak and the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('contender', choices=('ours', 'textbook'))
    parser.add_argument('windows', type=int, choices=GRIDS)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--arch', default='dinov2_vitb14')
    parser.add_argument('--memory')
    parser.add_argument('--threads', type=integer(1), default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.device.startswith('cuda'):
        torch.cuda.set_device(args.device)
    start = time.perf_counter()
    # Only to be done sooner: both routes allocate the same.
    with gemm_route('fast-fp32'):
        found = peak(args.contender, args.windows, args.device, args.memory, args.arch)
    print(json.dumps(found | dict(seconds=time.perf_counter() - start)))


if __name__ == '__main__':
    main()
