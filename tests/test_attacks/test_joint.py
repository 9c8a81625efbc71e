"""One perturbation against several losses: the balance in closed form, and what the attack says of itself."""

import json

import pytest
import torch

from mmssl_robust.attack_settings import AttackSettings
from mmssl_robust.attacks import PGD, JointAttack, JointLoss
from mmssl_robust.building import build_attack
from mmssl_robust.utils.errors import UserError

SETTINGS = dict(eps=0.1, step_size=0.025, steps=8)


def two_losses(factor=1.0):
    """Losses that rise along opposite slopes, the first `factor` times as large."""
    generator = torch.Generator().manual_seed(0)
    ways = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator)
    scales = torch.tensor([factor, 1.0], dtype=torch.float64)
    return lambda x: scales * (5 + torch.einsum('bchw,kchw->bk', x - 0.5, ways)).square()


def images(batch=3):
    return 0.5 + 0.1 * torch.rand(batch, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_gradient_is_that_of_the_mean_relative_change():
    """As if written out: each loss of the next iterate over its present value, which is a constant."""
    forward, inputs = two_losses(1000.0), images().requires_grad_()
    losses = forward(inputs)
    (written_out,) = torch.autograd.grad((losses / (losses.detach() + JointLoss.LEAST)).mean(dim=1).sum(), inputs)
    objective = JointLoss()
    targets = objective.prepare(forward, inputs, None)
    (found,) = torch.autograd.grad(objective(forward(inputs), targets, 1, 1).sum(), inputs)
    torch.testing.assert_close(found, written_out)


@pytest.mark.parametrize('balance, same', [('relative', True), ('sum', False)])
def test_units_of_the_losses_matter_to_their_sum_alone(balance, same):
    attack = JointAttack(balance=balance, **SETTINGS)
    first, second = (attack(two_losses(factor), images()).adv for factor in (1.0, 1000.0))
    assert torch.allclose(first, second) == same


def test_no_loss_is_left_behind():
    """The sum sees the larger loss; the balance gives up little of it for more of the other."""
    forward, inputs = two_losses(1000.0), images()
    relative, total = (
        forward(JointAttack(balance=way, **SETTINGS)(forward, inputs).adv) for way in ('relative', 'sum')
    )
    assert (relative[:, 1] > total[:, 1]).all()
    assert (relative[:, 0] <= total[:, 0]).all() and (relative[:, 0] > forward(inputs)[:, 0]).all()


def test_score_and_success():
    losses = torch.tensor([[2.0, 3.0], [2.0, 0.5], [-1e-9, 4.0]])
    objective, nothing = JointLoss(), torch.zeros(3)
    assert objective.success(losses, nothing).tolist() == [True, False, False]
    expected = -((losses.clamp(min=0) + 1e-3).log().mean(dim=1))
    torch.testing.assert_close(objective.score(losses, nothing), expected)
    assert JointLoss('sum').score(losses, nothing).tolist() == [-2.5, -1.25, -2.0]


def test_what_it_says_of_itself(tmp_path):
    path = tmp_path / 'head.safetensors'
    path.write_bytes(b'weights')
    heads = dict(flowers=dict(config='task.py', head=str(path), scale=2.0))
    settings = build_attack(dict(type='JointAttack', heads=heads, balance='sum', **SETTINGS)).settings
    assert (settings.kind, settings.reads, settings.in_a_ball) == ('joint', 'embedding', True)
    assert len(settings.arguments['heads']['flowers'].pop('sha256')) == 64
    assert settings.arguments['heads'] == heads
    assert settings.words().endswith('balance sum, heads flowers')
    assert AttackSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings
    assert 'heads' not in JointAttack(**SETTINGS).settings.words()


@pytest.mark.parametrize(
    'changes, says',
    [
        (dict(balance='even'), "unknown balance='even': use one of relative, sum"),
        (dict(heads={}), 'heads={} are none: name some'),
        (dict(heads=dict(a='head.pth')), r"heads.a='head.pth': give dict\(config=..., head=..., scale=...\)"),
        (dict(heads=dict(a=dict(config='c.py', head='gone.pth'))), 'the head gone.pth of an attack is not there'),
        (dict(heads=3), 'heads=3: give a section'),
        (dict(random_start=False), 'JointLoss has no gradient at the clean image'),
    ],
)
def test_mistakes(changes, says):
    with pytest.raises(UserError, match=says):
        build_attack(dict(type='JointAttack', **changes))


def test_a_head_says_no_more_than_is_known():
    spec = dict(config='c.py', head='h.pth')
    with pytest.raises(UserError, match='heads.a.weight is unknown: give config, head and scale'):
        JointLoss(heads=dict(a=dict(spec, weight=3)))
    with pytest.raises(UserError, match='heads.a.scale=0: give a finite number above 0'):
        JointLoss(heads=dict(a=dict(spec, scale=0)))
    with pytest.raises(ValueError, match='needs losses'):
        PGD(JointLoss())(lambda x: x.mean(dim=(1, 2, 3)), images())
