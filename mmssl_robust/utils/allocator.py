"""What the C library does with freed memory."""

import ctypes
import os

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGE = 2 * 2**20  # bytes; smaller ones would cost more time than they are worth
_KEPT = 32 * 2**20  # the largest threshold that glibc comes to by itself


def return_freed_memory(device: torch.device, wanted: bool) -> None:
    """Have glibc return large tensors to the system when they are freed, or keep them, as it learns to by itself.

    It keeps up to 32 MiB at a time, in pieces, with which a process grows that makes many. Memory of its heap that is
    free is taken before the system's, so this must come before there is much. Nothing happens on a GPU, and where the
    C library is another.

    Args:
        device: Where the tensors are.
        wanted: Whether to return those of 2 MiB and more, for a few percent of the time.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' and device.type == 'cpu' else None
    if mallopt is not None:
        threshold = _LARGE if wanted else _KEPT
        mallopt(_M_MMAP_THRESHOLD, threshold)
        mallopt(_M_TRIM_THRESHOLD, 2 * threshold)
