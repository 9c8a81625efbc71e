"""The ensemble against the embedding: one score for all of its members, and other places than the nearest hill."""

import pytest
import torch

from mmssl_robust.attacks import PGD, EmbedAttack, EmbeddingLures, EmbedEnsemble
from mmssl_robust.attacks.objectives.embedding_lures import LURES

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
    assert [names[0] for names in (found.member for found in members)] == list(attack.members)
    assert worst.norm.max() <= 0.05 + 1e-9
    paper = EmbedAttack(eps=0.05, step_size=0.0125, steps=6)(forward, inputs)
    assert (worst.score <= paper.score).all()


def test_an_images_result_does_not_depend_on_its_batch():
    forward, inputs = Two(), images()
    attack = EmbedEnsemble(**SETTINGS, restarts=1)
    whole = attack(forward, inputs)
    alone = attack(forward, inputs[2:3], keys=[2])
    torch.testing.assert_close(alone.adv, whole.adv[2:3], rtol=0, atol=1e-12)


def test_no_more_passes_than_it_says():
    attack = EmbedEnsemble(**SETTINGS)
    result = attack(Two(), images(1))
    references = len(attack.members) + len(LURES)
    assert (result.forwards + result.backwards).item() <= attack.passes + 2 * references


@pytest.mark.parametrize('place, name', list(enumerate(LURES)))
def test_lures_are_other_images_embeddings(place, name):
    forward, inputs, objective = Two(), images(), EmbeddingLures()
    targets = objective.prepare(forward, inputs, None)
    clean, lure = objective.aim(targets, place).unbind(dim=1)
    torch.testing.assert_close(clean, forward(inputs))
    torch.testing.assert_close(lure, forward(LURES[name](inputs)))
    attacked = PGD(objective, eps=0.2, step_size=0.02, steps=20, keep='last', restarts=1)(forward, inputs)
    if place == 0:
        before, after = ((forward(x) - lure).flatten(1).norm(dim=1) for x in (inputs, attacked.adv))
        assert (after < before).all()
    torch.testing.assert_close(attacked.score, -(forward(attacked.adv) - clean).flatten(1).norm(dim=1))


def test_lures_run_once_each():
    assert EmbeddingLures().aims(torch.zeros(2, 1 + len(LURES), 1, 5)) == len(LURES)
    assert EmbedEnsemble().members['lures'].restarts == len(LURES)
