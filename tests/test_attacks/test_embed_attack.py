"""EmbedAttack, against the closed form of a linear encoder."""

import pytest
import torch

from mmssl_robust.attacks import EmbedAttack, EmbeddingDistance
from mmssl_robust.utils.errors import UserError


def linear(seed=0):
    """Embeddings of one direction: the farthest point of the ball is +-eps sign(w), at distance eps * |w|_1 * |v|."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, 4, 4, dtype=torch.float64, generator=generator)
    direction = torch.randn(2, 5, dtype=torch.float64, generator=generator)  # two tokens of five numbers
    return weight, direction, lambda x: (weight * x).sum(dim=(1, 2, 3))[:, None, None] * direction + 3


def test_linear_encoder():
    weight, direction, forward = linear()
    inputs = 0.4 + 0.2 * torch.rand(3, 3, 4, 4, dtype=torch.float64)
    result = EmbedAttack(eps=0.25, step_size=0.0625)(forward, inputs)
    side = ((result.adv - inputs) * weight).sum(dim=(1, 2, 3)).sign()[:, None, None, None]
    assert torch.equal(result.adv, inputs + side * 0.25 * weight.sign())
    expected = (0.25 * weight.abs().sum() * direction.norm()).expand(3)
    torch.testing.assert_close(result.loss, expected)
    torch.testing.assert_close(result.score, -expected)


def test_clean_embedding_costs_one_forward():
    calls = []
    forward = linear()[2]
    result = EmbedAttack(steps=4)(
        lambda x: calls.append(x.detach().clone()) or forward(x), torch.rand(2, 3, 4, 4).double()
    )
    assert len(calls) == 4 + 2 and result.forwards.eq(len(calls)).all()
    assert result.backwards.eq(4).all()


def test_starts_from_the_clean_image():
    """The reference is the clean embedding, not that of the random start."""
    forward, inputs = linear()[2], torch.rand(2, 3, 4, 4).double()
    result = EmbedAttack(steps=0, eps=0.1)(forward, inputs)
    distance = (forward(result.adv) - forward(inputs)).flatten(1).norm(dim=1)
    assert (distance > 0).all()
    torch.testing.assert_close(result.loss, distance)


def test_given_reference_is_kept():
    forward, inputs = linear()[2], torch.rand(2, 3, 4, 4).double()
    reference = torch.randn(2, 2, 5).double()
    result = EmbedAttack(steps=1)(forward, inputs, reference)
    assert result.forwards.eq(2).all()
    torch.testing.assert_close(result.loss, (forward(result.adv) - reference).flatten(1).norm(dim=1))


def test_zero_radius_is_the_clean_image_without_nan():
    result = EmbedAttack(eps=0, steps=2)(linear()[2], torch.rand(2, 3, 4, 4).double())
    assert result.loss.tolist() == [0, 0]
    assert result.zero_grad.tolist() == [1, 1]
    assert not result.success.any()


@pytest.mark.parametrize(('angle', 'success'), [(0.0, False), (59.0, False), (61.0, True), (180.0, True)])
def test_success_is_a_cosine_below_one_half(angle, success):
    angle = torch.tensor(angle, dtype=torch.float64).deg2rad()
    turned = 7 * torch.stack((angle.cos(), angle.sin()))[None]
    clean = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert EmbeddingDistance().success(turned, clean).tolist() == [success]


def test_reference_of_another_shape():
    """Broadcasting would attack something else without a word."""
    with pytest.raises(ValueError, match='reference'):
        EmbedAttack()(linear()[2], torch.rand(2, 3, 4, 4).double(), torch.zeros(2, 1, 5).double())


def test_tokens():
    assert EmbedAttack(tokens='patch').objective.tokens == 'patch'
    with pytest.raises(UserError, match='task, cls, patch, both'):
        EmbedAttack(tokens='registers')
