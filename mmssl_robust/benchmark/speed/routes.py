"""By which library matrices are multiplied on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .timing import Run

try:
    from mmssl_robust.utils.precision import gemm_route
except ImportError:  # until the package has its own

    @contextmanager
    def gemm_route(precision: str) -> Iterator[None]:
        """Multiply by oneDNN, which is faster than MKL on AMD, and without AMX still in fp32."""
        matmul, before = torch.backends.mkldnn.matmul, torch.backends.mkldnn.matmul.fp32_precision
        matmul.fp32_precision = 'bf16' if precision == 'fast-fp32' else before
        try:
            yield
        finally:
            matmul.fp32_precision = before


def fast(run: Run) -> Run:
    """Return a run on the fast fp32 route."""

    def routed() -> object:
        with gemm_route('fast-fp32'):
            return run()

    return routed
