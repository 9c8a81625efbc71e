"""By which library matrices are multiplied on the CPU."""

from torch import nn

from mmssl_robust.utils.precision import gemm_route

from .timing import Run


def fast(run: Run, model: nn.Module) -> Run:
    """Return a run with a model on the fast fp32 route, once it is warm there."""

    def routed() -> object:
        with gemm_route('fast-fp32', model):
            return run()

    routed()
    return routed
