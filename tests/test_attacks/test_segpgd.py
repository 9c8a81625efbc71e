"""Eq. (1) by hand, and what its attack does to a map that is known."""

from math import exp, log, log1p

import pytest
import torch

from mmssl_robust.attacks import PGD, SegPGD, SegPGDLoss

# Every pixel says class 1 with probability 3/4: cross-entropy log(4/3) where that is right, log(4) where not.
RIGHT, WRONG = log(4 / 3), log(4)
LOGITS = torch.tensor([0.0, log(3)], dtype=torch.float64).reshape(1, 2, 1, 1).expand(1, 2, 3, 3).contiguous()
LABELS = torch.tensor([[[1, 1, 1], [0, 0, 1], [255, 1, 255]]])  # 5 right, 2 wrong, 2 ignored


@pytest.mark.parametrize(('step', 'weight'), [(1, 0), (2, 1 / 8), (3, 2 / 8), (4, 3 / 8)])
def test_equation_by_hand(step, weight):
    logits = LOGITS.clone().requires_grad_()
    loss = SegPGDLoss()(logits, LABELS, step, 4)
    expected = ((1 - weight) * 5 * RIGHT + weight * 2 * WRONG) / 7
    torch.testing.assert_close(loss, torch.tensor([expected], dtype=torch.float64))
    # The gradient of cross-entropy is softmax minus one-hot: for class 1, -1/4 where right and 3/4 where wrong.
    (grad,) = torch.autograd.grad(loss.sum(), logits)
    right, wrong = -(1 - weight) / 4 / 7, weight * 3 / 4 / 7
    towards = torch.tensor([[right, right, right], [wrong, wrong, right], [0, right, 0]], dtype=torch.float64)
    torch.testing.assert_close(grad[0, 1], towards)
    torch.testing.assert_close(grad[0, 0], -towards)


@pytest.mark.parametrize(
    ('labels', 'step', 'expected'),
    [
        ([[1] * 3] * 3, 1, RIGHT),  # nothing wrong
        ([[1] * 3] * 3, 4, 5 / 8 * RIGHT),
        ([[0] * 3] * 3, 1, 0.0),  # nothing right: the first step's weight is 0
        ([[0] * 3] * 3, 4, 3 / 8 * WRONG),
        ([[255] * 3, [255, 1, 255], [255] * 3], 3, 6 / 8 * RIGHT),  # one valid pixel counts in full
        ([[255] * 3] * 3, 3, 0.0),
    ],
)
def test_empty_sets(labels, step, expected):
    logits = LOGITS.clone().requires_grad_()
    loss = SegPGDLoss()(logits, torch.tensor([labels]), step, 4)
    torch.testing.assert_close(loss, torch.tensor([expected], dtype=torch.float64))
    (grad,) = torch.autograd.grad(loss.sum(), logits)
    assert grad.isfinite().all()
    assert (grad.abs().sum() > 0) == (expected > 0)


@pytest.mark.parametrize('objective', [SegPGDLoss(), SegPGDLoss(ignore_index=1)])
def test_judging_at_once_is_judging_one_by_one(objective):
    logits, labels = LOGITS + torch.rand(4, 2, 3, 3), torch.randint(0, 2, (4, 3, 3))
    values = objective.values(logits, labels, 2, 5)
    assert torch.equal(values.loss, objective(logits, labels, 2, 5))
    assert torch.equal(values.final_loss, objective(logits, labels, 5, 5))
    assert torch.equal(values.score, objective.score(logits, labels))
    assert torch.equal(values.success, objective.success(logits, labels))


def test_images_do_not_mix():
    labels = torch.cat((LABELS, torch.full_like(LABELS, 255), torch.ones_like(LABELS)))
    logits = torch.cat((LOGITS, LOGITS, LOGITS * 2))
    together = SegPGDLoss()(logits, labels, 2, 3)
    alone = torch.cat([SegPGDLoss()(logits[i : i + 1], labels[i : i + 1], 2, 3) for i in range(3)])
    assert torch.equal(together, alone)


def test_score_and_success():
    labels = torch.cat((LABELS, torch.full_like(LABELS, 255), 1 - LABELS.clamp(max=1)))
    labels[2, 0] = 255  # of the six valid pixels left, class 0 is right at none of four
    logits = LOGITS.expand(3, -1, -1, -1)
    right = (labels == 1).flatten(1).sum(dim=1)
    valid = (labels != 255).flatten(1).sum(dim=1)
    score = SegPGDLoss().score(logits, labels)
    assert score.tolist() == [5 / 7, 1.0, right[2].item() / valid[2].item()]
    assert SegPGDLoss().success(logits, labels).tolist() == [False, False, True]


def test_another_ignore_index():
    """Class 255 of 256 would be a class; label 0 then is not."""
    labels = LABELS.clone()
    labels[labels == 255] = 1
    loss = SegPGDLoss(ignore_index=0)(LOGITS, labels, 4, 4)
    torch.testing.assert_close(loss, torch.tensor([5 / 8 * RIGHT], dtype=torch.float64))


class Recorded(SegPGDLoss):
    def __init__(self):
        super().__init__()
        self.steps = []

    def values(self, outputs, targets, step, steps):
        if outputs.requires_grad:
            self.steps.append((step, steps))
        return super().values(outputs, targets, step, steps)


def pixelwise(x):
    """Class 1 where a pixel is bright, class 0 where it is dark, equal at 1/2."""
    bright = 20 * (x.mean(dim=1, keepdim=True) - 0.5)
    return torch.cat((-bright, bright), dim=1)


def test_schedule_and_sets_follow_the_steps():
    objective = Recorded()
    inputs, labels = torch.rand(2, 3, 4, 4), torch.randint(0, 2, (2, 4, 4))
    PGD(objective, steps=5, restarts=2)(pixelwise, inputs, labels)
    assert objective.steps == [(step, 5) for step in (1, 2, 3, 4, 5)] * 2


def test_every_pixel_within_reach_is_turned():
    """With 0.1 around, pixels between 0.4 and 0.6 turn, others cannot, ignored ones are left where they started."""
    level = torch.tensor([[0.45, 0.55, 0.2], [0.8, 0.41, 0.59], [0.45, 0.55, 0.9]], dtype=torch.float64)
    inputs = level.expand(1, 3, 3, 3)
    labels = (level > 0.5).long()[None]
    labels[0, 2, :2] = 255
    result = SegPGD(eps=0.1, step_size=0.025, steps=10, random_start=False)(pixelwise, inputs, labels)
    turned = pixelwise(result.adv).argmax(dim=1) != labels
    assert turned[0].tolist() == [[True, True, False], [False, True, True], [True, True, False]]
    assert torch.equal(result.adv[..., 2, :2], inputs[..., 2, :2])
    torch.testing.assert_close(result.score, torch.tensor([3 / 7], dtype=torch.float64))
    assert result.success.tolist() == [True]
    # Two of nine pixels are ignored and have no gradient; correct ones always have one, wrong ones from step 2 on.
    torch.testing.assert_close(result.zero_grad, torch.tensor([2 / 9], dtype=torch.float64))


def test_reported_loss_is_the_last_steps_whatever_iterate_is_kept():
    """Wrong only near 1/2: steps go from 0.52 to the ends of the ball, where all is right; the start is kept."""
    inputs, labels = torch.full((1, 3, 2, 2), 0.52, dtype=torch.float64), torch.ones(1, 2, 2).long()

    def forward(x):
        away = 20 * ((x.mean(dim=1, keepdim=True) - 0.5).abs() - 0.03)
        return torch.cat((-away, away), dim=1)

    result = SegPGD(eps=0.07, step_size=0.2, steps=3, random_start=False)(forward, inputs, labels)
    assert torch.equal(result.adv, inputs)
    assert result.score.tolist() == [0]
    expected = 1 / 3 * log1p(exp(2 * 20 * 0.01))
    torch.testing.assert_close(result.loss, torch.tensor([expected], dtype=torch.float64))


def test_no_steps():
    inputs, labels = torch.rand(2, 3, 4, 4), torch.randint(0, 2, (2, 4, 4))
    result = SegPGD(steps=0)(pixelwise, inputs, labels)
    torch.testing.assert_close(result.loss, SegPGDLoss()(pixelwise(result.adv), labels, 1, 1))


@pytest.mark.parametrize('labels', [torch.zeros(2, 4, 4), torch.zeros(2, 1, 4, 4).long(), torch.full((2, 4, 4), -1)])
def test_bad_labels(labels):
    with pytest.raises(ValueError, match='SegPGDLoss'):
        SegPGD()(pixelwise, torch.rand(2, 3, 4, 4), labels)
