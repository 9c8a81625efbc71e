"""The worst of several attacks."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import APGD, PGD, SEA, AutoAttack, CrossEntropy, DepthEnsemble, Ensemble, Margin
from mmssl_robust.utils.errors import UserError

EPS = 0.03


def classifier(classes=5, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.Tanh(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(32, classes),
    ).double()  # fmt: skip


def images(batch=12, side=8):
    return torch.rand(batch, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def short_autoattack(**settings):
    return AutoAttack(**dict(eps=0.01, steps=5, queries=20, targets=3) | settings)


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.004), ('l2', 0.04), ('l1', 0.5)])
@pytest.mark.parametrize('classes', [2, 3, 5])
def test_autoattack_for_any_number_of_classes(classes, norm, eps):
    net, inputs = classifier(classes), images()
    targets = net(inputs).argmax(dim=1)
    targets[0] = (targets[0] + 1) % classes  # wrong without an attack
    attack = short_autoattack(norm=norm, eps=eps)
    worst = attack(net, inputs, targets)
    members = list(attack.run(net, inputs, targets))
    assert (worst.score <= torch.stack([member.score for member in members]).amin(dim=0)).all()
    assert worst.success[0] and worst.norm.max() <= eps * (1 + 1e-6)
    assert torch.equal(net(worst.adv).argmax(dim=1) != targets, worst.success)
    # Success lasts from member to member, and what is broken costs no more.
    for before, after in zip(members, members[1:]):
        assert (after.success | ~before.success).all()
        assert after.forwards[before.success].eq(0).all() and after.forwards[~before.success].gt(0).all()
        assert torch.equal(after.adv[before.success], before.adv[before.success])
    assert torch.equal(worst.forwards, sum(member.forwards for member in members))


def test_what_is_wrong_without_an_attack_is_not_changed():
    net, inputs = classifier(), images(4)
    targets = (net(inputs).argmax(dim=1) + 1) % 5
    result = short_autoattack(eps=0.2)(net, inputs, targets)
    assert torch.equal(result.adv, inputs) and result.success.all() and result.forwards.eq(1).all()


def test_members_can_be_chosen():
    attack = short_autoattack(members=('apgd-t', 'square'))
    assert list(attack.members) == ['apgd-t', 'square']
    with pytest.raises(UserError, match="'apgd'"):
        short_autoattack(members=('apgd',))


def test_skipping_the_broken_changes_no_decision():
    """AutoAttack is as strong as its members would be alone."""
    net, inputs = classifier(), images(24)
    targets = net(inputs).argmax(dim=1)
    attack = short_autoattack(eps=EPS)
    alone = torch.stack([member(net, inputs, targets).success for member in attack.members.values()])
    assert torch.equal(attack(net, inputs, targets).success, alone.any(dim=0))
    assert 0 < alone.any(dim=0).sum() < 24


def test_batch_changes_nothing():
    net, inputs = classifier(), images(6)
    forward = lambda x: torch.cat([net(image[None]) for image in x])  # noqa: E731
    targets = net(inputs).argmax(dim=1)
    attack = short_autoattack(eps=EPS)
    together = attack(forward, inputs, targets, keys=range(6))
    for place in range(6):
        single = attack(forward, inputs[[place]], targets[[place]], keys=[place])
        assert torch.equal(single.adv, together.adv[[place]])
        assert single.member[0] == together.member[place]


def segmentor():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Tanh(), torch.nn.Conv2d(8, 4, 1)).double()


def test_sea_takes_the_lowest_pixel_accuracy():
    net, inputs = segmentor(), images(5)
    labels = net(inputs).argmax(dim=1)
    labels[:, 0] = 255
    attack = SEA(eps=0.02, steps=10)
    assert list(attack.members) == ['jensen-shannon', 'masked-ce', 'balanced-ce', 'cospgd', 'segpgd', 'finish']
    assert list(SEA(members=('masked-ce',)).members) == ['masked-ce']
    with pytest.raises(UserError, match="'dlr'"):
        SEA(members=('dlr',))
    with pytest.raises(UserError, match='name another before it'):
        SEA(members=('finish',))
    first_balls = {name: getattr(member, 'stages', [(1, 1)])[0][1] for name, member in attack.members.items()}
    assert list(first_balls.values()) == [2, 2, 2, 1, 1, 1]
    assert SEA(norm='l1', eps=12).members['cospgd'].stages[0][1] == 2
    assert SEA(norm='l1', eps=12).members['finish'].stages[0][1] == 1
    worst = attack(net, inputs, labels)
    scores = torch.stack([member.score for member in attack.run(net, inputs, labels)])
    assert (scores[-1] <= scores[:-1].amin(dim=0)).all()  # what finishes never comes out above where it started
    assert torch.equal(worst.score, scores.amin(dim=0))
    valid = labels != 255
    accuracy = ((net(worst.adv).argmax(dim=1) == labels) & valid).sum(dim=(1, 2)) / valid.sum(dim=(1, 2))
    torch.testing.assert_close(worst.score, accuracy.double())
    names = list(attack.members)
    assert [names[place] for place in scores.argmin(dim=0).tolist()] == worst.member
    for member in attack.members.values():
        pgd = PGD(member.objective, eps=0.02, step_size=0.005, steps=10)(net, inputs, labels)
        assert worst.score.mean() <= pgd.score.mean()


def test_depth_ensemble_takes_the_highest_rmse():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3, padding=1), torch.nn.Softplus()).double()
    inputs = images(4)
    depth = 0.5 + 4 * torch.rand(4, 1, 8, 8, dtype=torch.float64)
    worst = DepthEnsemble(eps=0.05, steps=10)(net, inputs, depth)
    rmse = (net(worst.adv) - depth).square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(-worst.score, rmse)
    members = list(DepthEnsemble(eps=0.05, steps=10).run(net, inputs, depth))
    assert torch.equal(worst.score, torch.stack([member.score for member in members]).amin(dim=0))


def test_members_must_share_a_ball():
    with pytest.raises(UserError, match='differ'):
        Ensemble({'a': APGD(CrossEntropy(), eps=0.1), 'b': APGD(Margin(), eps=0.2)})
    with pytest.raises(UserError, match='at least one'):
        Ensemble({})


class Opposite(Peak):
    """An attack that goes the wrong way: it lowers what its own score wants high."""

    def __call__(self, outputs, targets, step, steps):
        return -outputs


def test_an_image_that_is_worst_as_it_is_stays_as_it_is():
    inputs, keys = images(5), dict(eps=0.3, step_size=0.1, steps=4, random_start=False)
    total = lambda x: x.flatten(1).sum(dim=1)  # noqa: E731
    wrong = PGD(Opposite(), keep='last', **keys)
    worst = Ensemble({'wrong': wrong})(total, inputs)
    assert worst.member == ['clean'] * 5 and torch.equal(worst.adv, inputs)
    assert (worst.forwards == wrong(total, inputs).forwards + 1).all()
    assert Ensemble({'wrong': wrong, 'right': PGD(Peak(), **keys)})(total, inputs).member == ['right'] * 5
