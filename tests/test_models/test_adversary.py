"""Who attacks which images, and with what."""

import numpy as np
import pytest
import torch
from toys import backbone_cfg, write_heads
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.attacks import PGD, EmbeddingDistance
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.building import build_attack
from mmssl_robust.models.algorithms import Adversary
from mmssl_robust.models.algorithms.adversary import build_adversaries, deal
from mmssl_robust.models.algorithms.own_loss import OwnLoss
from mmssl_robust.utils.errors import UserError

PLAIN = dict(type='PGD', eps='4/255', step_size='2/255', steps=3)
LINF = PLAIN | dict(objective=dict(type='EmbeddingDistance'))
L2 = LINF | dict(norm='l2', eps=0.5, step_size=0.2)
L1 = LINF | dict(norm='l1', eps=12.0, step_size=5.0)


def moved(model):
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def made(model, data):
    """The batch with its adversarial images."""
    found = model.batch_of(**data)
    model.perturb(found)
    return found


def test_dealt_by_image_and_visit_alone():
    adversaries = [Adversary(None, share) for share in (0.5, 0.3, 0.2)]
    keys = list(range(4000))
    dealt = deal(adversaries, keys, visit=0)
    assert sorted(torch.cat(dealt).tolist()) == keys
    assert [len(rows) / 4000 for rows in dealt] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    again = deal(adversaries, keys[::-1], visit=0)
    assert [sorted(3999 - rows) for rows in again] == [sorted(rows) for rows in dealt], 'in another order'
    assert [rows.tolist() for rows in deal(adversaries, keys[:9], 0)] == [rows[rows < 9].tolist() for rows in dealt]
    later = torch.cat([deal(adversaries, [7], visit)[0] for visit in range(400)])
    assert len(later) / 400 == pytest.approx(0.5, abs=0.08), 'an image meets all of them'


@pytest.mark.parametrize('attack', [LINF, L2, L1], ids=['linf', 'l2', 'l1'])
def test_images_are_those_of_the_attack_package(attack):
    """An inner attack and the same PGD called from outside, whose last iterate is kept."""
    model = moved(build('both', 'mmssl_robust.FARE', attack=attack))
    data = batch(model)
    found = made(model, data)
    model.eval()
    outside = build_attack(attack | dict(keep='last'))
    result = outside(found.embed, found.pixels, found.teacher, keys=found.keys)
    torch.testing.assert_close(found.adv, result.adv, atol=1e-6, rtol=0)
    assert outside.threat.size(found.adv - found.pixels).max() <= outside.eps + 1e-5


def test_the_distance_and_its_square_have_one_ascent():
    """FARE's inner attack raises the square; what it does is the same by the distance itself."""
    model = moved(build('both', 'mmssl_robust.FARE', attack=LINF))
    found = made(model, batch(model))
    model.eval()

    def squared(pixels):
        return (found.embed(pixels) - found.teacher).square().sum(dim=-1).mean(dim=1)

    attack = PGD(OwnLoss(), eps='4/255', step_size='2/255', steps=3)
    adv = attack.perturb(squared, found.pixels, keys=found.keys).adv
    assert (adv - found.adv).abs().gt(1e-6).float().mean() < 0.005
    assert (squared(found.adv) > squared(found.pixels)).all()


def test_feature_trades_leaves_the_students_own_embedding():
    model = moved(build('both', 'mmssl_robust.FeatureTRADES', attack=LINF))
    found = made(model, batch(model))
    assert (model.cost.forwards, model.cost.backwards) == (3 * 4, 3 * 3)
    model.eval()
    result = build_attack(LINF | dict(keep='last'))(found.embed, found.pixels, keys=found.keys)
    torch.testing.assert_close(found.adv, result.adv, atol=1e-6, rtol=0)


@pytest.mark.parametrize('norm, eps', [('linf', 4 / 255), ('l2', 0.5)])
def test_nfgsm_written_out(norm, eps):
    """Noise in twice the ball, a step of eps up the gradient, clipped to images and to no ball."""
    attack = dict(type='NFGSM', objective=dict(type='EmbeddingDistance'), norm=norm, eps=eps)
    model = moved(build('cls', 'mmssl_robust.FARE', attack=attack))
    found = made(model, batch(model, count=4))
    assert (model.cost.forwards, model.cost.backwards) == (4 * 2, 4), 'the teacher, and a single step'
    model.eval()
    wide = model.adversaries[0].attack.threat.scaled(2)
    start = (found.pixels + random_start(wide, found.pixels, found.keys, 0, 0)).clamp(0, 1).requires_grad_()
    grad = torch.autograd.grad((found.embed(start) - found.teacher).square().sum(), start)[0]
    step = eps * (grad.sign() if norm == 'linf' else grad / grad.flatten(1).norm(dim=1)[:, None, None, None])
    assert (found.adv - (start + step).clamp(0, 1)).abs().gt(1e-6).float().mean() < 0.005
    size = model.adversaries[0].attack.threat.size(found.adv - found.pixels)
    assert (size > eps).all() and (size <= 3 * eps + 1e-5).all()
    assert found.adv.min() >= 0 and found.adv.max() <= 1


def test_nfgsm_is_no_attack():
    attack = build_attack(dict(type='NFGSM', objective=dict(type='CrossEntropy')))
    with pytest.raises(UserError, match='NFGSM leaves the ball of eps'):
        attack(lambda x: x.flatten(1), torch.rand(1, 3, 2, 2), torch.tensor([0]))
    with pytest.raises(UserError, match='noise=0: give a finite number above 0'):
        build_attack(dict(type='NFGSM', objective=dict(type='CrossEntropy'), noise=0))


def test_mixed_batch_is_its_parts():
    """Each image is what its own adversary alone would have made of it, and is paid for once."""
    entries = [dict(share=0.4, attack=LINF), dict(share=0.3, attack=L2), dict(share=0.3)]
    model = build('cls', 'mmssl_robust.FARE', adversaries=entries)
    moved(model)
    data = batch(model, count=12)
    found = made(model, data)
    dealt = deal(model.adversaries, found.keys, 0)
    assert all(len(rows) for rows in dealt)
    for rows, entry in zip(dealt, entries):
        alone = build_adversaries([{'attack': None} | entry | dict(share=1)], [], 'embedding', 'FARE')
        model.adversaries = alone
        torch.testing.assert_close(made(model, data).adv[rows], found.adv[rows], atol=1e-6, rtol=0)
    torch.testing.assert_close(found.adv[dealt[2]], found.pixels[dealt[2]], rtol=0, atol=0)
    model = build('cls', 'mmssl_robust.FARE', adversaries=entries)
    made(model, data)
    attacked = len(dealt[0]) + len(dealt[1])
    assert (model.cost.forwards, model.cost.backwards) == (12 + 3 * attacked, 3 * attacked)


def test_heads_are_attacked_by_the_sum_of_their_distances(tmp_path):
    heads = write_heads(tmp_path / 'heads')
    backbone = backbone_cfg('featmap_cls') | dict(final_norm='both')
    entries = [dict(share=0.5, attack=PLAIN, heads=list(heads)), dict(share=0.5, attack=PLAIN, heads='pixels')]
    model = moved(build('both', 'mmssl_robust.FARE', backbone=backbone, adversaries=entries, heads=heads))
    data = batch(model, count=8)
    found = made(model, data)
    model.eval()
    for rows, adversary in zip(deal(model.adversaries, found.keys, 0), model.adversaries):

        def loss(pixels, rows=rows, names=adversary.heads):
            features = found.features(pixels)
            return sum(
                model.heads[name].distance(model.heads[name](features), found.reference(name)[rows]) for name in names
            )

        keys = [found.keys[row] for row in rows]
        adv = PGD(OwnLoss(), **{key: PLAIN[key] for key in ('eps', 'step_size', 'steps')}).perturb(
            loss, found.pixels[rows], keys=keys
        )
        assert (adv.adv - found.adv[rows]).abs().gt(1e-6).float().mean() < 0.005
        assert (loss(found.adv[rows]) > loss(found.pixels[rows])).all()


def test_ramps():
    attack = PGD(EmbeddingDistance(), eps='8/255', step_size='2/255', steps=5)
    adversary = Adversary(attack, ramp=0.5, steps_ramp=0.25)
    found = [adversary.at(progress) for progress in (0, 0.125, 0.25, 0.5, 1)]
    assert [255 * one.eps for one in found] == pytest.approx([0, 2, 4, 8, 8])
    assert [255 * one.threat.eps for one in found] == pytest.approx([0, 2, 4, 8, 8])
    assert [255 * one.step_size for one in found] == pytest.approx([0, 0.5, 1, 2, 2])
    assert [one.steps for one in found] == [1, 3, 5, 5, 5]
    assert attack.steps == 5 and attack.eps == pytest.approx(8 / 255), 'the attack itself stays as it is'
    assert Adversary(None, ramp=0.5).at(0) is None


@pytest.mark.parametrize(
    'entries, says',
    [
        ([dict(attack=LINF, share=0.5)], r'shares of adversaries are \[0.5\]: give positive ones that add up to 1'),
        ([dict(attack=LINF, share=1.5), dict(attack=LINF, share=-0.5)], 'shares of adversaries'),
        ([dict(attack=LINF, head='classes')], 'an adversary has no head: use attack, share, heads, ramp'),
        ([dict(attack=PLAIN, heads='classes')], r'an adversary attacks classes: name it in model.heads'),
        ([dict(attack=LINF, ramp=2)], r'ramp=2: give a share of the training in \[0, 1\]'),
        ([dict(attack=PLAIN)], 'PGD.*objective'),
    ],
)
def test_entries_that_cannot_be(entries, says):
    with pytest.raises(UserError, match=says):
        build('cls', 'mmssl_robust.FARE', adversaries=entries)


def test_shares_of_thirds_are_whole():
    assert len(build_adversaries([dict(share=1 / 3)] * 3, [], 'embedding', 'FARE')) == 3
    assert np.isclose(sum([1 / 3] * 3), 1)
