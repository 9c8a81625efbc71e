"""In which precision examples are made, and by which library matrices are multiplied; plain PyTorch.

``fp32`` is the default. ``fast-fp32`` multiplies on the CPU by oneDNN instead of MKL, which on AMD takes no AVX-512; it
is as exact, and faster where AVX-512 is (docs/performance.md). ``bf16`` and ``fp16`` compute under autocast; what is
made in them is scored in fp32.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from mmssl_robust.utils.choices import PRECISIONS
from mmssl_robust.utils.errors import UserError

HALF = dict(bf16=torch.bfloat16, fp16=torch.float16)
"""Precisions in which examples are made under autocast, and its type."""

EXACT = 2e-6  # largest relative error of a product that counts as fp32; bfloat16's is 2e-3
FASTER = 1.2  # by which bfloat16 must beat fp32
_FEW_TOKENS = 400  # PyTorch's fused attention multiplies by MKL all the same, and wins above it only
_SCALE = 4096.0
_RESCALE = 16.0
_TRIES = 8

_logger = logging.getLogger(__name__)


def check_precision(precision: str) -> str:
    """Return a precision that is known, or raise a UserError."""
    if precision not in PRECISIONS:
        raise UserError(f'unknown precision {precision!r}: use one of {", ".join(PRECISIONS)}')
    return precision


def usable_precision(precision: str, device: str | torch.device) -> str:
    """Return in what examples will really be made on a device, and say so where it is not what was asked for.

    Raises:
        UserError: If the precision is unknown.
    """
    if check_precision(precision) != 'fast-fp32':
        return precision
    if torch.device(device).type != 'cpu':
        reason = 'is a route of the CPU, and TF32 would not be fp32'
    elif not has_fast_route():
        reason = 'needs a oneDNN that can be chosen and computes in fp32, which this PyTorch on this CPU has not'
    else:
        return precision
    _logger.warning('fast-fp32 %s: fp32 is used', reason)
    return 'fp32'


@contextmanager
def gemm_route(precision: str, model: nn.Module | None = None) -> Iterator[None]:
    """Multiply matrices as a precision says, until the end of the block; only ``'fast-fp32'`` changes anything.

    On a CPU whose oneDNN would not compute in fp32, and on a GPU, it does not either.

    Args:
        precision: One of :data:`PRECISIONS`.
        model: Its attention by timm is computed by two such products and a softmax, where there are few tokens.
    """
    if precision != 'fast-fp32' or not has_fast_route():
        yield
        return
    with _onednn(), _explicit_attention(model):
        yield


@cache
def has_fast_route() -> bool:
    """Whether oneDNN can be asked for matrix products, and computes them in fp32: with AMX it would in bfloat16."""
    if not hasattr(_onednn_matmul(), 'fp32_precision'):
        return False
    with _onednn():
        return probe_error() < EXACT


def on_fast_route() -> bool:
    """Whether matrices are multiplied as ``'fast-fp32'`` says now."""
    return getattr(_onednn_matmul(), 'fp32_precision', None) == 'bf16'


def _onednn_matmul() -> Any:
    """How oneDNN multiplies, where PyTorch lets that be chosen; else None."""
    return getattr(torch.backends.mkldnn, 'matmul', None)


@contextmanager
def _onednn() -> Iterator[None]:
    matmul = _onednn_matmul()
    before = matmul.fp32_precision
    # Allows bfloat16; what matters here is that only oneDNN can be allowed that, and is chosen over MKL.
    matmul.fp32_precision = 'bf16'
    try:
        yield
    finally:
        matmul.fp32_precision = before


@contextmanager
def _explicit_attention(model: nn.Module | None) -> Iterator[None]:
    # Any: the switch is timm's, which is not imported here.
    fused: list[Any] = [] if model is None else [part for part in model.modules() if getattr(part, 'fused_attn', False)]

    def choose(attention: Any, inputs: tuple[Tensor, ...]) -> None:
        attention.fused_attn = inputs[0].shape[1] > _FEW_TOKENS or inputs[0].device.type != 'cpu'

    hooks = [attention.register_forward_pre_hook(choose) for attention in fused]
    try:
        yield
    finally:
        for attention, hook in zip(fused, hooks):
            hook.remove()
            attention.fused_attn = True


def probe_error(size: int = 512) -> float:
    """Return the relative error of a product of two random matrices in float32, as they are multiplied now."""
    left, right = _matrices(size)
    exact = left.double() @ right.double()
    return float(torch.linalg.vector_norm((left @ right).double() - exact) / torch.linalg.vector_norm(exact))


@cache
def bf16_is_fast(device: str) -> bool:
    """Whether the hardware computes in bfloat16, not merely in imitation of it.

    Args:
        device: A CPU is timed, because what its flags promise differs from one PyTorch to the next.
    """
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere; before it PyTorch imitates
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = (matrix.to(dtype) for matrix in _matrices(512))
        seconds[dtype] = min(_timed(left, right) for _ in range(6))  # the first one sets up
    return seconds[torch.float32] > FASTER * seconds[torch.bfloat16]


def scaled_gradient(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return ``function(inputs)``, whose gradient is computed from a scaled one, as float16 needs it.

    Each image's gradient at the outputs gets about the length 4096, by a power of two, that at the inputs is scaled
    back. Where that overflows, it is made smaller and tried again. No image's gradient depends on the others.

    Args:
        function: Of images (B, ...), its outputs (B, ...) in float32.
        inputs: The images.
    """
    if not torch.is_grad_enabled():
        return function(inputs)
    outputs: Tensor = _Scaled.apply(inputs, function)  # type: ignore[no-untyped-call]  # a gap in PyTorch's types
    return outputs


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        with torch.enable_grad():
            ctx.inputs = inputs.detach().requires_grad_()
            outputs = ctx.outputs = function(ctx.inputs)
        return outputs.detach()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.outputs.requires_grad:
            return None, None
        size = torch.linalg.vector_norm(grad.reshape(len(grad), -1), dim=1)  # of an image perhaps one number
        scale = torch.where(size > 0, torch.exp2(torch.log2(_SCALE / size).floor()), 1.0)
        for _ in range(_TRIES):
            scaled = grad * _like(scale, grad)
            found = torch.autograd.grad(ctx.outputs, ctx.inputs, scaled, retain_graph=True, allow_unused=True)[0]
            finite = None if found is None else found.flatten(1).isfinite().all(dim=1)
            if finite is None or finite.all():
                break
            scale = torch.where(finite, scale, scale / _RESCALE)
        return None if found is None else found / _like(scale, found), None


def _like(scale: Tensor, images: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (images.ndim - 1))


def _matrices(size: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(size, size, generator=generator), torch.randn(size, size, generator=generator)


def _timed(left: Tensor, right: Tensor) -> float:
    start = time.perf_counter()
    left @ right
    return time.perf_counter() - start
