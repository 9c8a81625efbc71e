"""Routes of matrix products, scaled gradients of float16, and what is said of them."""

import logging
from types import SimpleNamespace

import pytest
import torch
from timm.models.vision_transformer import Attention

from mmssl_robust.utils import precision as precision_module
from mmssl_robust.utils.choices import PRECISIONS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import (
    EXACT,
    bf16_is_fast,
    check_precision,
    gemm_route,
    has_fast_route,
    probe_error,
    scaled_gradient,
    usable_precision,
)
from mmssl_robust.utils.precision_notes import precision_note

MATMUL = getattr(torch.backends.mkldnn, 'matmul', None)
WITH_ROUTE = pytest.mark.skipif(not has_fast_route(), reason='oneDNN cannot be chosen, or would compute in bfloat16')


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    for function in (has_fast_route, bf16_is_fast):
        function.cache_clear()


def test_known_precisions():
    assert [check_precision(name) for name in PRECISIONS] == ['fp32', 'fast-fp32', 'bf16', 'fp16']
    with pytest.raises(UserError, match="unknown precision 'tf32': use one of fp32, fast-fp32, bf16, fp16"):
        usable_precision('tf32', 'cpu')


def test_products_are_exact_on_the_default_route():
    assert 0 < probe_error() < EXACT


@WITH_ROUTE
def test_the_fast_route_is_exact_and_ends_with_its_block():
    before = MATMUL.fp32_precision
    with gemm_route('fast-fp32'):
        assert MATMUL.fp32_precision == 'bf16' and probe_error() < EXACT
        with gemm_route('fast-fp32'):
            pass
        assert MATMUL.fp32_precision == 'bf16'
    assert MATMUL.fp32_precision == before
    with pytest.raises(KeyError), gemm_route('fast-fp32'):
        raise KeyError
    assert MATMUL.fp32_precision == before


@WITH_ROUTE
@pytest.mark.parametrize('precision', ['fp32', 'bf16', 'fp16'])
def test_other_precisions_leave_the_route(precision):
    before = MATMUL.fp32_precision
    with gemm_route(precision):
        assert MATMUL.fp32_precision == before


@WITH_ROUTE
@pytest.mark.parametrize('tokens, calls', [(400, 0), (401, 2)])
def test_attention_on_the_fast_route(monkeypatch, tokens, calls):
    """Fused above 400 tokens only, equal up to rounding, and as before afterwards."""
    model = torch.nn.Sequential(Attention(8, num_heads=2), Attention(8, num_heads=2)).eval()
    inputs = torch.randn(2, tokens, 8, generator=torch.Generator().manual_seed(0))
    expected, seen = model(inputs), []
    fused = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, 'scaled_dot_product_attention', lambda *args, **kw: seen.append(1) or fused(*args, **kw)
    )
    with gemm_route('fast-fp32', model):
        torch.testing.assert_close(model(inputs), expected, rtol=1e-4, atol=1e-6)
    assert len(seen) == calls
    assert torch.equal(model(inputs), expected) and len(seen) == calls + 2


def refused(caplog, device='cpu'):
    """Ask for fast-fp32, which must be answered by fp32 and one line, and return that line."""
    with caplog.at_level(logging.WARNING), gemm_route('fast-fp32'):
        assert getattr(getattr(torch.backends.mkldnn, 'matmul', None), 'fp32_precision', None) != 'bf16'
        assert usable_precision('fast-fp32', device) == 'fp32'
    (line,) = caplog.messages
    assert line.endswith(': fp32 is used') and '\n' not in line
    return line


def test_a_route_that_really_computes_in_bf16_is_not_taken(monkeypatch, caplog):
    has_fast_route.cache_clear()
    monkeypatch.setattr(precision_module, 'probe_error', lambda: 2e-3)  # as with AMX
    assert 'computes in fp32' in refused(caplog)


def test_a_pytorch_without_the_switch(monkeypatch, caplog):
    has_fast_route.cache_clear()
    monkeypatch.setattr(torch.backends, 'mkldnn', SimpleNamespace())
    assert 'has not' in refused(caplog)


def test_a_gpu_computes_in_fp32(caplog):
    with caplog.at_level(logging.WARNING):
        assert usable_precision('fast-fp32', 'cuda:0') == 'fp32'
    assert caplog.messages == ['fast-fp32 is a route of the CPU, and TF32 would not be fp32: fp32 is used']


def test_what_a_reader_is_told():
    assert precision_note('fp32') == ''
    assert precision_note('bf16') == 'examples made in bf16, scored in fp32'
    assert 'fp32' in precision_note('fast-fp32') and 'oneDNN' in precision_note('fast-fp32')


@pytest.mark.parametrize('times, fast', [((2.0, 1.0), True), ((1.0, 1.0), False), ((1.0, 4.0), False)])
def test_bf16_is_fast_where_it_is_faster(monkeypatch, times, fast):
    bf16_is_fast.cache_clear()
    seconds = dict(zip((torch.float32, torch.bfloat16), times))
    monkeypatch.setattr(precision_module, '_timed', lambda left, right: seconds[left.dtype])
    assert bf16_is_fast('cpu') is fast


INPUTS = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))


def gradient(function, weights, inputs=INPUTS):
    """Gradient of the weighted sum of a function's outputs."""
    inputs = inputs.clone().requires_grad_()
    outputs = function(inputs)
    return torch.autograd.grad((outputs * weights).sum(), inputs, allow_unused=True)[0]


def half(inputs, factor=1.0):
    return ((inputs.half() @ WEIGHT.half()) * factor).float()


@pytest.mark.parametrize('size', [1e-9, 1.0, 1e6])
def test_scaled_gradients_are_those_of_float32(size):
    weights = size * torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    expected = weights @ WEIGHT.T
    torch.testing.assert_close(
        gradient(lambda x: scaled_gradient(half, x), weights), expected, rtol=5e-3, atol=5e-3 * size
    )
    exact = gradient(lambda x: scaled_gradient(lambda y: y @ WEIGHT, x), weights)
    torch.testing.assert_close(exact, expected, rtol=1e-5, atol=1e-6 * size)


def test_without_the_scale_it_would_be_zero():
    assert gradient(half, torch.full((3, 5), 1e-9)).eq(0).all()


def test_an_overflow_is_tried_again_with_a_smaller_scale():
    """4096 times the factor is beyond float16; images that do not overflow keep their own scale."""
    weights = torch.ones(3, 5)
    factors = torch.tensor([[1.0], [200.0], [1.0]], dtype=torch.float16)
    found = gradient(lambda x: scaled_gradient(lambda y: half(y, factors), x), weights)
    torch.testing.assert_close(found, factors.float() * (weights @ WEIGHT.T), rtol=5e-3, atol=5e-3 * 200)
    alone = gradient(lambda x: scaled_gradient(half, x), weights[:1], INPUTS[:1])
    assert torch.equal(found[:1], alone)


def test_what_is_not_finite_stays_so():
    """For the attack to notice."""
    found = gradient(lambda x: scaled_gradient(half, x), torch.tensor([[1.0], [float('nan')], [0.0]]))
    assert found[0].isfinite().all() and found[1].isnan().all() and found[2].eq(0).all()


def test_a_gradient_that_is_cut_off_is_none():
    assert gradient(lambda x: scaled_gradient(lambda y: half(y.detach()), x), torch.ones(3, 5)) is None
    assert gradient(lambda x: scaled_gradient(lambda y: torch.ones(3, 5).requires_grad_(), x), torch.ones(3, 5)) is None


def test_nothing_is_kept_without_gradients():
    with torch.no_grad():
        assert not scaled_gradient(half, INPUTS.clone().requires_grad_()).requires_grad
