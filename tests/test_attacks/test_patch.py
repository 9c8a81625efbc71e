"""Patches: closed forms, where they are, and what they leave alone."""

import pytest
import torch

from mmssl_robust.attacks import CosPGDLoss, CrossEntropy, DepthRMSE, EmbeddingDistance, Patch, TaskLoss
from mmssl_robust.attacks.patch_places import places_of, pulled_back, sides_of, turned
from mmssl_robust.utils.errors import UserError

SIZE = (3, 12, 12)


@pytest.fixture
def linear():
    """A linear classifier of two classes with its weight (C, H, W), images, and the class 0 for all."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(SIZE, generator=generator, dtype=torch.float64)
    inputs = torch.rand(4, *SIZE, generator=generator, dtype=torch.float64)

    def model(images):
        score = (images * weight).sum(dim=(1, 2, 3))
        return torch.stack([score, -score], dim=1)

    return model, inputs, torch.zeros(4, dtype=torch.int64), weight


def test_the_best_patch_of_a_linear_model_and_nothing_outside(linear):
    model, inputs, labels, weight = linear
    found = Patch(CrossEntropy(), eps=0.1, steps=50)(model, inputs, labels)
    assert found.region.shape == (4, 1, 12, 12) and (found.region.sum(dim=(1, 2, 3)) == 9).all()
    best = torch.where(found.region, (weight < 0).double(), inputs)
    assert torch.equal(found.adv, best)
    torch.testing.assert_close(found.norm, torch.full((4,), 9 / 144, dtype=torch.float64))


def test_a_patch_of_the_whole_image_is_unbounded(linear):
    model, inputs, labels, weight = linear
    found = Patch(CrossEntropy(), eps=1, steps=50)(model, inputs, labels)
    assert found.region.all() and torch.equal(found.adv, (weight < 0).double().expand_as(inputs))


def test_the_place_follows_from_image_seed_and_restart_alone(linear):
    model, inputs, labels, _ = linear
    attack = Patch(CrossEntropy(), eps=0.1, steps=2)
    whole, alone = attack(model, inputs, labels, keys=[5, 6, 7, 8]), attack(model, inputs[2:3], labels[2:3], keys=[7])
    assert torch.equal(whole.region[2:3], alone.region)
    torch.testing.assert_close(whole.adv[2:3], alone.adv)
    other = Patch(CrossEntropy(), eps=0.1, steps=2, seed=1)(model, inputs, labels, keys=[5, 6, 7, 8])
    assert not torch.equal(whole.region, other.region)
    assert len({tuple(place.flatten().tolist()) for place in whole.region}) > 1


def test_the_worst_of_several_places(linear):
    model, inputs, labels, weight = linear
    places = 4
    worst = Patch(CrossEntropy(), eps=0.1, steps=50, restarts=places)(model, inputs, labels)
    regions = [
        places_of(inputs, 0.1, [(0, key, restart) for key in range(len(inputs))], None) for restart in range(places)
    ]
    reached = torch.stack(
        [model(torch.where(region, (weight < 0).double(), inputs))[:, 0] for region in regions]
    )  # (places, B), lower is worse
    broken = (reached < 0).any(dim=0)
    torch.testing.assert_close(model(worst.adv)[:, 0], reached.amin(dim=0))
    assert torch.equal(worst.success, broken)
    assert torch.equal(worst.region, torch.stack(regions)[worst.restart, torch.arange(len(inputs))])


def test_it_lies_within_the_image_not_in_its_padding(linear):
    _, inputs, *_ = linear
    mask = torch.zeros(4, 1, 12, 12)
    mask[:, :, :8, :5] = 1
    region = places_of(inputs, 0.25, [(0, key) for key in range(4)], mask)
    assert (region.sum(dim=(1, 2, 3)) == 9).all() and not (region & (mask == 0)).any()


@pytest.mark.parametrize(
    ('image', 'share', 'sides'),
    [((10, 10), 0.25, (5, 5)), ((10, 10), 0.1, (3, 3)), ((4, 25), 0.5, (4, 12)), ((25, 4), 0.5, (12, 4)),
     ((7, 9), 1, (7, 9)), ((9, 7), 1, (9, 7))],
)  # fmt: skip
def test_sides(image, share, sides):
    assert sides_of(*image, share) == sides


def test_a_patch_in_any_position_stays_in_its_place(linear):
    model, inputs, labels, _ = linear
    attack = Patch(CrossEntropy(), eps=0.4, steps=10, rotation=45, scale=0.3)
    found = attack(model, inputs, labels)
    assert torch.equal(torch.where(found.region, 0, found.adv), torch.where(found.region, 0, inputs))
    changed = (found.adv != inputs).any(dim=1, keepdim=True).sum(dim=(1, 2, 3))
    assert (changed < found.region.sum(dim=(1, 2, 3))).all() and (changed > 4).all()
    assert (model(found.adv)[:, 0] < model(inputs)[:, 0]).all()
    again = attack(model, inputs[1:2], labels[1:2], keys=[1])
    torch.testing.assert_close(again.adv, found.adv[1:2])


def test_the_gradient_comes_back_through_a_position():
    """The position is affine: its derivative along any direction is the pull-back's inner product."""
    generator = torch.Generator().manual_seed(1)
    inputs, patch, way, grad = (torch.rand(2, 3, 9, 9, generator=generator, dtype=torch.float64) for _ in range(4))
    region = places_of(inputs, 0.5, [(0, 0), (0, 1)], None)
    place = turned(inputs, region, [(0, 0, 1), (0, 1, 1)], 30, 0.2)
    along = ((place(patch + way) - place(patch)) * grad).sum()
    torch.testing.assert_close((pulled_back(place, patch, grad) * way).sum(), along)


def test_maps_are_attacked_outside_the_patch():
    """Where the prediction is the pixel itself, a patch changes nothing outside, whatever it does within."""
    generator = torch.Generator().manual_seed(2)
    inputs = torch.rand(2, 3, 8, 8, generator=generator)
    classes = torch.randint(0, 3, (2, 16, 16), generator=generator)
    depth = 1 + torch.rand(2, 1, 8, 8, generator=generator)

    def logits(images):
        return images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    def metres(images):
        return 1 + images.mean(dim=1, keepdim=True)

    for model, targets, own in ((logits, classes, CosPGDLoss()), (metres, depth, DepthRMSE())):
        for objective in (own, TaskLoss()):
            found = Patch(objective, eps=0.2, steps=5)(model, inputs, targets)
            outside = ~found.region
            if targets is classes:
                large = outside.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)[:, 0]
                right = model(inputs).argmax(dim=1) == targets
                expected = (right & large).sum(dim=(1, 2)) / large.sum(dim=(1, 2))
            else:
                squares = (model(inputs) - targets).square() * outside
                expected = -(squares.sum(dim=(1, 2, 3)) / outside.sum(dim=(1, 2, 3))).sqrt()
            torch.testing.assert_close(found.score, expected)
            assert (found.zero_grad == 1).all()


def test_an_embedding_is_attacked_as_a_whole(linear):
    model, inputs, *_ = linear
    found = Patch(EmbeddingDistance(), eps=0.1, steps=10)(model, inputs)
    assert (found.loss > 0).all() and found.region.any()


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(eps=0), 'share of the image'),
        (dict(eps=1.5), 'share of the image'),
        (dict(step_size=0), 'step above 0'),
        (dict(momentum=-1), 'no negative momentum'),
        (dict(rotation=200), '0 to 180 degrees'),
        (dict(scale=1), 'below 1'),
    ],
)
def test_what_is_refused(settings, says):
    with pytest.raises(UserError, match=says):
        Patch(CrossEntropy(), **settings)


def test_less_than_a_pixel_is_refused(linear):
    model, inputs, labels, _ = linear
    with pytest.raises(UserError, match='less than one pixel'):
        Patch(CrossEntropy(), eps=0.001)(model, inputs, labels)
