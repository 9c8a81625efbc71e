"""Objectives against their formulas, written out in float64."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks import (
    APGD,
    DLR,
    PGD,
    BalancedMaskedCrossEntropy,
    CosPGDLoss,
    CrossEntropy,
    DepthAbsRel,
    DepthRMSE,
    EmbeddingCosine,
    EmbeddingDistance,
    JensenShannon,
    Margin,
    MaskedCrossEntropy,
    TargetedCrossEntropy,
    TargetedDepth,
    TargetedDLR,
    TargetedMargin,
)
from mmssl_robust.attacks.best_iterates import BestIterates
from mmssl_robust.utils.errors import UserError

LOGITS = torch.tensor([[3.0, 1.0, 0.5, -2.0, 2.0], [0.0, 4.0, 3.0, 1.0, 3.5]], dtype=torch.float64)
LABELS = torch.tensor([0, 2])


def test_margins_by_hand():
    assert Margin()(LOGITS, LABELS, 1, 1).tolist() == [-1.0, 1.0]
    assert DLR()(LOGITS, LABELS, 1, 1).tolist() == pytest.approx([-1 / (3 - 1), 1 / (4 - 3)])
    for objective, wanted in (
        (TargetedMargin(), [-1.0, 1.0]),
        (TargetedDLR(), [-1 / (3 - (1 + 0.5) / 2), 1 / (4 - (3 + 1) / 2)]),
    ):
        targets = objective.prepare(lambda x: LOGITS, LOGITS, LABELS)
        assert targets.tolist() == [[0, 4, 1, 2, 3], [2, 1, 4, 3, 0]]
        assert objective.aims(targets) == 4
        assert objective(LOGITS, objective.aim(targets, 0), 1, 1).tolist() == pytest.approx(wanted)
        assert objective.aim(targets, 3).tolist() == [[0, 3], [2, 0]]
        assert objective.success(LOGITS, objective.aim(targets, 1)).tolist() == [False, True]


@pytest.mark.parametrize('objective', [DLR(), TargetedDLR()])
def test_scale_and_shift_of_logits_change_nothing(objective):
    targets = objective.aim(objective.prepare(lambda x: LOGITS, LOGITS, LABELS), 0)
    first, second = (objective(logits, targets, 1, 1) for logits in (LOGITS, 1000 * LOGITS + 7))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize('classes', [2, 3])
def test_targeted_dlr_of_few_classes_is_the_margin(classes):
    logits, labels = LOGITS[:, :classes], torch.tensor([0, 1])
    objective = TargetedDLR()
    targets = objective.aim(objective.prepare(lambda x: logits, logits, labels), 0)
    assert torch.equal(objective(logits, targets, 1, 1), Margin()(logits, labels, 1, 1))
    with pytest.raises(ValueError, match='at least 3 classes'):
        DLR()(logits[:, :2], labels, 1, 1)


def test_equal_logits_have_a_finite_ratio():
    logits = torch.zeros(1, 5, requires_grad=True)
    loss = DLR()(logits, torch.tensor([1]), 1, 1)
    (grad,) = torch.autograd.grad(loss.sum(), logits)
    assert loss.isfinite().all() and grad.isfinite().all()


# Maps of 3 classes, 2 x 4 pixels, of which one is ignored.
MAPS = torch.randn(2, 3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TRUE = torch.tensor([[[0, 1, 2, 0], [1, 1, 255, 0]], [[2, 2, 2, 2], [2, 0, 0, 255]]])
VALID = TRUE != 255
SAFE = TRUE.where(VALID, torch.tensor(0))
PROBABILITY = MAPS.softmax(dim=1)
ONE_HOT = F.one_hot(SAFE, 3).movedim(3, 1).double()
CE = -(PROBABILITY.log() * ONE_HOT).sum(dim=1)
CORRECT = MAPS.argmax(dim=1) == TRUE


def mean(values):
    return (values * VALID).sum(dim=(1, 2)) / VALID.sum(dim=(1, 2))


def cosine():
    return (PROBABILITY * ONE_HOT).sum(dim=1) / PROBABILITY.norm(dim=1)


def divergence():
    middle = (PROBABILITY + ONE_HOT) / 2
    one = (PROBABILITY * (PROBABILITY / middle).log()).sum(dim=1)
    other = -middle.gather(1, SAFE[:, None])[:, 0].log()
    return (one + other) / 2


def balance():
    weights = torch.zeros_like(CE)
    for image, labels in zip(weights, TRUE):
        present = labels[labels != 255].unique()
        for label in present:
            image[labels == label] = (labels != 255).sum() / (labels == label).sum() / len(present)
    return weights


@pytest.mark.parametrize(
    ('objective', 'loss', 'final'),
    [
        (CosPGDLoss(), lambda: cosine() * CE, lambda: CE),
        (MaskedCrossEntropy(), lambda: CORRECT * CE, lambda: CE),
        (BalancedMaskedCrossEntropy(), lambda: balance() * CORRECT * CE, lambda: balance() * CE),
        (JensenShannon(), divergence, divergence),
    ],
    ids=['cospgd', 'masked', 'balanced', 'jensen-shannon'],
)
def test_segmentation_losses_are_their_formulas(objective, loss, final):
    values = objective.values(MAPS, TRUE, 3, 10)
    torch.testing.assert_close(values.loss, mean(loss()))
    torch.testing.assert_close(values.final_loss, mean(final()))
    torch.testing.assert_close(values.score, mean(CORRECT.double()))
    # Ignored pixels have no gradient, and an image of nothing else has loss 0.
    maps = MAPS.clone().requires_grad_()
    (grad,) = torch.autograd.grad(objective(maps, TRUE, 3, 10).sum(), maps)
    assert not grad.movedim(1, 3)[~VALID].any() and grad.movedim(1, 3)[VALID & CORRECT].any(dim=-1).all()
    assert objective(MAPS, torch.full_like(TRUE, 255), 3, 10).tolist() == [0, 0]


def test_cosine_of_cospgd_has_no_gradient():
    maps = MAPS.clone().requires_grad_()
    (grad,) = torch.autograd.grad(CosPGDLoss()(maps, TRUE, 1, 1).sum(), maps)
    weight = (cosine() * VALID / VALID.sum(dim=(1, 2), keepdim=True))[:, None]
    torch.testing.assert_close(grad, weight * (PROBABILITY - ONE_HOT))


@pytest.mark.parametrize('margin', [40.0, 400.0])
@pytest.mark.parametrize('objective', [CosPGDLoss(), MaskedCrossEntropy(), JensenShannon()])
def test_saturated_logits_stay_finite(objective, margin):
    maps = torch.tensor([margin, 0.0, 0.0]).view(1, 3, 1, 1).repeat(1, 1, 1, 2).requires_grad_()
    loss = objective(maps, torch.tensor([[[0, 1]]]), 1, 1)
    (grad,) = torch.autograd.grad(loss.sum(), maps)
    assert loss.isfinite().all() and grad.isfinite().all()


DEPTH = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64).view(1, 1, 2, 2)
TRUTH = torch.tensor([2.0, 2.0, 0.0, 4.0], dtype=torch.float64).view(1, 1, 2, 2)


def test_depth_errors_by_hand():
    assert DepthRMSE()(DEPTH, TRUTH, 1, 1).tolist() == pytest.approx([(1 + 0 + 16) / 3])
    assert DepthAbsRel()(DEPTH, TRUTH, 1, 1).tolist() == pytest.approx([(0.5 + 0 + 1) / 3])
    assert DepthRMSE().score(DEPTH, TRUTH).tolist() == pytest.approx([-((17 / 3) ** 0.5)])
    for objective in (DepthRMSE(), DepthAbsRel()):
        depth = DEPTH.clone().requires_grad_()
        (grad,) = torch.autograd.grad(objective(depth, TRUTH, 1, 1).sum(), depth)
        assert grad.isfinite().all() and grad[0, 0, 1, 0] == 0
        assert objective(DEPTH, 0 * TRUTH, 1, 1).tolist() == [0]


def test_wanted_depths():
    clean = lambda x: DEPTH  # noqa: E731
    wanted = TargetedDepth('scale:1.5').prepare(clean, DEPTH, None)
    assert wanted.flatten().tolist() == [1.5, 3, 6, 10]  # no farther than max_depth
    assert TargetedDepth('flip').prepare(clean, DEPTH, None).flatten().tolist() == [8, 7, 5, 1]
    row = torch.tensor([[1.0, 9, 9, 4, 4]]).view(1, 1, 1, 5)
    mask = torch.tensor([[0, 1, 1, 0, 0]]).view(1, 1, 1, 5)
    gone = TargetedDepth('remove').prepare(lambda x: row, row, mask)
    assert gone.flatten().tolist() == [0, 2, 3, 0, 0]
    loss = TargetedDepth('remove')(row, gone, 1, 1)
    assert loss.tolist() == pytest.approx([-(7 / 2 + 6 / 3) / 2])
    assert TargetedDepth('remove').success(row, gone).tolist() == [False]
    assert TargetedDepth('remove').success(gone.where(gone > 0, row), gone).tolist() == [True]


@pytest.mark.parametrize('target', ['turn', 'scale', 'scale:1', 'scale:0', 'flip:2', 'scale:x'])
def test_unknown_wishes(target):
    with pytest.raises(UserError, match='target'):
        TargetedDepth(target)


def test_targeted_classes():
    objective = TargetedCrossEntropy()
    assert objective.prepare(lambda x: LOGITS, LOGITS, LABELS).tolist() == [3, 0]
    objective = TargetedCrossEntropy(2)
    wanted = objective.prepare(lambda x: LOGITS, LOGITS, LABELS)
    assert wanted.tolist() == [2, -1]  # the second is of that class already
    expected = [LOGITS[0].log_softmax(0)[2], 0]
    torch.testing.assert_close(objective(LOGITS, wanted, 1, 1), torch.stack([expected[0], torch.zeros(()).double()]))
    assert objective.success(torch.tensor([[0, 0, 1.0]] * 2), wanted).tolist() == [True, False]
    with pytest.raises(UserError, match='5 classes'):
        TargetedCrossEntropy(5).prepare(lambda x: LOGITS, LOGITS, LABELS)
    with pytest.raises(UserError, match='least-likely'):
        TargetedCrossEntropy('most-likely')


def test_targeted_maps():
    objective = TargetedCrossEntropy('2')
    wanted = objective.prepare(lambda x: MAPS, MAPS, TRUE)
    assert wanted[0].tolist() == [[2, 2, -1, 2], [2, 2, -1, 2]]
    values = objective.values(MAPS, wanted, 1, 1)
    counts = wanted >= 0
    log_p = PROBABILITY.log()[:, 2]
    torch.testing.assert_close(values.loss, (log_p * counts).sum(dim=(1, 2)) / counts.sum(dim=(1, 2)))
    hits = ((MAPS.argmax(dim=1) == 2) & counts).sum(dim=(1, 2))
    torch.testing.assert_close(values.score, -(hits / counts.sum(dim=(1, 2))).to(MAPS.dtype))
    result = PGD(objective, eps=1, step_size=0.1, steps=40)(lambda x: 30 * x, torch.full((2, 3, 2, 4), 0.5), TRUE)
    assert result.success.all()


def test_embedding_towards_another():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    encoder = lambda x: x.flatten(1) @ weight  # noqa: E731
    inputs = torch.rand(2, 3, 2, 2, generator=generator, dtype=torch.float64)
    goal = encoder(inputs.flip(0))
    for objective in (EmbeddingDistance(towards=True), EmbeddingCosine(towards=True)):
        result = APGD(objective, eps=1, steps=50)(encoder, inputs, goal)
        assert result.success.all()
        assert F.cosine_similarity(encoder(result.adv), goal).min() > 0.99
        with pytest.raises(ValueError, match='move towards'):
            PGD(objective)(encoder, inputs)
    teacher = EmbeddingDistance(reference=lambda x: 2 * encoder(x))
    assert not teacher.needs_random_start
    result = PGD(teacher, eps=0.1, random_start=False, steps=5, step_size=0.05)(encoder, inputs)
    torch.testing.assert_close(result.loss, (encoder(result.adv) - 2 * encoder(inputs)).norm(dim=1))


def test_a_hit_counts_more_than_the_probability_of_the_wanted_class():
    """Less probable and yet the highest: of two iterates that is the one to report."""
    objective, targets = TargetedCrossEntropy(1), torch.tensor([1])
    missed, hit = (torch.tensor([values]).log() for values in ([0.55, 0.4, 0.05], [0.33, 0.35, 0.32]))
    kept = BestIterates()
    for place, logits in enumerate((hit, missed)):
        kept.offer(torch.full((1, 1, 1, 1), float(place)), objective.values(logits, targets, 1, 1), restart=0)
    assert kept.success.all() and kept.adv.item() == 0


@pytest.mark.parametrize('objective', [CrossEntropy(), Margin(), DLR(), TargetedDLR(), TargetedMargin()])
def test_a_label_beyond_the_classes_is_named(objective):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5))
    with pytest.raises(ValueError, match='label 5, but there are 5 classes, counted from 0'):
        PGD(objective, steps=1)(net, torch.rand(2, 3, 2, 2), torch.tensor([0, 5]))
