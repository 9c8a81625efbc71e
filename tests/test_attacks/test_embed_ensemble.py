"""The ensemble against the embedding: one score for all of its members, and other ways than the easiest."""

import pytest
import torch

from mmssl_robust.attacks import PGD, EmbedAttack, EmbeddingLure, EmbedEnsemble
from mmssl_robust.attacks.objectives.embedding_lure import LURES
from mmssl_robust.utils.errors import UserError

SETTINGS = dict(eps=0.05, steps=6)


class Two:
    """A model with two outputs, of which the tokens say which, as a victim has."""

    def __init__(self, tokens='task'):
        self.net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3), torch.nn.Tanh(), torch.nn.Flatten())
        generator = torch.Generator().manual_seed(0)
        for parameter in self.net.parameters():
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
        self.net.double().requires_grad_(False)
        self.tokens = tokens

    def __call__(self, inputs):
        found = self.net(inputs).unflatten(1, (6, -1))
        return found if self.tokens == 'every' else found[:, :1]

    def reading(self, tokens):
        return Two(tokens)


def images(batch=4):
    return torch.rand(batch, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_the_farthest_by_the_distance_of_what_the_head_reads():
    forward, inputs = Two(), images()
    attack = EmbedEnsemble(**SETTINGS)
    worst, members = attack(forward, inputs), list(attack.run(forward, inputs))
    far = torch.stack([(forward(found.adv) - forward(inputs)).flatten(1).norm(dim=1) for found in members])
    torch.testing.assert_close(worst.score, -far.amax(dim=0))
    assert [found.member[0] for found in members] == list(attack.members)
    assert worst.norm.max() <= 0.05 + 1e-9
    paper = EmbedAttack(eps=0.05, step_size=0.0125, steps=6)(forward, inputs)
    assert (worst.score <= paper.score).all()
    assert ((worst.forwards + worst.backwards) <= attack.passes + 3 * len(members)).all()  # and the references


def test_an_images_result_does_not_depend_on_its_batch():
    forward, inputs = Two(), images()
    attack = EmbedEnsemble(**SETTINGS)
    whole, alone = attack(forward, inputs), attack(forward, inputs[2:3], keys=[2])
    torch.testing.assert_close(alone.adv, whole.adv[2:3], rtol=0, atol=1e-12)


def test_the_opposite_side():
    """Of a linear encoder the two farthest points; a head that is blind to one sees the other."""
    weight = torch.randn(3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs = 0.4 + 0.2 * images()

    def forward(x):
        return (weight * x).sum(dim=(1, 2, 3))[:, None]

    first, _, _, opposite, *_ = EmbedEnsemble(eps=0.05, steps=9).run(forward, inputs)
    torch.testing.assert_close(opposite.adv - inputs, inputs - first.adv)


@pytest.mark.parametrize('name', LURES)
def test_the_way_to_another_images_embedding_in_closed_form(name):
    """Of a linear encoder: the signs of the gradient, which is the same everywhere."""
    weight = torch.randn(5, 108, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def forward(x):
        return x.flatten(1) @ weight.T

    inputs = 0.4 + 0.2 * images()
    result = PGD(EmbeddingLure(name), eps=0.1, step_size=0.05, steps=5)(forward, inputs)
    way = forward(LURES[name](inputs)) - forward(inputs)
    way = way / way.norm(dim=1, keepdim=True)
    expected = inputs + 0.1 * (way @ weight).sign().view_as(inputs)
    torch.testing.assert_close(result.adv, expected)
    torch.testing.assert_close(result.score, -((forward(expected) - forward(inputs)) * way).sum(dim=1))


def test_lures_follow_from_the_image_or_a_number():
    inputs = images(3)
    for lure in LURES.values():
        other = lure(inputs)
        assert other.shape == inputs.shape and other.min() >= 0 and other.max() <= 1
        assert torch.equal(lure(inputs[1:2]), other[1:2])
    with pytest.raises(UserError, match="unknown lure='cat': use one of blotches-0"):
        EmbeddingLure('cat')
