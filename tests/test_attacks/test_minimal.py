"""The smallest perturbation of each image: closed forms, and that nothing depends on the batch."""

import pytest
import torch

from mmssl_robust.attacks import CrossEntropy, DepthRMSE, EmbeddingCosine, Minimal, MinimalFAB, TaskLoss
from mmssl_robust.utils.errors import UserError

DUAL = dict(linf=lambda w: w.abs().sum(), l2=lambda w: w.norm())
SIZE = (3, 4, 4)


@pytest.fixture
def linear():
    """A linear classifier of two classes, images away from the edges of [0, 1], their classes and their margins."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 48, generator=generator, dtype=torch.float64)
    inputs = 0.3 + 0.4 * torch.rand(5, *SIZE, generator=generator, dtype=torch.float64)

    def model(images):
        return images.flatten(1) @ weight.T

    logits = model(inputs)
    return model, inputs, logits.argmax(dim=1), (logits[:, 0] - logits[:, 1]).abs(), weight[0] - weight[1]


@pytest.mark.parametrize('norm', DUAL)
@pytest.mark.parametrize('kind', [Minimal, MinimalFAB])
def test_the_distance_to_a_plane(kind, norm, linear):
    model, inputs, labels, margins, normal = linear
    exact = margins / DUAL[norm](normal)
    settings = dict(norm=norm, eps=4 * float(exact.max()))
    attack = MinimalFAB(steps=10, **settings) if kind is MinimalFAB else Minimal(CrossEntropy(), search=12, **settings)
    found = attack(model, inputs, labels)
    assert found.success.all() and (found.norm >= exact * (1 - 1e-9)).all()
    torch.testing.assert_close(found.norm, exact, rtol=0.01, atol=0)
    assert (model(found.adv).argmax(dim=1) != labels).all()


def test_what_is_lost_already_takes_nothing_and_what_withstands_is_said_to(linear):
    model, inputs, labels, margins, normal = linear
    exact = margins / normal.abs().sum()
    labels[0] = 1 - labels[0]
    eps = float(exact[1:].median())
    found = Minimal(CrossEntropy(), eps=eps)(model, inputs, labels)
    assert found.norm[0] == 0 and found.success[0] and torch.equal(found.adv[0], inputs[0])
    assert found.success[1:].tolist() == (exact[1:] < eps).tolist() or (exact[1:] == eps).any()
    assert (found.norm <= eps + 1e-9).all() and (found.score[~found.success] == 1).all()
    # It stands, and is pushed as far as the ball allows.
    torch.testing.assert_close(found.norm[~found.success], torch.full_like(found.norm[~found.success], eps))


def test_an_image_depends_on_itself_alone(linear):
    model, inputs, labels, *_ = linear
    attack = Minimal(CrossEntropy(), eps=0.1, steps=4, search=6)
    whole = attack(model, inputs, labels, keys=[3, 5, 7, 9, 11])
    alone = attack(model, inputs[2:3], labels[2:3], keys=[7])
    torch.testing.assert_close(whole.adv[2:3], alone.adv)
    assert whole.forwards[2] == alone.forwards[0]
    assert (whole.forwards + whole.backwards <= attack.passes).all()
    part = Minimal(CrossEntropy(), eps=0.1, steps=4, search=6, active=2)(model, inputs, labels, keys=[3, 5, 7, 9, 11])
    torch.testing.assert_close(whole.adv, part.adv)


def test_of_an_error_it_is_the_perturbation_that_doubles_it():
    """Depth that is the mean pixel, wrong by d: it takes d to double the error in linf."""
    inputs = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)

    def depth(images):
        return images.mean(dim=(1, 2, 3), keepdim=True).expand(-1, 1, 4, 4)

    for objective in (DepthRMSE(), TaskLoss()):
        found = Minimal(objective, eps=0.2, search=12)(depth, inputs, torch.full((1, 1, 4, 4), 0.45))
        torch.testing.assert_close(found.norm, found.norm.new_tensor([0.05]), rtol=0.01, atol=0)


def test_an_embedding_is_turned_by_sixty_degrees():
    """In the plane of two channels' sums from (1, 1): the cosine is 1/2 where the smaller is tan(15 degrees)."""
    inputs = torch.full((1, 2, 1, 1), 0.5, dtype=torch.float64)
    attack = Minimal(EmbeddingCosine(), norm='l2', eps=1.0, search=12)
    found = attack(lambda images: images.flatten(1) - 0.2, inputs)
    # A ball around (0.3, 0.3) touches the ray at 60 degrees at its distance times sin(60 degrees).
    exact = 0.3 * 2**0.5 * torch.tensor(torch.pi / 3).sin()
    torch.testing.assert_close(found.norm, exact.double()[None], rtol=0.01, atol=0)


@pytest.mark.parametrize(
    ('settings', 'says'),
    [(dict(search=4), 'at least 5 radii'), (dict(steps=0), 'at least 1 step'), (dict(eps=0), 'largest radius')],
)
def test_what_is_refused(settings, says):
    with pytest.raises(UserError, match=says):
        Minimal(CrossEntropy(), **settings)
