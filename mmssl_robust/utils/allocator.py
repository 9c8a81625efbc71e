"""How much main memory there is, and what the C library does with freed memory."""

import ctypes
import os
from pathlib import Path

import torch

from .memory_errors import address_space

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGE = 2 * 2**20  # bytes; smaller ones would cost more time than they are worth
_KEPT = 32 * 2**20  # the largest threshold that glibc comes to by itself

_changed = False
# What a container may have, in control groups of version 2 and 1.
_LIMITS = tuple(map(Path, ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes')))


def main_memory() -> int:
    """Return the bytes of main memory that this machine has, or its container or process may have."""
    limits = [os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'), *filter(None, [address_space()])]
    for path in _LIMITS:
        text = path.read_text().strip() if path.is_file() else ''
        if text.isdigit():  # otherwise "max"
            limits.append(int(text))
    return min(limits)


def return_freed_memory(device: torch.device, wanted: bool) -> None:
    """Have glibc return large tensors to the system when they are freed, or keep them, as it learns to by itself.

    It keeps up to 32 MiB at a time, in pieces, with which a process grows that makes many. Memory of its heap that is
    free is taken before the system's, so this must come before there is much. Nothing happens on a GPU, where the C
    library is another, and where the environment has a threshold.

    Args:
        device: Where the tensors are.
        wanted: Whether to return those of 2 MiB and more, for a few percent of the time; False undoes it.
    """
    global _changed
    if device.type != 'cpu' or os.name != 'posix' or not (wanted or _changed) or _chosen_by_user():
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        threshold = _LARGE if wanted else _KEPT
        mallopt(_M_MMAP_THRESHOLD, threshold)
        mallopt(_M_TRIM_THRESHOLD, 2 * threshold)
        _changed = True


def _chosen_by_user() -> bool:
    return any(name in os.environ for name in ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES'))
