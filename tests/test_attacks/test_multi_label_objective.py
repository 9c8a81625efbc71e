"""Binary cross-entropy of several labels against its formula, and on a problem whose answer is known."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks import APGD, PGD, BinaryCrossEntropy

LOGITS = torch.tensor([[3.0, -1.0, 0.5], [0.0, 4.0, -2.0]], dtype=torch.float64)
LABELS = torch.tensor([[1, 0, 1], [0, -1, 1]])
LOSS = BinaryCrossEntropy()


def test_loss_is_the_mean_over_what_counts():
    every = F.binary_cross_entropy_with_logits(LOGITS, LABELS.clamp(min=0).double(), reduction='none')
    torch.testing.assert_close(LOSS(LOGITS, LABELS, 1, 1), torch.stack([every[0].mean(), every[1, [0, 2]].mean()]))


@pytest.mark.parametrize('logit', [17.0, 40.0, 80.0])
def test_a_saturated_class_keeps_its_gradient(logit):
    logits = torch.tensor([[logit, -logit]], requires_grad=True)
    (grad,) = torch.autograd.grad(LOSS(logits, torch.tensor([[1, 0]]), 1, 1).sum(), logits)
    expected = torch.sigmoid(torch.tensor([[-logit, -logit]])) / 2 * torch.tensor([[-1, 1]])
    assert (grad[0, 0] < 0) and (grad[0, 1] > 0)
    torch.testing.assert_close(grad, expected, rtol=1e-5, atol=0)


def test_score_and_success_by_hand():
    logit = lambda share: torch.tensor(share).logit().item()  # noqa: E731
    outputs = torch.tensor([[logit(0.75), logit(0.25), logit(0.5)], [logit(0.125), logit(0.25), logit(0.5)]])
    labels = torch.tensor([[1, 0, 1], [1, 0, -1]])
    assert LOSS.score(outputs, labels).tolist() == pytest.approx([0.625 - 0.25, 0.125 - 0.25])
    assert LOSS.success(outputs, labels).tolist() == [False, True]
    one_kind = torch.tensor([[1, 1, 1], [0, 0, 0]])
    assert LOSS.score(outputs, one_kind).tolist() == pytest.approx([0, 0.5 - 0.875 / 3], abs=1e-6)


def test_an_image_without_a_class_that_counts_is_idle():
    labels = torch.tensor([[-1, -1, -1], [1, -1, 0]])
    logits = LOGITS.clone().requires_grad_()
    values = LOSS.values(logits, labels, 1, 1)
    (grad,) = torch.autograd.grad(values.loss.sum(), logits)
    assert LOSS.idle(values.score, labels).tolist() == [True, False]
    assert values.loss[0] == 0 and values.score[0] == 0 and not values.success[0] and (grad[0] == 0).all()


def test_targets_that_are_none_are_refused():
    inputs, forward = torch.zeros(2, 3, 2, 2), None
    assert LOSS.prepare(forward, inputs, LABELS.double()).dtype == torch.int64
    for wrong in (torch.tensor([0, 1]), torch.tensor([[0, 2], [1, 0]]), torch.tensor([[0, 0.5], [1, 0]])):
        with pytest.raises(ValueError, match='needs targets .* of 1, 0 and -1'):
            LOSS.prepare(forward, inputs, wrong)
    with pytest.raises(ValueError, match='give one for each class'):
        LOSS.values(LOGITS, LABELS[:, :2], 1, 1)


@pytest.mark.parametrize('kind', [PGD, APGD])
def test_linear_classes_have_a_known_worst_image(kind):
    """Each class reads one pixel: the worst image lowers those of true classes and raises those of false ones."""
    forward = lambda x: 8 * (x.flatten(1) - 0.5)  # noqa: E731
    inputs, labels = torch.full((2, 1, 2, 2), 0.5), torch.tensor([[1, 0, 1, -1], [0, 0, 0, 1]])
    attack = kind(LOSS, eps=0.125, steps=20, random_start=False, **(dict(step_size=0.05) if kind is PGD else {}))
    result = attack(forward, inputs, labels)
    signs = torch.tensor([[-1, 1, -1, 0], [1, 1, 1, -1]])
    torch.testing.assert_close(result.adv, inputs + 0.125 * signs.view(2, 1, 2, 2))
    torch.testing.assert_close(result.score, torch.full((2,), float(1 - 2 * torch.tensor(1.0).sigmoid())))
    assert result.success.all()
