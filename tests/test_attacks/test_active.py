"""Images that leave an attack at their first success, and attacks that see few images at a time."""

import copy
from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Peak, build, segmentation_batch, segmentor_cfg

from mmssl_robust.attacks import (
    APGD,
    FAB,
    FGSM,
    PGD,
    SEA,
    AutoAttack,
    CrossEntropy,
    DepthEnsemble,
    EmbeddingDistance,
    SegPGD,
    Square,
    TargetedDLR,
)
from mmssl_robust.attacks.apgd import L1_STAGES
from mmssl_robust.attacks.sanity import measure
from mmssl_robust.victims import build_victim

BATCH = 12
EPS = dict(linf=0.03, l2=0.3, l1=3.0)  # some images withstand, some do not
WIDTHS = [1, 3, 5, None]


def network(seed=0, classes=5):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3), torch.nn.Tanh(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(24, classes),
    ).double()  # fmt: skip


def problem(seed=0):
    """A network, images and labels, of which the first two are wrong without an attack."""
    net = network(seed)
    inputs = torch.rand(BATCH, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    targets = net(inputs).argmax(dim=1)
    targets[:2] = (targets[:2] + 1) % 5
    return net, inputs, targets


def some_mask(seed=0):
    return torch.rand(BATCH, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) < 0.7


class Recorder:
    """A model of which every image that it sees is remembered, and how many there were at once."""

    def __init__(self, net):
        self.net, self.seen = net, []

    def __call__(self, x):
        self.seen.append(x.detach())
        return self.net(x)

    @property
    def widths(self):
        return [len(x) for x in self.seen]


def same(one, other, names=('adv', 'loss', 'score', 'zero_grad', 'norm')):
    """Whether two results are the same but for rounding, which differs with the size of a batch."""
    for name in names:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-12)
    for name in ('success', 'restart', 'forwards', 'backwards'):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def pgd(keep, norm='linf', **changes):
    return PGD(CrossEntropy(), norm, EPS[norm], **dict(step_size=EPS[norm] / 4, steps=5, keep=keep) | changes)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 50),
    norm=st.sampled_from(list(EPS)),
    steps=st.integers(0, 5),
    restarts=st.integers(1, 3),
    momentum=st.sampled_from([0.0, 0.9]),
    masked=st.booleans(),
    samples=st.sampled_from([1, 2]),
    active=st.sampled_from(WIDTHS),
)
def test_pgd_breaks_the_same_images(seed, norm, steps, restarts, momentum, masked, samples, active):
    net, inputs, targets = problem(seed)
    mask = some_mask(seed) if masked else None
    keys = range(seed, seed + BATCH)
    changes = dict(norm=norm, steps=steps, restarts=restarts, momentum=momentum, seed=seed, eot_samples=samples)
    best = pgd('best', **changes)(net, inputs, targets, keys, mask)
    first = pgd('first', active=active, **changes)(net, inputs, targets, keys, mask)
    assert torch.equal(first.success, best.success)
    assert torch.equal(net(first.adv).argmax(dim=1) != targets, first.success)
    assert (first.forwards <= best.forwards).all() and (first.backwards <= best.backwards).all()
    # What withstands has the same iterate and has cost as much.
    whole = ~best.success
    torch.testing.assert_close(first.adv[whole], best.adv[whole], rtol=0, atol=1e-12)
    assert torch.equal(first.forwards[whole], best.forwards[whole])


OTHERS = {
    'apgd': lambda norm, **more: APGD(CrossEntropy(), norm, EPS[norm] / 2, steps=12, **more),
    'apgd-stages': lambda norm, **more: APGD(
        CrossEntropy(), norm, EPS[norm] / 2, steps=12, restarts=2, stages=L1_STAGES, **more
    ),
    'apgd-t': lambda norm, **more: APGD(TargetedDLR(), norm, EPS[norm] / 2, steps=8, restarts=3, **more),
    'fab': lambda norm, **more: FAB(norm, EPS[norm] / 2, steps=6, restarts=3, **more),
    'square': lambda norm, **more: Square(CrossEntropy(), norm, EPS[norm], queries=20, restarts=2, **more),
}


@pytest.mark.parametrize('norm', list(EPS))
@pytest.mark.parametrize('name', list(OTHERS))
@pytest.mark.parametrize('seed', [0, 1])
def test_other_optimisers_break_the_same_images(name, norm, seed):
    net, inputs, targets = problem(seed)
    data = (inputs, targets, range(3, 3 + BATCH), some_mask(seed))
    whole = OTHERS[name](norm, stop_at_success=False)(net, *data)
    early = OTHERS[name](norm, stop_at_success=True)(net, *data)
    assert torch.equal(early.success, whole.success) and 2 <= whole.success.sum() < BATCH
    assert torch.equal(net(early.adv).argmax(dim=1) != targets, early.success)
    torch.testing.assert_close(early.adv[~whole.success], whole.adv[~whole.success], rtol=0, atol=1e-9)
    assert torch.equal(early.forwards[~whole.success], whole.forwards[~whole.success])
    assert early.forwards[whole.success].sum() < whole.forwards[whole.success].sum()
    for active in (1, 5):
        same(OTHERS[name](norm, stop_at_success=True, active=active)(net, *data), early)


@pytest.mark.parametrize('active', WIDTHS)
@pytest.mark.parametrize('keep', ['best', 'last', 'first'])
def test_no_result_depends_on_how_many_are_in_the_model(keep, active):
    net, inputs, targets = problem()
    recorder = Recorder(net)
    result = pgd(keep, restarts=2, active=active)(recorder, inputs, targets, mask=some_mask())
    same(result, pgd(keep, restarts=2)(net, inputs, targets, mask=some_mask()))
    assert max(recorder.widths) <= (active or BATCH)
    assert sum(recorder.widths) == result.forwards.sum()


def test_an_image_leaves_at_its_first_successful_iterate():
    """Against every iterate of a run that drops nothing, counted by hand."""
    net, inputs, targets = problem()
    recorder = Recorder(net)
    pgd('best', steps=6)(recorder, inputs, targets)
    iterates = torch.stack(recorder.seen)  # (7, B, C, H, W)
    wrong = torch.stack([net(x).argmax(dim=1) != targets for x in iterates])
    broken = wrong.any(dim=0)
    when = wrong.int().argmax(dim=0)
    result = pgd('first', steps=6)(net, inputs, targets)
    assert len(when[broken].unique()) > 2 and torch.equal(result.success, broken)
    for row in range(BATCH):
        last = int(when[row]) if broken[row] else 6
        assert result.forwards[row] == last + 1
        assert result.backwards[row] == min(last + 1, 6)
        if broken[row]:
            torch.testing.assert_close(result.adv[row], iterates[last, row], rtol=0, atol=1e-12)


@pytest.mark.parametrize('active', [2, 4])
def test_places_are_filled_again(active):
    """The model is called no more often than its work needs, and at every step once with less."""
    net, inputs, targets = problem()
    recorder = Recorder(net)
    result = pgd('first', steps=6, active=active)(recorder, inputs, targets)
    left = [int((result.forwards > step).sum()) for step in range(7)]
    assert len(recorder.seen) == sum(ceil(count / active) for count in left)
    assert left[0] == BATCH > left[1] > left[-1] > 0


def test_nothing_is_called_once_all_are_broken():
    net, inputs, targets = problem()
    targets = (net(inputs).argmax(dim=1) + 1) % 5
    recorder = Recorder(net)
    attack = PGD(CrossEntropy(), eps=1e-6, step_size=1e-6, steps=5, restarts=4, keep='first')
    result = attack(recorder, inputs, targets)
    assert recorder.widths == [BATCH] and result.success.all() and result.backwards.eq(1).all()


def test_last_is_the_last_iterate_whenever_images_leave():
    """``stop_at_success`` with ``keep='last'`` acts between restarts, or it would not be the last iterate."""
    net, inputs, targets = problem()
    one = pgd('last')(net, inputs, targets)
    early = pgd('last', restarts=3, stop_at_success=True)(net, inputs, targets)
    assert torch.equal(early.adv[one.success], one.adv[one.success])
    assert early.forwards[one.success].eq(6).all() and early.forwards[~early.success].eq(18).all()
    whole = pgd('last', restarts=3)(net, inputs, targets)
    assert torch.equal(early.success, whole.success)


def test_first_is_best_that_stops_at_success():
    net, inputs, targets = problem()
    same(pgd('best', stop_at_success=True)(net, inputs, targets), pgd('first')(net, inputs, targets))


class FarIsNoSuccess(Peak):
    """Success is on the way to the highest score."""

    def success(self, outputs, targets):
        return (outputs > 0) & (outputs < 0.1)


def test_a_success_of_a_worse_score_is_still_the_first():
    """Where score and success disagree, an image is broken if any of its iterates is."""
    inputs = torch.full((1, 1, 2, 2), 0.5, dtype=torch.float64)
    forward = lambda x: x.mean(dim=(1, 2, 3)) - 0.54  # noqa: E731
    attack = dict(eps=0.4, step_size=0.1, steps=4, random_start=False)
    assert not PGD(FarIsNoSuccess(), **attack)(forward, inputs).success.any()
    result = PGD(FarIsNoSuccess(), keep='first', **attack)(forward, inputs)
    assert result.success.all() and result.forwards.item() == 2
    torch.testing.assert_close(result.adv, inputs + 0.1)


def test_embedding_reference_follows_its_image():
    net, inputs, _ = problem()
    attack = dict(eps=0.05, step_size=0.02, steps=4)
    whole = PGD(EmbeddingDistance(), **attack)(net, inputs)
    same(PGD(EmbeddingDistance(), active=5, **attack)(net, inputs), whole)


def dense_problem(seed=0):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Tanh(), torch.nn.Conv2d(8, 4, 1)
    ).double()  # fmt: skip
    inputs = torch.rand(7, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    labels = net(inputs).argmax(dim=1)
    labels[0] = (labels[0] + 1) % 4
    labels[:, 0] = 255
    return net, inputs, labels


@pytest.mark.parametrize('active', WIDTHS)
@pytest.mark.parametrize('seed', range(3))
def test_segpgd_whose_loss_changes_with_the_step(seed, active):
    net, inputs, labels = dense_problem(seed)
    attack = dict(eps=0.02, step_size=0.005, steps=6, restarts=2)
    best = SegPGD(**attack)(net, inputs, labels)
    first = SegPGD(keep='first', active=active, **attack)(net, inputs, labels)
    assert torch.equal(first.success, best.success) and 0 < best.success.sum() < 7
    assert torch.equal(first.score < 0.5, first.success)
    whole = ~best.success
    torch.testing.assert_close(first.adv[whole], best.adv[whole], rtol=0, atol=1e-12)
    same(SegPGD(active=active, **attack)(net, inputs, labels), best)


def test_checks_of_an_attack_see_its_lowest_scores():
    net, inputs, labels = dense_problem()
    attack = dict(eps=0.02, step_size=0.005, steps=4)
    first, best = (SegPGD(keep=keep, **attack) for keep in ('first', 'best'))
    assert torch.equal(
        measure(first, net, inputs, labels, queries=2)['attack'],
        measure(best, net, inputs, labels, queries=2)['attack'],
    )
    assert first.stop_at_success


@pytest.mark.parametrize('norm', list(EPS))
def test_autoattack_and_its_members(norm):
    net, inputs, targets = problem()
    attack = AutoAttack(norm, EPS[norm] / 2, steps=6, queries=20, targets=3)
    recorder = Recorder(net)
    narrow = AutoAttack(norm, EPS[norm] / 2, steps=6, queries=20, targets=3, active=2)(recorder, inputs, targets)
    whole = attack(net, inputs, targets)
    same(narrow, whole)
    assert max(recorder.widths) == 2 and narrow.member == whole.member
    alone = []
    for member in attack.members.values():
        member.stop_at_success = False
        alone.append(member(net, inputs, targets).success)
    assert torch.equal(whole.success, torch.stack(alone).any(dim=0)) and 0 < whole.success.sum() < BATCH


@pytest.mark.parametrize('name', ['fgsm', 'sea', 'depth-ensemble'])
def test_every_attack_can_be_narrow(name):
    net, inputs, targets = problem() if name == 'fgsm' else dense_problem()
    forward = net
    if name == 'depth-ensemble':
        forward = lambda x: net(x)[:, :1].exp()  # noqa: E731
        targets = 0.5 + torch.rand(7, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    build_attack = {
        'fgsm': lambda **more: FGSM(CrossEntropy(), **more),
        'sea': lambda **more: SEA(eps=0.02, steps=4, **more),
        'depth-ensemble': lambda **more: DepthEnsemble(eps=0.02, steps=3, **more),
    }[name]
    recorder = Recorder(forward)
    same(build_attack(active=3)(recorder, inputs, targets), build_attack()(forward, inputs, targets))
    assert max(recorder.widths) == 3


def test_training_images_do_not_depend_on_how_many_are_in_the_model():
    net, inputs, targets = problem()
    whole = pgd('first').perturb(net, inputs, targets)
    part = pgd('best', active=5).perturb(net, inputs, targets)
    torch.testing.assert_close(part.adv, whole.adv, rtol=0, atol=1e-12)
    assert (part.forwards, part.backwards) == (whole.forwards, whole.backwards) == (5, 5)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
@pytest.mark.parametrize('active', [1, 2, None])
def test_victims_hand_over_the_samples_that_are_left(mode, active):
    """Images of a padded batch have sizes, masks and labels of their own."""
    size = (20, 12) if mode == 'whole' else (20, 28)
    batch = segmentation_batch(size, (40, 24), (31, 23), (20, 12))
    victim = build_victim(build(copy.deepcopy(segmentor_cfg(mode))), batch)
    attack = dict(eps='16/255', step_size='4/255', steps=3)
    best = victim.attack(SegPGD(**attack))
    first = victim.attack(SegPGD(keep='first', active=active, **attack))
    assert torch.equal(first.success, best.success)
    assert (first.forwards[best.success] <= best.forwards[best.success]).all()
    whole = victim.attack(SegPGD(active=active, **attack))
    torch.testing.assert_close(whole.score, best.score, rtol=0, atol=1e-2)
