"""Losses of FARE, LORE, TRADES on embeddings and task-aware training, against their formulas in float64."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from toys import MEAN, STD, backbone_cfg, write_heads
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.functional.token_distance import token_distance, token_size
from mmssl_robust.models.losses import LORELoss
from mmssl_robust.utils.errors import UserError

ATTACK = dict(type='PGD', objective=dict(type='EmbeddingDistance'), eps='4/255', step_size='2/255', steps=2)


def moved(model):
    """A student that is no longer the teacher's copy."""
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def looked(model, data):
    """Losses, and the embeddings (B, N, D) of student and teacher in float64: of clean and of adversarial images."""
    seen, stated = [], model.losses
    model.losses = lambda made: seen.append(made) or stated(made)
    losses = {name: float(value.detach()) for name, value in model(**data, mode='loss').items()}
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        clean, adversarial = (
            tokens(model.backbone(inputs)) for inputs in (data['inputs'], (seen[0].adv * 255 - mean) / std)
        )
        return losses, clean, adversarial, tokens(model.teacher(data['inputs']))


def tokens(features):
    """CLS beside each patch token, by NumPy."""
    featmap, cls_token = (part.double().numpy() for part in features[-1])
    patches = featmap.reshape(*featmap.shape[:2], -1).transpose(0, 2, 1)
    return np.concatenate([np.broadcast_to(cls_token[:, None], patches.shape), patches], axis=2)


def squares(one, other):
    return ((one - other) ** 2).sum(axis=2).mean(axis=1)


def test_distance_and_size_by_hand():
    embedding = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]]])
    zero = torch.zeros_like(embedding)
    assert token_distance(embedding, zero).tolist() == token_size(embedding).tolist() == [12.5, 2.5]
    assert token_distance(embedding[:, 0], zero[:, 0]).tolist() == [25, 1]
    with pytest.raises(ValueError, match='but the reference'):
        token_distance(embedding, zero[:1])


def test_both_kinds_weigh_alike():
    """CLS as much as all patch tokens together: the squared distance is the sum of the two kinds'."""
    model = moved(build('both', 'mmssl_robust.FARE', attack=ATTACK))
    data = batch(model)
    with torch.no_grad():
        features = model.backbone(data['inputs']), model.teacher(data['inputs'])
        found = token_distance(*map(model.embed, features))
        (one, one_cls), (other, other_cls) = (pair[-1] for pair in features)
    expected = (one_cls - other_cls).square().sum(1) + (one - other).square().sum(1).mean((1, 2))
    torch.testing.assert_close(found, expected)


def test_fare():
    model = moved(build('both', 'mmssl_robust.FARE', attack=ATTACK))
    losses, _, adversarial, teacher = looked(model, batch(model))
    distance = squares(adversarial, teacher)
    assert losses['loss_fare'] == pytest.approx(distance.mean(), rel=1e-5)
    assert losses['moved_adv'] == pytest.approx((distance / squares(teacher, 0)).mean(), rel=1e-5)


@pytest.mark.parametrize('step, dual', [(0, False), (1, False), (2, True), (3, False), (5, True)])
def test_lore(step, dual):
    model = moved(build('both', 'mmssl_robust.LORE', attack=ATTACK, rho=0.2, primal_steps=3))
    model.step = step
    losses, clean, adversarial, teacher = looked(model, batch(model))
    first, second = (
        [parameter.detach().double().numpy() for parameter in layer.parameters()]
        for layer in (model.dual.hidden, model.dual.out)
    )
    hidden = np.maximum(teacher.mean(axis=1) @ first[0].T + first[1], 0)
    multiplier = np.log1p(np.exp(hidden @ second[0].T + second[1]))[:, 0]
    violation = squares(clean, teacher) - 0.2 * squares(teacher, 0)
    expected = squares(adversarial, teacher) + multiplier * violation
    assert losses['loss_primal'] == pytest.approx(expected.mean(), rel=1e-5)
    assert losses['multiplier'] == pytest.approx(multiplier.mean(), rel=1e-5)
    assert losses['violation'] == pytest.approx((violation / squares(teacher, 0)).mean(), rel=1e-4)
    assert ('loss_dual' in losses) == dual
    if dual:
        assert losses['loss_dual'] == pytest.approx(-(multiplier * violation).mean(), rel=1e-4)


def test_lore_lowers_by_the_student_and_raises_by_the_multiplier():
    """Of the Lagrangian a + l (v - c) the student has the gradient 1 + l, the multiplier minus its own, v - c."""
    weight, multiplier = torch.tensor([3.0, 1.0], requires_grad=True), torch.tensor([0.5, 2.0], requires_grad=True)
    criterion = LORELoss(rho=0.1)
    adversarial, clean = (weight.sqrt()[:, None, None] for _ in range(2))  # squared distances to 0 are the weights
    objective, violation = criterion(clean, adversarial, torch.zeros(2, 1, 1))
    criterion.primal(objective, violation, multiplier).backward()
    torch.testing.assert_close(weight.grad, torch.tensor([0.75, 1.5]))
    assert multiplier.grad is None
    objective, violation = criterion(clean.detach(), adversarial.detach(), torch.ones(2, 1, 1))
    criterion.dual(violation, multiplier).backward()
    expected = [-(((3**0.5 - 1) ** 2) - 0.1) / 2, 0.05]
    torch.testing.assert_close(multiplier.grad, torch.tensor(expected))


def test_multiplier_rises_where_the_constraint_is_broken():
    """The dual problem by itself: the multiplier of an image grows while it is broken, and falls where it is kept."""
    model = build('cls', 'mmssl_robust.LORE', attack=ATTACK)
    teacher = torch.randn(2, 1, 16)
    violation = torch.tensor([1.0, -1.0])
    before = model.dual(teacher).detach()
    optimizer = torch.optim.SGD(model.dual.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        model.criterion.dual(violation, model.dual(teacher)).backward()
        optimizer.step()
    after = model.dual(teacher).detach()
    assert after[0] > before[0] and 0 <= after[1] < before[1]


def test_feature_trades():
    model = moved(build('both', 'mmssl_robust.FeatureTRADES', attack=ATTACK, beta=3.0))
    losses, clean, adversarial, teacher = looked(model, batch(model))
    assert losses['loss_clean'] == pytest.approx(squares(clean, teacher).mean(), rel=1e-5)
    assert losses['loss_adversarial'] == pytest.approx(3 * squares(adversarial, clean).mean(), rel=1e-5)


def test_task_aware(tmp_path):
    """Kullback-Leibler divergence, its mean over pixels, squared log ratio of depths, and FARE's relative distance."""
    heads = write_heads(tmp_path / 'heads')
    backbone = backbone_cfg('featmap_cls') | dict(final_norm='both')
    attack = {key: value for key, value in ATTACK.items() if key != 'objective'}
    model = build('both', 'mmssl_robust.TaskAware', backbone=backbone, attack=attack, heads=heads, embedding_weight=0.3)
    data, seen, stated = batch(moved(model)), [], model.losses
    model.losses = lambda made: seen.append(made) or stated(made)
    losses, _, adversarial, teacher = looked(model, data)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        features = model.backbone((seen[0].adv * 255 - mean) / std), model.teacher(data['inputs'])
        said = {
            name: [head.head((read(name, of),)).double().numpy() for of in features]
            for name, head in model.heads.items()
        }
    for name in ('classes', 'pixels'):
        found, wanted = (log_softmax(logits, axis=1) for logits in said[name])
        assert losses[f'loss_{name}'] == pytest.approx(
            (np.exp(wanted) * (wanted - found)).sum(axis=1).mean() / 2, rel=1e-4
        )
    assert said['pixels'][0].shape == (3, 4, 2, 2)
    ratio = np.log(said['depth'][0] / said['depth'][1])
    assert losses['loss_depth'] == pytest.approx((ratio**2).mean() / 2, rel=1e-4)
    relative = squares(adversarial, teacher) / squares(teacher, 0)
    assert losses['loss_embedding'] == pytest.approx(0.3 * relative.mean(), rel=1e-4)


def read(name, features):
    before, (featmap, cls_token) = features
    return dict(classes=cls_token, pixels=featmap, depth=before)[name]


def test_several_blocks():
    """The squared distance is the sum over the blocks that are named."""
    backbone = backbone_cfg('featmap_cls') | dict(out_indices=(0, 1))
    model = moved(build('both', 'mmssl_robust.FARE', backbone=backbone, blocks=(0, 1), attack=ATTACK))
    data = batch(model)
    with torch.no_grad():
        one, other = model.backbone(data['inputs']), model.teacher(data['inputs'])
        found = token_distance(model.embed(one), model.embed(other))
    expected = sum(squares(tokens([first]), tokens([second])) for first, second in zip(one, other))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_clean_continuation_pays_for_no_attack():
    model = moved(build('both', 'mmssl_robust.FARE', adversaries=[]))
    data = batch(model)
    losses, clean, adversarial, teacher = looked(model, data)
    np.testing.assert_allclose(adversarial, clean, atol=1e-5)
    assert losses['loss_fare'] == pytest.approx(squares(clean, teacher).mean(), rel=1e-5)
    assert (model.cost.forwards, model.cost.backwards) == (3 * 2, 3 * 1)


@pytest.mark.parametrize(
    'name, settings, says',
    [
        ('FARE', dict(attack=ATTACK, adversaries=[]), 'as attack, or several as adversaries'),
        ('LORE', dict(attack=ATTACK, rho=-1.0), 'rho=-1.0: give a finite number of at least 0'),
        ('LORE', dict(attack=ATTACK, primal_steps=0), 'primal_steps=0'),
        ('TaskAware', dict(heads={}), 'TaskAware has no heads'),
    ],
)
def test_settings_that_cannot_be(name, settings, says):
    with pytest.raises(UserError, match=says):
        build('cls', f'mmssl_robust.{name}', **settings)
