"""What PGD promises whatever the model: bounds, independence, accounts, clean-up."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Peak

from mmssl_robust.attacks import PGD, CrossEntropy, EmbeddingDistance


def network(dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3),
        torch.nn.Tanh(),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(24, 4),
    ).to(dtype)


def images(batch=6, dtype=torch.float32, seed=0):
    return torch.rand(batch, 3, 8, 8, dtype=dtype, generator=torch.Generator().manual_seed(seed))


TARGETS = torch.tensor([0, 1, 2, 3, 0, 1])


@settings(deadline=None, max_examples=60)
@given(
    norm=st.sampled_from(['linf', 'l2']),
    eps=st.sampled_from(['0', '1/255', '8/255', 0.3, 1]),
    step_size=st.floats(1e-4, 2),
    steps=st.integers(0, 4),
    random_start=st.booleans(),
    keep=st.sampled_from(['best', 'last']),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    grey_levels=st.integers(1, 255),
    masked=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_bounds_hold(norm, eps, step_size, steps, random_start, keep, dtype, grey_levels, masked, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = (torch.rand(2, 3, 5, 4, generator=generator) * grey_levels).round().to(dtype) / grey_levels
    mask = torch.rand(2, 1, 5, 4, generator=generator) < 0.5 if masked else None
    attack = PGD(CrossEntropy(), norm, eps, step_size, steps, random_start, keep=keep, seed=seed)
    result = attack(network(dtype), inputs, torch.tensor([0, 3]), mask=mask)
    delta = result.adv - inputs
    size = delta.abs().amax(dim=(1, 2, 3)) if norm == 'linf' else delta.double().square().sum(dim=(1, 2, 3)).sqrt()
    assert (size <= attack.eps + 1e-6).all()
    assert result.adv.min() >= 0
    assert result.adv.max() <= 1
    assert result.adv.dtype == dtype
    if masked:
        assert torch.equal(result.adv.masked_select(~mask), inputs.masked_select(~mask))
    if attack.eps == 0:
        assert torch.equal(result.adv, inputs)


def test_large_image_stays_in_its_l2_ball():
    inputs = torch.rand(1, 3, 480, 640, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(3, 480, 640, generator=torch.Generator().manual_seed(1))
    for eps in (0.01, 0.5, 100.0):
        result = PGD(Peak(), 'l2', eps, eps / 2, steps=3)(lambda x: (weight * x).sum(dim=(1, 2, 3)), inputs)
        assert (result.adv - inputs).double().norm() <= eps * (1 + 1e-5) + 1e-6


def one_by_one(net):
    """A batch through the network image by image, so that kernels cannot depend on its size."""
    return lambda x: torch.cat([net(image[None]) for image in x])


@pytest.mark.parametrize('norm', ['linf', 'l2'])
@pytest.mark.parametrize('objective', [CrossEntropy(), EmbeddingDistance()], ids=['ce', 'embedding'])
def test_batch_size_and_order_change_nothing(norm, objective):
    """Bit for bit: only the model's own kernels may depend on the batch."""
    forward, inputs = one_by_one(network()), images()
    targets = TARGETS if objective.reads == 'prediction' else None
    attack = PGD(objective, norm, 0.2, 0.05, steps=6, restarts=2)
    whole = attack(forward, inputs, targets)
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    for batches in (order.split(1), order.split(4)):
        for batch in batches:
            part = attack(forward, inputs[batch], None if targets is None else targets[batch], keys=batch)
            for name in ('adv', 'loss', 'success', 'score', 'zero_grad', 'norm'):
                assert torch.equal(getattr(part, name), getattr(whole, name)[batch]), name


def test_batch_size_in_one_batched_call():
    net, inputs = network(torch.float64), images(dtype=torch.float64)
    attack = PGD(CrossEntropy(), eps=0.1, step_size=0.02, steps=8)
    whole = attack(net, inputs, TARGETS)
    for key in range(6):
        alone = attack(net, inputs[key : key + 1], TARGETS[key : key + 1], keys=[key])
        torch.testing.assert_close(alone.adv[0], whole.adv[key], rtol=0, atol=1e-9)


def test_seeds_and_restarts_differ():
    runs = [PGD(CrossEntropy(), steps=0, seed=seed)(network(), images(), TARGETS).adv for seed in (0, 0, 1)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize('keep', ['best', 'last'])
def test_restarts_only_help(keep):
    net, inputs = network(seed=1), images(seed=1)
    one, five = (
        PGD(CrossEntropy(), eps=0.3, step_size=0.3, steps=3, restarts=restarts, keep=keep)(net, inputs, TARGETS)
        for restarts in (1, 5)
    )
    assert (five.score <= one.score).all()
    assert (five.loss >= one.loss)[five.score == one.score].all()
    assert (five.loss > one.loss).any()


@pytest.mark.parametrize('seed', range(4))
def test_best_is_never_worse_than_last(seed):
    net, inputs = network(seed=seed), images(seed=seed)
    best, last = (
        PGD(CrossEntropy(), eps=0.5, step_size=0.7, steps=5, keep=keep, seed=seed)(net, inputs, TARGETS)
        for keep in ('best', 'last')
    )
    assert (best.score <= last.score).all()
    assert (best.loss >= last.loss)[best.score == last.score].all()


def test_best_finds_the_peak_that_last_leaves():
    """A peak at a quarter of the radius: steps of a full radius alternate between 0 and eps."""
    inputs = torch.full((1, 3, 2, 2), 0.5, dtype=torch.float64)
    forward = lambda x: -(x - 0.525).square().sum(dim=(1, 2, 3))  # noqa: E731
    settings = dict(eps=0.1, step_size=0.1, steps=3, random_start=False)
    best = PGD(Peak(), keep='best', **settings)(forward, inputs)
    last = PGD(Peak(), keep='last', **settings)(forward, inputs)
    torch.testing.assert_close(best.loss, torch.tensor([-12 * 0.025**2], dtype=torch.float64))
    torch.testing.assert_close(last.loss, torch.tensor([-12 * 0.075**2], dtype=torch.float64))
    torch.testing.assert_close(best.adv, inputs)
    torch.testing.assert_close(last.adv, inputs + 0.1)


def test_result_belongs_to_the_returned_images():
    """Loss, score and success are those of ``adv``, also where iterates of several steps were kept."""
    net, inputs = network(torch.float64), images(dtype=torch.float64)
    result = PGD(CrossEntropy(), eps=0.5, step_size=0.6, steps=5, restarts=2)(net, inputs, TARGETS)
    outputs = net(result.adv).detach()
    torch.testing.assert_close(result.loss, CrossEntropy()(outputs, TARGETS, 1, 1))
    assert torch.equal(result.success, outputs.argmax(dim=1) != TARGETS)
    assert torch.equal(result.score == 0, result.success)
    torch.testing.assert_close(result.norm, (result.adv - inputs).abs().amax(dim=(1, 2, 3)))


@pytest.mark.parametrize('keep', ['best', 'last'])
@pytest.mark.parametrize(('steps', 'restarts'), [(0, 1), (1, 1), (4, 1), (3, 2)])
def test_accounts(keep, steps, restarts):
    calls = []
    net = network()

    def forward(x):
        calls.append(x.requires_grad)
        return net(x)

    result = PGD(CrossEntropy(), steps=steps, restarts=restarts, keep=keep)(forward, images(), TARGETS)
    assert calls == ([True] * steps + [False]) * restarts
    assert result.forwards.eq(restarts * (steps + 1)).all()
    assert result.backwards.eq(restarts * steps).all()


def test_zero_gradients_are_counted():
    """The model sees the upper half only; with the mask, all it may change is half seen."""
    weight = torch.ones(3, 4, 4)
    weight[:, 2:] = 0
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, :, 1:3] = 1
    forward = lambda x: (weight * x).sum(dim=(1, 2, 3))  # noqa: E731
    inputs = torch.full((2, 3, 4, 4), 0.5)
    assert PGD(Peak(), steps=3)(forward, inputs).zero_grad.tolist() == [0.5, 0.5]
    assert PGD(Peak(), steps=3)(forward, inputs, mask=mask).zero_grad.tolist() == [0.5, 0]
    assert PGD(Peak(), steps=0)(forward, inputs).zero_grad.tolist() == [0, 0]
    blind = PGD(Peak(), steps=3)(lambda x: 0 * x.sum(dim=(1, 2, 3)), inputs)
    assert blind.zero_grad.tolist() == [1, 1]


@pytest.mark.parametrize('context', [torch.no_grad, torch.inference_mode])
def test_runs_where_gradients_are_off(context):
    net, inputs = network(), images()
    expected = PGD(CrossEntropy())(net, inputs, TARGETS)
    with context():
        result = PGD(CrossEntropy())(net, inputs.clone(), TARGETS.clone())
        assert not torch.is_grad_enabled()
    assert torch.equal(result.adv, expected.adv)
    assert not result.adv.requires_grad
    assert not result.loss.requires_grad


def test_leaves_model_and_images_alone():
    net, inputs = network(), images().requires_grad_()
    first, *others = net.parameters()
    first.grad = torch.ones_like(first)
    others[0].requires_grad_(False)
    flags = [parameter.requires_grad for parameter in net.parameters()]
    before = inputs.detach().clone()
    result = PGD(CrossEntropy(), random_start=False)(net, inputs, TARGETS)
    assert torch.equal(first.grad, torch.ones_like(first))
    assert all(parameter.grad is None for parameter in others)
    assert [parameter.requires_grad for parameter in net.parameters()] == flags
    assert torch.equal(inputs, before)
    assert inputs.grad is None
    assert not result.adv.requires_grad


def test_bfloat16_outputs_are_judged_in_float32():
    net = network()
    result = PGD(CrossEntropy(), steps=2)(lambda x: net(x).bfloat16(), images(), TARGETS)
    assert result.loss.dtype == torch.float32
