"""What makes images transfer, each by its formula."""

import pytest
import torch
import torch.nn.functional as F
from toys import Peak

from mmssl_robust.attacks import PGD, CrossEntropy, EmbedAttack, Transfer, TransferPGD
from mmssl_robust.attacks.diverse_view import DiverseView, drawn_places
from mmssl_robust.attacks.transfer_pgd import smoothed
from mmssl_robust.utils.errors import UserError


def network():
    """A small smooth classifier of images (B, 3, 8, 8)."""
    torch.manual_seed(0)
    first, second = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4 * 36, 5)
    return torch.nn.Sequential(first, torch.nn.Tanh(), torch.nn.Flatten(), second).double().requires_grad_(False)


def data(count=4):
    return torch.rand(count, 3, 8, 8, dtype=torch.float64), torch.arange(count) % 5


@pytest.mark.parametrize('settings', [dict(), dict(keep='last'), dict(norm='l2', eps=0.5, step_size=0.1, restarts=2)])
def test_without_all_three_it_is_pgd_bit_by_bit(settings):
    inputs, targets = data()
    own = TransferPGD(CrossEntropy(), momentum=0.0, diversity=0.0, kernel=1, steps=4, **settings)
    plain = PGD(CrossEntropy(), steps=4, **settings)
    found, wanted = (attack(network(), inputs, targets) for attack in (own, plain))
    assert torch.equal(found.adv, wanted.adv) and torch.equal(found.forwards, wanted.forwards)
    assert own.passes == plain.passes


def test_the_surrogates_attack_without_all_three_is_embed_attack():
    inputs, _ = data()
    encode = network()
    found = Transfer('any', diversity=0.0, kernel=1, steps=3)(encode, inputs)
    assert torch.equal(found.adv, EmbedAttack(steps=3)(encode, inputs).adv)


def test_momentum_and_smoothing_by_the_formulas_written_out():
    """g <- mu g + W * grad / mean |W * grad|, x <- x + step sign(g): Dong et al. 2018 and 2019."""
    inputs, targets = data(2)
    net, eps, step, mu = network(), 0.1, 0.03, 0.7
    attack = TransferPGD(
        CrossEntropy(), kernel=3, momentum=mu, eps=eps, step_size=step, steps=5, random_start=False, keep='last'
    )
    line = torch.exp(-(torch.tensor([-3.0, 0.0, 3.0], dtype=torch.float64) ** 2) / 2)
    weights = line[:, None] * line / (line[:, None] * line).sum()
    adv, past = inputs.clone(), torch.zeros_like(inputs)
    for _ in range(5):
        adv.requires_grad_()
        (grad,) = torch.autograd.grad(F.cross_entropy(net(adv), targets, reduction='sum'), adv)
        around = F.pad(grad, (1, 1, 1, 1))
        grad = sum(weights[i, j] * around[..., i : i + 8, j : j + 8] for i in range(3) for j in range(3))
        past = mu * past + grad / grad.abs().mean(dim=(1, 2, 3), keepdim=True)
        adv = (adv.detach() + step * past.sign()).clamp(inputs - eps, inputs + eps).clamp(0, 1)
    torch.testing.assert_close(attack(net, inputs, targets).adv, adv, rtol=0, atol=1e-12)


def test_the_kernel_is_the_mean_over_shifted_images():
    """Of a linear model on images in black: sum of w_ij times the gradient of the image shifted by (i, j)."""
    grad = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    grad[..., 4, 4] = 1
    found = smoothed(grad, 5)
    line = torch.exp(-(torch.linspace(-3, 3, 5, dtype=torch.float64) ** 2) / 2)
    kernel = line[:, None] * line / line.sum() ** 2
    shifted = sum(kernel[i, j] * grad.roll((i - 2, j - 2), (2, 3)) for i in range(5) for j in range(5))
    torch.testing.assert_close(found, shifted)
    assert found.sum().item() == pytest.approx(1) and torch.equal(smoothed(grad, 1), grad)


def test_padding_stays_as_it_is():
    inputs, targets = data(2)
    mask = torch.ones(2, 1, 8, 8)
    mask[..., 5:] = 0
    attack = TransferPGD(CrossEntropy(), diversity=1.0, kernel=5, momentum=1.0, steps=3)
    delta = attack(network(), inputs, targets, mask=mask).adv - inputs
    assert delta[..., 5:].eq(0).all() and delta[..., :5].ne(0).any()


def test_an_image_is_shrunk_with_its_probability_to_no_less_than_its_share():
    places = drawn_places((20, 30), range(1000), (0, 0, 1), share=0.3, smallest=0.8)
    some = [place for place in places if place is not None]
    assert len(some) / 1000 == pytest.approx(0.3, abs=0.05)
    assert all(0 <= top <= 20 - height and 0 <= left <= 30 - width for top, left, height, width in some)
    assert {height for _, _, height, _ in some} == set(range(16, 21))
    assert drawn_places((20, 30), [7], (0, 0, 1), 0.3, 0.8) == places[7:8]  # whatever its batch
    assert drawn_places((20, 30), range(50), (0, 0, 2), 0.3, 0.8) != places[:50]


def test_the_model_sees_the_image_shrunk_on_black():
    images = torch.rand(2, 3, 8, 8)
    seen = DiverseView(lambda x: x, [(1, 2, 5, 6), None])(images)
    assert seen.shape == images.shape and torch.equal(seen[1], images[1])
    inside = F.interpolate(images[:1], (5, 6), mode='bilinear')[0]
    assert torch.equal(seen[0, :, 1:6, 2:8], inside)
    assert seen[0].sum().item() == pytest.approx(inside.sum().item(), rel=1e-5)
    assert torch.equal(DiverseView(lambda x: x, [(1, 2, 5, 6), None]).only(torch.tensor([1]))(images[1:]), images[1:])


def test_an_image_does_not_depend_on_its_batch_or_on_how_many_are_active():
    inputs, targets = data()
    attack = dict(diversity=0.8, kernel=3, momentum=1.0, steps=3, keep='last')
    whole = TransferPGD(CrossEntropy(), **attack)(network(), inputs, targets)
    alone = TransferPGD(CrossEntropy(), **attack)(network(), inputs[2:3], targets[2:3], keys=[2])
    parts = TransferPGD(CrossEntropy(), active=3, **attack)(network(), inputs, targets)
    torch.testing.assert_close(whole.adv[2:3], alone.adv, rtol=0, atol=1e-12)
    torch.testing.assert_close(whole.adv, parts.adv, rtol=0, atol=1e-12)


def test_the_best_iterate_is_judged_as_it_is_not_as_it_was_seen():
    inputs, targets = data()
    net = network()
    attack = TransferPGD(CrossEntropy(), diversity=1.0, smallest=0.3, steps=4)
    result = attack(net, inputs, targets)
    torch.testing.assert_close(result.loss, F.cross_entropy(net(result.adv), targets, reduction='none'))
    assert result.forwards.eq(4 * 2 + 1).all() and attack.passes == 4 * 3 + 1


@pytest.mark.parametrize(
    'setting', [dict(diversity=-0.1), dict(diversity=1.1), dict(smallest=0), dict(kernel=4), dict(kernel=0)]
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(UserError, match=f'{next(iter(setting))}=') as caught:
        TransferPGD(Peak(), **setting)
    assert '\n' not in str(caught.value)


def test_without_a_surrogate_it_says_what_to_do():
    with pytest.raises(UserError, match='--surrogate ENCODER') as caught:
        Transfer().told({})
    assert '\n' not in str(caught.value)
    assert Transfer('mini').settings.kind == 'transfer' and TransferPGD(Peak()).settings.kind == 'image'
