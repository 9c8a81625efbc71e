"""Errors with two hills, of which the one that the gradient leads to is the lower."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import (
    APGD,
    PGD,
    DepthAbsRel,
    DepthEnsemble,
    DepthLoss,
    DepthPGD,
    DepthRMSE,
    EmbedAttack,
    Ensemble,
    SignedDepthError,
    TargetedDepth,
)
from mmssl_robust.attacks.sanity import checks_of, measure
from mmssl_robust.utils.errors import UserError

EPS, TRUTH, MISTAKE = 0.1, 6.0, 0.3
inputs = torch.full((2, 3, 8, 8), 0.5, dtype=torch.float64)
depth = torch.full((2, 1, 8, 8), TRUTH, dtype=torch.float64)


def depther(steep, flat):
    """Depth that moves by the mean change of an image: `steep` metres at +eps, `flat` at -eps, from a small mistake.

    The mistake lies on the side of the lower hill, so that the squared error falls before it rises to the higher one:
    |steep| - MISTAKE at the one end, |flat| + MISTAKE at the other.
    """
    side = 1 if steep > 0 else -1

    def forward(x):
        share = (x - 0.5).mean(dim=(1, 2, 3), keepdim=True) / EPS
        change = torch.where(share > 0, steep * share, flat * share)
        return TRUTH - side * MISTAKE + change.expand(-1, -1, 8, 8)

    return forward


@pytest.mark.parametrize('side', [1, -1])
@pytest.mark.parametrize(
    'attack',
    [APGD(objective(), eps=EPS, steps=20, restarts=4) for objective in (DepthLoss, DepthRMSE, DepthAbsRel)]
    + [DepthPGD(eps=EPS, step_size=EPS / 4, steps=20, restarts=4)],
)
def test_an_error_without_a_sign_ends_on_the_lower_hill(side, attack):
    result = attack(depther(3 * side, side), inputs, depth)
    torch.testing.assert_close(-result.score, torch.full((2,), 1 + MISTAKE, dtype=torch.float64))


@pytest.mark.parametrize(('side', 'member'), [(1, 'far'), (-1, 'near')])
def test_the_depth_ensemble_finds_the_higher_hill(side, member):
    attack = DepthEnsemble(eps=EPS, steps=20)
    result = attack(depther(3 * side, side), inputs, depth)
    torch.testing.assert_close(-result.score, torch.full((2,), 3 - MISTAKE, dtype=torch.float64))
    assert result.member == [member] * 2
    single = PGD(SignedDepthError(member), eps=EPS, step_size=EPS / 4, steps=10)(depther(3 * side, side), inputs, depth)
    torch.testing.assert_close(single.score, result.score)


def test_depth_ensemble_has_a_member_for_each_direction_and_one_that_finishes():
    attack = DepthEnsemble(eps=EPS, steps=20)
    assert list(attack.members) == ['depth-loss', 'rmse', 'abs-rel', 'far', 'near', 'finish']
    assert attack.finish == ('finish',)
    assert attack.passes == 6 * (2 * 20 + 1)  # what three members of two restarts took


def test_the_signed_error_is_the_squared_one_on_its_side_and_rises_everywhere():
    far, near = SignedDepthError('far'), SignedDepthError('near')
    outputs = torch.linspace(0.5, 9.5, 19, dtype=torch.float64)[:, None, None, None]
    targets = torch.full_like(outputs, 4.0)
    error = (outputs - targets).flatten()
    torch.testing.assert_close(far(outputs, targets, 1, 1), error.sign() * error**2)
    assert (far(outputs, targets, 1, 1).diff() > 0).all()
    assert torch.equal(near(outputs, targets, 1, 1), -far(outputs, targets, 1, 1))
    missing = torch.full_like(outputs, 0.0)
    assert far(outputs, missing, 1, 1).eq(0).all() and far.idle(far.score(outputs, missing), missing).all()


def test_an_unknown_direction_is_named():
    with pytest.raises(UserError, match="'up': use one of far, near"):
        SignedDepthError('up')


def total(x):
    return x.flatten(1).sum(dim=1)


def test_a_member_that_finishes_starts_from_the_worst_so_far():
    settings = dict(eps=0.3, step_size=0.05, random_start=False)
    seek = {steps: PGD(Peak(), steps=steps, **settings) for steps in (1, 3)}
    last = PGD(Peak(), steps=1, **settings)
    members = dict(short=seek[1], long=seek[3], last=last)
    result = Ensemble(members, finish=['last'])(total, inputs)
    torch.testing.assert_close(result.adv, inputs + 4 * 0.05)
    assert result.member == ['last'] * 2
    assert Ensemble(members)(total, inputs).member == ['long'] * 2
    assert torch.equal(result.forwards, Ensemble(members)(total, inputs).forwards)


def test_what_finishes_must_be_a_member():
    with pytest.raises(UserError, match="unknown member 'end'"):
        Ensemble(dict(a=PGD(Peak())), finish=['end'])
    with pytest.raises(UserError, match='stop_at_success'):
        Ensemble(dict(a=PGD(Peak()), b=PGD(Peak())), stop_at_success=True, finish=['b'])


def test_a_start_is_for_the_first_restart_and_within_the_ball():
    attack = PGD(Peak(), eps=0.1, steps=0, seed=3)
    far_away = torch.ones_like(inputs)
    torch.testing.assert_close(attack(total, inputs, start=far_away).adv, inputs + 0.1)
    again = PGD(Peak(), eps=0.1, steps=0, seed=3, restarts=2)(total, inputs, start=inputs - 0.1)
    assert again.restart.eq(1).all()  # noise, which is higher than the lowest corner


def test_sanity_says_that_a_single_attack_misses_a_hill():
    check = 'neither all far nor all near is stronger'
    data = (depther(3, 1), inputs, depth)
    settings = dict(eps=EPS, step_size=EPS / 4, steps=20)

    def passed(attack, **how):
        return {found.name: found.passed for found in checks_of(measure(attack, *data, queries=5, **how))}.get(check)

    assert passed(DepthPGD(**settings)) is False
    assert passed(PGD(SignedDepthError('far'), **settings)) is True
    assert passed(PGD(DepthLoss(), **settings), alone=False) is None
    assert passed(PGD(TargetedDepth('scale:1.2'), **settings)) is None


def encoder(x):
    """An embedding (B, 1, 2) that turns: near by its distance falls before it rises to 3.5 at either end of the ball.

    The first entry rises to 1 at 0.3 eps and is 0 from 0.6 eps on, the second is 0 up to 0.3 eps and rises from there.
    """
    share = ((x - 0.5).mean(dim=(1, 2, 3)) / EPS).abs()
    bump = (1 - (share - 0.3).abs() / 0.3).clamp(min=0)
    return torch.stack([bump, 5 * (share - 0.3).clamp(min=0)], dim=1)[:, None]


def test_directions_of_the_embedding_lead_to_the_higher_hill():
    settings = dict(eps=EPS, step_size=EPS / 10, steps=50, restarts=10)
    plain = EmbedAttack(**settings)(encoder, inputs)
    assert (plain.score >= -1).all()  # every restart ends on the lower one
    # A direction leads over the valley if 0 < r_1 < 1.5 r_2: one of six.
    result = EmbedAttack(directions=True, **settings)(encoder, inputs)
    torch.testing.assert_close(-result.score, torch.full((2,), 3.5, dtype=torch.float64))
    assert torch.equal(result.score, -torch.linalg.vector_norm(encoder(result.adv).flatten(1), dim=1))
    assert torch.equal(result.loss, -result.score) and (result.restart > 0).all()


def test_directions_leave_the_first_restart_as_it_is_and_depend_on_no_batch():
    settings = dict(eps=EPS, step_size=EPS / 10, steps=10)
    plain, first = (EmbedAttack(directions=how, **settings)(encoder, inputs) for how in (False, True))
    assert torch.equal(plain.adv, first.adv)
    both = EmbedAttack(directions=True, restarts=3, **settings)
    single = both(encoder, inputs[1:], keys=[1])
    assert torch.equal(both(encoder, inputs).adv[1:], single.adv)
    assert both.settings.objective == 'EmbeddingDirections' and 'directions True' in both.settings.words()
    assert 'directions' not in EmbedAttack(**settings).settings.words()
