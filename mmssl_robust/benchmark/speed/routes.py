"""By which library matrices are multiplied on the CPU."""

from mmssl_robust.utils.precision import gemm_route

from .timing import Run


def fast(run: Run) -> Run:
    """Return a run on the fast fp32 route."""

    def routed() -> object:
        with gemm_route('fast-fp32'):
            return run()

    return routed
