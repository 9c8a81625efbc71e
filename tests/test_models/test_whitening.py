"""Whitened embeddings: what the worst linear head makes of a change."""

import pytest
import torch
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.models.algorithms import Whitening
from mmssl_robust.utils.errors import UserError

ATTACK = dict(type='PGD', objective=dict(type='EmbeddingDistance'), eps='4/255', step_size='2/255', steps=2)


@pytest.fixture
def embeddings():
    """Of which some entries hardly differ between images, and some go together."""
    torch.manual_seed(0)
    return torch.randn(500, 6) @ torch.diag(torch.tensor([5.0, 1.0, 1.0, 0.1, 0.01, 1.0])) @ torch.randn(6, 6) + 3


def covariance_of(embeddings):
    return torch.cov(embeddings.double().detach().T, correction=0)


@pytest.mark.parametrize('ridge', [0.001, 0.1, 10])
def test_no_head_is_moved_more(embeddings, ridge):
    """The squared distance is attained by one head of unit variance under the ridge, and passed by none."""
    whitening = Whitening(6, ridge)
    whitening.see(embeddings)
    change = torch.randn(6)
    found = (whitening(embeddings[0] + change) - whitening(embeddings[0])).square().sum().double()

    ridged = covariance_of(embeddings)
    ridged = ridged + ridge * ridged.trace() / 6 * torch.eye(6)
    best = torch.linalg.solve(ridged, change.double())
    heads = torch.cat([best[None], best + best.norm() * torch.randn(1000, 6), torch.randn(1000, 6)])
    moved = (heads @ change.double()).square() / ((heads @ ridged) * heads).sum(dim=1)
    torch.testing.assert_close(found, moved[0], rtol=1e-4, atol=0)
    assert moved.max() <= moved[0] * (1 + 1e-9)


def test_white(embeddings):
    """Almost without a ridge the covariance is 1 and the mean 0, so that different images are 2 D apart on average."""
    whitening = Whitening(6, 1e-9)
    whitening.see(embeddings)
    white = whitening(embeddings)
    torch.testing.assert_close(covariance_of(white), torch.eye(6).double(), rtol=0, atol=2e-3)
    torch.testing.assert_close(white.mean(dim=0), torch.zeros(6), rtol=0, atol=1e-3)


def test_parts_are_as_good_as_the_whole(embeddings):
    """Shown in parts of any shape, it knows what it knows of all; the matrix lags behind by a tenth at most."""
    whole, parts = Whitening(6), Whitening(6)
    whole.see(embeddings)
    for part in embeddings.reshape(10, 5, 10, 6):
        parts.see(part)
    torch.testing.assert_close(parts.products, whole.products)
    torch.testing.assert_close(parts.total, whole.total)
    assert parts.counted * 1.1 >= parts.count
    parts.see(embeddings[:0])
    parts._fit()
    torch.testing.assert_close(parts.matrix, whole.matrix)


def test_state_goes_on(embeddings):
    one, other = Whitening(6), Whitening(6)
    one.see(embeddings[:200])
    other.load_state_dict(one.state_dict())
    for whitening in (one, other):
        whitening.see(embeddings[200:])
    assert torch.equal(one(embeddings), other(embeddings))


@pytest.mark.parametrize('tokens', ['cls', 'patch', 'both'])
def test_fare_in_its_units(tokens):
    """Attack and loss read the whitened embedding; the loss is the quadratic form of the plain change."""
    model = build(tokens, 'mmssl_robust.FARE', attack=ATTACK, whitening=dict(ridge=0.5))
    seen = []
    stated = model.losses
    model.losses = lambda made: seen.append(made) or stated(made)
    loss = model(**batch(model), mode='loss')['loss_fare']
    made, whitening = seen[0], model.embed.whitening
    teacher, adversarial = (model.embed._read(each) for each in (made.teacher_features, made.adversarial_features))
    ridged = covariance_of(teacher.flatten(0, 1))
    ridged = ridged + 0.5 * ridged.diagonal().mean() * torch.eye(len(ridged))
    change = (adversarial - teacher).double().flatten(0, 1)
    expected = (change * torch.linalg.solve(ridged, change.T).T).sum(dim=1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-3)
    assert whitening.count == teacher.shape[0] * teacher.shape[1]
    assert {'embed.whitening.products', 'embed.whitening.matrix'} <= model.state_dict().keys()


def test_the_attack_is_on_it():
    """The images go farther in white units than those of an attack on the plain embedding."""
    torch.manual_seed(0)
    white = build('both', 'mmssl_robust.FARE', attack=ATTACK | dict(steps=10), whitening=dict(ridge=0.01))
    plain = build('both', 'mmssl_robust.FARE', attack=ATTACK | dict(steps=10))
    plain.backbone.load_state_dict(white.backbone.state_dict())
    plain.teacher.load_state_dict(white.teacher.state_dict())
    white(**batch(white), mode='loss')  # so that it knows these images
    found = {}
    for name, model in (('white', white), ('plain', plain)):
        made = model.batch_of(batch(model)['inputs'], batch(model)['data_samples'])
        model.perturb(made)
        with torch.no_grad():
            pair = [white.embed(white.backbone(made._space.to_inputs(pixels))) for pixels in (made.adv, made.pixels)]
        found[name] = (pair[0] - pair[1]).square().sum(dim=-1).mean()
    assert found['white'] > 1.05 * found['plain']


@pytest.mark.parametrize(
    'settings, message', [(dict(ridge=0), 'above 0'), (dict(shrinkage=1), 'use ridge'), (dict(ridge=-1.0), 'above 0')]
)
def test_refused(settings, message):
    with pytest.raises(UserError, match=message):
        build('cls', 'mmssl_robust.FARE', attack=ATTACK, whitening=settings)


def test_unknown_width():
    from mmssl_robust.models.algorithms import Embedding

    with pytest.raises(UserError, match='how wide'):
        Embedding('cls', (-1,), 0, whitening={})
