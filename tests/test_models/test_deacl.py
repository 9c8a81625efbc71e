"""DeACL's losses, and that they are learnt."""

from copy import deepcopy

import pytest
import torch
from toys import MEAN, STD
from toys import method as build
from toys import method_batch as batch
from toys import method_loss as loss_of


@pytest.mark.parametrize('tokens', ['cls', 'patch', 'both'])
def test_starts_as_the_teacher_and_learns(tokens):
    model = build(tokens)
    data = batch(model)
    teacher = deepcopy(model.teacher.state_dict())
    losses = model(**data, mode='loss')
    torch.testing.assert_close(losses['loss_teacher'], torch.tensor(-1.0))
    assert losses['loss_adversarial'] > -2
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.3, momentum=0.9)
    before = loss_of(model, data)
    for _ in range(15):
        optimizer.zero_grad()
        loss_of(model, data).backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
        optimizer.step()
    assert 3 + loss_of(model, data) < 0.9 * (3 + before), 'nearer to -3, the lowest loss'
    torch.testing.assert_close(dict(model.teacher.state_dict()), dict(teacher), rtol=0, atol=0)


def test_losses_are_equation_2(monkeypatch):
    model = build(gamma=0.5)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    data, seen = batch(model), []
    stated = model.losses
    monkeypatch.setattr(model, 'losses', lambda made: seen.append(made) or stated(made))
    losses = model(**data, mode='loss')
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    clean, adversarial = (model.backbone(x)[-1] for x in (data['inputs'], (seen[0].adv * 255 - mean) / std))
    cosine = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(losses['loss_teacher'], -cosine(clean, model.teacher(data['inputs'])[-1]).mean())
    torch.testing.assert_close(losses['loss_adversarial'], -0.5 * cosine(adversarial, clean).mean())
