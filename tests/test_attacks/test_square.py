"""Square: a search without gradients."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import CrossEntropy, Margin, Square
from mmssl_robust.utils.errors import UserError


def linear(seed=0):
    weight = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(seed))
    return weight, lambda x: (weight * x).sum(dim=(1, 2, 3))


def images(batch=4):
    return torch.rand(batch, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.05), ('l2', 0.5), ('l1', 5)])
def test_it_climbs_without_a_gradient(norm, eps):
    weight, forward = linear()
    inputs = images()
    short, long = (
        Square(Peak(), norm, eps, queries=count, stop_at_success=False)(lambda x: forward(x).detach(), inputs)
        for count in (2, 600)
    )
    assert (long.loss > short.loss).all()
    assert long.backwards.eq(0).all() and long.forwards.eq(600).all()
    best = forward(inputs) + eps * dict(linf=weight.abs().sum(), l2=weight.norm(), l1=weight.abs().max())[norm]
    assert (long.loss <= best + 1e-4).all()
    if norm == 'linf':
        assert ((long.loss - forward(inputs)) > 0.4 * (best - forward(inputs))).all()


def test_images_that_are_broken_cost_no_more():
    def forward(x):
        return torch.stack([x.mean(dim=(1, 2, 3)), 0.5 + 0 * x[:, 0, 0, 0]], dim=1)

    inputs = torch.cat([images(1) * 0 + 0.9, images(1) * 0 + 0.505])
    result = Square(Margin(), eps=0.05, queries=50)(forward, inputs, torch.tensor([0, 0]))
    assert result.success.tolist() == [False, True]
    assert result.forwards[0] == 50 and result.forwards[1] < 50


class Narrow(Peak):
    """A score that does not fall as the loss rises."""

    def __init__(self):
        self.seen = []

    def score(self, outputs, targets):
        self.seen.append(100 * outputs % 1)
        return self.seen[-1]

    def success(self, outputs, targets):
        return 100 * outputs % 1 < 0.1


def test_the_lowest_score_of_all_queries_is_reported():
    objective = Narrow()
    result = Square(objective, eps=0.05, queries=40, stop_at_success=False)(linear()[1], images())
    lowest = torch.stack(objective.seen).amin(dim=0)
    assert torch.equal(result.score, lowest) and torch.equal(result.success, lowest < 0.1) and result.success.any()
    assert torch.equal(100 * linear()[1](result.adv) % 1, result.score)


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.05), ('l2', 0.5), ('l1', 5)])
def test_an_image_does_not_depend_on_its_batch(norm, eps):
    _, forward = linear()
    inputs = images()
    alone = lambda x: torch.cat([forward(image[None]) for image in x])  # noqa: E731
    attack = Square(Peak(), norm, eps, queries=20)
    together = attack(alone, inputs, keys=[3, 4, 5, 6])
    single = attack(alone, inputs[[2]], keys=[5])
    assert torch.equal(single.adv, together.adv[[2]])
    other = Square(Peak(), norm, eps, queries=20, seed=1)(alone, inputs[[2]], keys=[5])
    assert not torch.equal(single.adv, other.adv)


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.05), ('l2', 0.5), ('l1', 5)])
def test_padding_stays(norm, eps):
    _, forward = linear()
    mask = torch.zeros(4, 1, 12, 12)
    mask[..., :7, :9] = 1
    result = Square(Peak(), norm, eps, queries=30)(forward, images(), mask=mask)
    assert torch.equal(result.adv * (1 - mask), images() * (1 - mask))


def test_squares_shrink_as_published():
    attack = Square(CrossEntropy(), queries=10000)
    shape = (3, 224, 224)
    # p = 0.8 halves after 10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000 of 10000 queries.
    areas = {place: attack._side(place, shape) ** 2 / 224**2 for place in (1, 11, 51, 201, 501, 1001, 2001, 4001, 8001)}
    wanted = [0.8, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.8 / 512]
    assert list(areas.values()) == pytest.approx(wanted, rel=0.06)
    assert Square(CrossEntropy(), queries=10)._side(9, (3, 2, 2)) == 1


def test_bad_settings():
    with pytest.raises(UserError, match='queries=0'):
        Square(CrossEntropy(), queries=0)
    with pytest.raises(UserError, match='area=0'):
        Square(CrossEntropy(), area=0)
