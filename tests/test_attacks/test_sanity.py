"""Checks that must pass for an honest model, and must not for one whose gradient is masked."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks import (
    APGD,
    DLR,
    FAB,
    PGD,
    Attack,
    BinaryCrossEntropy,
    CosPGDLoss,
    CrossEntropy,
    DepthRMSE,
    EmbeddingCosine,
    EmbeddingDistance,
    Margin,
    MaskedCrossEntropy,
    Objective,
    SegPGDLoss,
    Square,
    TargetedCrossEntropy,
    TargetedDLR,
    TargetedMargin,
)
from mmssl_robust.attacks.sanity import checks_of, measure


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(8 * 49, 5)
    ).requires_grad_(False)  # fmt: skip


INPUTS = torch.nn.functional.interpolate(
    torch.rand(16, 3, 4, 4, generator=torch.Generator().manual_seed(1)), size=(15, 15), mode='bilinear'
)
NET = network()
LABELS = NET(INPUTS).argmax(dim=1)
PGD20 = PGD(CrossEntropy(), eps=0.02, step_size=0.005, steps=20)
FEW = dict(queries=1)  # of Square, where it has no part in what is looked at


def failed(forward, attack=PGD20, **settings):
    return {check.name for check in checks_of(measure(attack, forward, INPUTS, LABELS, **settings)) if not check.passed}


@pytest.mark.parametrize('attack', [PGD20, APGD(CrossEntropy(), eps=0.02, steps=20)])
def test_an_honest_model_passes(attack):
    found = measure(attack, NET, INPUTS, LABELS, other=network(3)[:-1])
    assert not [check for check in checks_of(found) if not check.passed]


def test_an_attack_of_ones_own_gets_longer_steps_in_the_widest_ball():
    class Own(Attack):
        def __init__(self, objective, step_size, **settings):
            super().__init__(objective, **settings)
            self.step_size = step_size

        def _iterates(self, problem, restart):
            yield from PGD._iterates(self, problem, restart)

        keep, momentum, _step, _direction, _gradient = 'best', 0.0, PGD._step, PGD._direction, PGD._gradient

    assert failed(NET, Own(CrossEntropy(), step_size=0.0002, eps=0.0005, steps=20)) == set()


def test_lower_precision_is_compared():
    copy = network().bfloat16()
    found = measure(PGD20, NET, INPUTS, LABELS, half=lambda x: copy(x.bfloat16()).float(), **FEW)
    assert checks_of(found)[-1].name == 'bfloat16 is as strong' and checks_of(found)[-1].passed


def test_hard_quantisation_is_caught():
    """No gradient comes through, but the search without gradients does."""
    caught = failed(lambda x: NET((x * 20).round() / 20))
    assert {'gradients are not zero', 'Square is no stronger'} <= caught


def test_a_scaled_softmax_is_caught():
    """Probabilities of 0 and 1 have a gradient of exactly zero in float32."""
    caught = failed(lambda x: (1e5 * NET(x)).softmax(dim=1))
    assert 'gradients are not zero' in caught


def test_a_shattered_gradient_is_caught():
    """A tiny ripple whose slope drowns that of the model: no entry is zero, but the direction is noise."""
    caught = failed(lambda x: NET(x + 2e-4 * torch.sin(x * 1e6)))
    assert 'Square is no stronger' in caught or 'random noise is weaker' in caught


def ripple(net):
    """In front of a network: too small to be seen, with a slope that drowns that of the network."""
    return lambda x: net(x + 2e-4 * torch.sin(x * 1e6))


def test_an_attack_without_effect_is_caught_by_its_loss():
    """The ball is so small that no prediction changes; all scores are equal, and only the losses tell."""
    short = PGD(CrossEntropy(), eps=0.001, step_size=0.00025, steps=20)
    found = measure(short, ripple(NET), INPUTS, LABELS)
    assert found['attack'].mean() == found['square'].mean() == found['clean'].mean() == 1
    caught = {check.name for check in checks_of(found) if not check.passed}
    assert 'Square is no stronger' in caught or 'the attack has an effect' in caught
    assert not failed(NET, short)


def test_gradients_that_are_all_zero_have_no_effect():
    blind = lambda x: NET(x.detach()) + 0 * x.flatten(1)[:, :1]  # noqa: E731
    assert {'the attack has an effect', 'gradients are not zero'} <= failed(blind, PGD(CrossEntropy(), eps=0.001))


def test_images_stronger_by_transfer_are_caught():
    caught = checks_of(measure(PGD20, ripple(NET), INPUTS, LABELS, other=NET[:-1], **FEW))
    assert 'a transfer is no stronger' in {check.name for check in caught if not check.passed}


def segmentor(x):
    """Brighter is class 1."""
    score = 20 * (x.mean(dim=1) - 0.5)
    return torch.stack([-score, score], dim=1)


PICTURES = 0.3 + 0.4 * torch.rand(3, 3, 9, 9, generator=torch.Generator().manual_seed(4))
MAPS = segmentor(PICTURES).argmax(dim=1)
SEG20 = PGD(MaskedCrossEntropy(), eps=0.05, step_size=0.01, steps=20)


def verdicts(found):
    return {check.name: check.passed for check in checks_of(found)}


@pytest.mark.parametrize('task', ['segmentation', 'depth'])
def test_pixels_that_are_immune_are_noticed(task):
    """The upper third is right whatever the attack; half of the pixels are still lost."""
    immune = torch.zeros(9, 9, dtype=torch.bool)
    immune[:3] = True
    if task == 'segmentation':
        attack, targets, honest, sure = SEG20, MAPS, segmentor, lambda x: 20 * F.one_hot(MAPS, 2).movedim(3, 1)
    else:
        honest = lambda x: 1 + 8 * x.mean(dim=1, keepdim=True)  # noqa: E731
        attack, targets = PGD(DepthRMSE(), eps=0.05, step_size=0.01, steps=20), honest(PICTURES)
        sure = lambda x: targets  # noqa: E731
    name = 'the widest ball breaks everything'
    assert verdicts(measure(attack, honest, PICTURES, targets, **FEW))[name]
    found = measure(attack, lambda x: torch.where(immune, sure(x), honest(x)), PICTURES, targets, **FEW)
    assert not verdicts(found)[name]


def test_images_that_cannot_be_attacked_do_not_count():
    ignored = MAPS.clone()
    ignored[0] = 255
    keys = [5, 6, 7]
    found = measure(SEG20, segmentor, PICTURES, ignored, keys, queries=20)
    alone = measure(SEG20, segmentor, PICTURES[1:], ignored[1:], keys[1:], queries=20)
    of_all = {'idle', 'all_clean', 'chance'}
    assert found.keys() == alone.keys() and found['idle'].tolist() == [1, 0, 0]
    assert all(torch.equal(found[name], alone[name]) for name in found.keys() - of_all)
    (check,) = checks_of(measure(SEG20, segmentor, PICTURES[:1], ignored[:1]))
    assert not check.passed and 'no image' in check.figures
    # Two images already are what is wanted.
    wanted = PGD(TargetedCrossEntropy(int(LABELS[0])), eps=0.1, step_size=0.025)
    assert len(measure(wanted, NET, INPUTS, LABELS, **FEW)['attack']) == (LABELS[0] != LABELS).sum()


def test_zero_gradients_of_what_is_lost_do_not_count():
    """Masked cross-entropy has no gradient once all pixels are wrong."""

    def wide(x):  # every output depends on every input
        return segmentor(x + 0.5 * x.mean(dim=(1, 2, 3), keepdim=True) - 0.25)

    bright, ones = 0.6 + PICTURES / 2, torch.ones_like(MAPS)
    result = PGD(MaskedCrossEntropy(), eps=0.5, step_size=0.25)(wide, bright.clamp(max=1), ones)
    assert result.score.eq(0).all() and result.zero_grad.max() < 0.1
    ignored = PGD(MaskedCrossEntropy(), eps=0.5)(segmentor, PICTURES, torch.full_like(MAPS, 255))
    assert ignored.zero_grad.eq(0).all()


def test_square_and_fab_are_measured_in_what_applies():
    found = {
        kind: [check.name for check in checks_of(measure(attack, NET, INPUTS[:4], LABELS[:4]))]
        for kind, attack in dict(
            square=Square(CrossEntropy(), eps=0.02, queries=20), fab=FAB(eps=0.02, steps=5, restarts=2)
        ).items()
    }
    first = ['there is something to attack', 'clean predictions are better than chance']
    assert found['square'] == [*first, 'random noise is weaker', 'a second run is the same']
    assert found['fab'] == [*first, 'gradients are not zero', 'outputs change as the gradient says',
                            'random noise is weaker', 'the widest ball breaks everything',
                            'a second run is the same']  # fmt: skip


def test_several_targets_are_compared_as_one_attack():
    """Square goes for any wrong class, and so does an attack on one after the other."""
    found = measure(APGD(TargetedDLR(), eps=0.02, steps=20, restarts=4), NET, INPUTS, LABELS)
    assert not [check for check in checks_of(found) if not check.passed]


def test_how_much_a_second_run_repeats_is_said_whole():
    checks = {
        check.name: check
        for check in checks_of(measure(PGD(CrossEntropy(), eps=0.02, steps=2), NET, INPUTS[:4], LABELS[:4], **FEW))
    }
    assert checks['a second run is the same'].figures == '100.0% of the images are the same'


def test_randomness_is_caught():
    caught = failed(lambda x: NET(x + 0.05 * torch.randn_like(x)), **FEW)
    assert 'a second run is the same' in caught


def test_too_few_steps_are_noticed():
    short = PGD(CrossEntropy(), eps=0.02, step_size=0.002, steps=2)
    assert 'four times the steps change little' in failed(NET, short, **FEW)


def test_an_embedding_is_checked_too():
    encoder = NET[:-1]
    found = measure(PGD(EmbeddingDistance(), eps=0.02, step_size=0.005, steps=20), encoder, INPUTS)
    passed = {check.name for check in checks_of(found) if check.passed}
    assert {'gradients are not zero', 'random noise is weaker', 'Square is no stronger'} <= passed


class Rescaled(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a weight."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.weight = weight
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.weight, None


def columns(factor, *places):
    weight = torch.ones(15)
    weight[list(places)] = factor
    return lambda x: NET(Rescaled.apply(x, weight))


SLOPE = 'outputs change as the gradient says'
LIES = {
    '3 of 15 columns flipped': columns(-1, 4, 5, 6),
    '1 of 15 columns flipped': columns(-1, 7),
    'all flipped': columns(-1, *range(15)),
    'a third of a third': columns(1 / 3, *range(5)),
    'a fifth is enlarged': columns(5, 0, 7, 9),
    'a part without a gradient': columns(0, 3, 4, 5),
    'a path without a gradient': lambda x: NET(x) + 2 * NET((1 - x).detach()),
}


@pytest.mark.parametrize('lie', LIES)
@pytest.mark.parametrize('norm, eps', [('linf', 0.02), ('l2', 0.3), ('l1', 4.0)])
def test_a_gradient_that_is_wrong_in_part_is_caught(lie, norm, eps):
    labels = LIES[lie](INPUTS).argmax(dim=1)
    found = measure(PGD(CrossEntropy(), norm, eps, eps / 4, 5), LIES[lie], INPUTS, labels, **FEW)
    assert not verdicts(found)[SLOPE]


@pytest.mark.parametrize('objective', [CrossEntropy(), TargetedDLR(), TargetedCrossEntropy(2), EmbeddingDistance()])
@pytest.mark.parametrize('norm, eps', [('linf', 0.05), ('l2', 0.3), ('l1', 4.0)])
def test_a_gradient_that_is_right_has_no_error(objective, norm, eps):
    targets = LABELS if objective.reads == 'prediction' else None
    found = measure(PGD(objective, norm, eps, eps / 4, 5), NET, INPUTS, targets, **FEW)
    assert found['slope_start'].max() < 0.02 and found['slope_end'].max() < 0.02


@pytest.mark.parametrize('objective', [MaskedCrossEntropy(), SegPGDLoss(), CosPGDLoss(), DepthRMSE()])
def test_corners_of_a_loss_are_no_error(objective):
    """Masks and weights have no gradient of their own."""
    honest = segmentor if objective.takes_upsampled else lambda x: 1 + 8 * x.mean(dim=1, keepdim=True) ** 2
    targets = MAPS if objective.takes_upsampled else honest(PICTURES) + 0.3
    found = measure(PGD(objective, eps=0.05, step_size=0.01, steps=5), honest, PICTURES, targets, **FEW)
    assert found['slope_start'].max() < 0.02 and found['slope_end'].max() < 0.02


class Rounded(torch.autograd.Function):
    """8 bits with a gradient straight through, as quantised models are attacked."""

    @staticmethod
    def forward(ctx, x):
        return (255 * x).round() / 255

    @staticmethod
    def backward(ctx, grad):
        return grad


def test_corners_rounding_and_chance_of_a_model_are_no_error():
    torch.manual_seed(0)
    corners = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(576, 5)
    )
    low = network().bfloat16()
    images = (255 * INPUTS).round() / 255
    models = dict(
        corners=corners.requires_grad_(False),
        levels=lambda x: NET(Rounded.apply(x)),
        saturated=lambda x: 1e4 * NET(x),
        bfloat16=lambda x: low(x.bfloat16()),
        random=lambda x: NET(x + 0.05 * torch.randn_like(x)),
    )
    for name, model in models.items():
        attack = PGD(CrossEntropy(), eps='8/255', step_size='2/255', steps=5, random_start=False)
        found = measure(attack, model, images, model(images).argmax(dim=1), **FEW)
        assert verdicts(found)[SLOPE], name


class Brightness(Objective):
    """Of outputs of one number an image, as of a regression."""

    def __call__(self, outputs, targets, step, steps):
        return (outputs - targets).reshape(len(outputs), -1).square().sum(dim=1)

    def score(self, outputs, targets):
        return -self(outputs, targets, 1, 1)

    def success(self, outputs, targets):
        return self(outputs, targets, 1, 1) > 1e-3


def found_of(model, attack, places):
    return measure(attack, lambda x: model(x)[:, places], INPUTS, NET(INPUTS)[:, places] - 1, **FEW)


@pytest.mark.parametrize('lie', [None, '1 of 15 columns flipped'])
def test_the_slope_of_one_number_is_that_of_a_vector_of_one(lie):
    model = LIES[lie] if lie else NET
    attack = PGD(Brightness(), eps=0.05, step_size=0.01, steps=5)
    number, vector = (found_of(model, attack, places) for places in (0, [0]))
    for name in ('slope_start', 'slope_end'):
        torch.testing.assert_close(number[name], vector[name])
    assert (number['slope_end'].max() < 0.02) == (lie is None)


def test_a_shattered_gradient_has_a_wrong_slope():
    assert SLOPE in failed(ripple(NET), **FEW)


def test_the_slope_of_padding_and_of_parts_of_a_batch_is_that_of_the_whole():
    mask = torch.ones(16, 1, 15, 15)
    mask[..., 10:] = 0
    data = (INPUTS, LABELS)
    whole, parts = (
        measure(PGD(CrossEntropy(), steps=2, active=active), LIES['1 of 15 columns flipped'], *data, mask=mask, **FEW)
        for active in (None, 3)
    )
    assert whole['slope_end'].mean() > 0.25
    torch.testing.assert_close(whole['slope_end'], parts['slope_end'], atol=1e-4, rtol=1e-3)
    hidden = measure(PGD(CrossEntropy(), steps=2), columns(-1, 12), *data, mask=mask, **FEW)
    assert hidden['slope_end'].max() < 0.02


NOTHING, CHANCE = 'there is something to attack', 'clean predictions are better than chance'
WRONG = [CrossEntropy(), Margin(), DLR(), TargetedDLR(), TargetedMargin()]


@pytest.mark.parametrize('objective', WRONG, ids=lambda objective: type(objective).__name__)
def test_a_model_that_is_wrong_from_the_start_leaves_nothing_to_attack(objective):
    found = measure(PGD(objective, steps=2), NET, INPUTS, (LABELS + 1) % 5)
    assert verdicts(found) == {NOTHING: False, CHANCE: False}
    assert 'no image of 16' in checks_of(found)[0].figures


def test_one_image_of_many_is_not_enough():
    labels = (LABELS + 1) % 5
    labels[3] = LABELS[3]
    found = measure(PGD20, NET, INPUTS, labels, **FEW)
    assert verdicts(found) == {NOTHING: False, CHANCE: False} and len(found['attack']) == 1
    labels[4:8] = LABELS[4:8]
    assert verdicts(measure(PGD20, NET, INPUTS, labels, **FEW))[NOTHING]


def test_a_prediction_that_knows_nothing_of_the_image_is_chance():
    everywhere = F.one_hot(torch.zeros_like(MAPS), 2).movedim(3, 1).double() * 5 + segmentor(PICTURES).double() * 0
    assert SEG20.objective.chance(everywhere, MAPS).tolist() == pytest.approx(
        (MAPS == 0).double().mean(dim=(1, 2)).tolist()
    )
    depth = 1 + 8 * PICTURES.mean(dim=1, keepdim=True)
    constant = torch.full_like(depth, 3)
    torch.testing.assert_close(DepthRMSE().chance(constant, depth), DepthRMSE().score(constant, depth))
    # By hand: predictions 1 and 3, truths 1 and 3; in random order errors are 0 or 2, half of the time each.
    pair = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    assert DepthRMSE().chance(pair, pair).item() == pytest.approx(-(2**0.5))
    assert DepthRMSE().chance(pair, torch.full_like(pair, 2)).isnan()
    assert CrossEntropy().chance(torch.zeros(2, 4), torch.tensor([0, 1])).tolist() == [0.25, 0.25]
    assert BinaryCrossEntropy().chance(torch.zeros(1, 3), torch.tensor([[1, 0, -1]])).tolist() == [0]


def test_what_is_reached_already_is_idle():
    towards = EmbeddingDistance(towards=True)
    assert towards.idle(torch.tensor([0.0, 1.0]), NET(INPUTS[:2])).tolist() == [True, False]
    assert EmbeddingCosine(towards=True).idle(torch.tensor([-1.0, 0.3]), INPUTS[:2]).tolist() == [True, False]
    assert not EmbeddingDistance().idle(torch.tensor([0.0, -1.0]), INPUTS[:2]).any()
    wanted = TargetedCrossEntropy(1)
    assert wanted.idle(torch.tensor([-1.0, 0.0, 0.0]), torch.tensor([1, 1, -1])).tolist() == [True, False, True]
    several = BinaryCrossEntropy()
    labels = torch.tensor([[1, 0], [1, 0], [-1, -1]])
    assert several.idle(torch.tensor([-0.1, 0.1, 0.0]), labels).tolist() == [True, False, True]


def test_gradients_of_images_that_are_wrong_still_count():
    """A broken gradient is one also where the class is lost."""
    blind = lambda x: NET(x.detach()) + 0 * x.flatten(1)[:, :1]  # noqa: E731
    assert PGD(CrossEntropy(), steps=2)(blind, INPUTS, (LABELS + 1) % 5).zero_grad.eq(1).all()
