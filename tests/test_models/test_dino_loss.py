"""The DINO loss against a written-out double loop, and its centre by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmssl_robust.models.losses.dino_loss import DINOLoss
from mmssl_robust.utils.errors import UserError

TEACHER_TEMP = 0.05


def logits(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def criterion_with_centre(out_dim):
    criterion = DINOLoss(out_dim).double()
    criterion.centre.copy_(logits(out_dim, seed=9))
    return criterion


def written_out(student, teacher, centre, student_temp, teacher_temp):
    """Eq. 2 to 4: a loop over the teacher's views, the student's views, the images and the prototypes."""

    def softmax(values, temp):
        exponentials = [math.exp(value / temp) for value in values]
        return [value / sum(exponentials) for value in exponentials]

    terms = []
    for g, teacher_view in enumerate(teacher.tolist()):
        for v, student_view in enumerate(student.tolist()):
            if g != v:
                for teacher_image, student_image in zip(teacher_view, student_view):
                    target = softmax([t - c for t, c in zip(teacher_image, centre.tolist())], teacher_temp)
                    prediction = softmax(student_image, student_temp)
                    terms.append(-sum(p * math.log(q) for p, q in zip(target, prediction)))
    return sum(terms) / len(terms)


@given(
    teacher_views=st.integers(1, 3), local_views=st.integers(1, 3), batch=st.integers(1, 3), out_dim=st.integers(2, 5)
)
def test_agrees_with_a_double_loop(teacher_views, local_views, batch, out_dim):
    criterion = criterion_with_centre(out_dim)
    student = logits(teacher_views + local_views, batch, out_dim, seed=1)
    teacher = logits(teacher_views, batch, out_dim, seed=2)
    loss = criterion(student, criterion.targets(teacher, TEACHER_TEMP))
    expected = written_out(student, teacher, criterion.centre, 0.1, TEACHER_TEMP)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_a_view_is_not_compared_with_itself():
    criterion = DINOLoss(3).double()
    student = logits(2, 4, 3).requires_grad_()
    only_first = torch.zeros(2, 4, 3, dtype=torch.float64)
    only_first[0] = 1 / 3  # the teacher's second view says nothing at all
    (gradient,) = torch.autograd.grad(criterion(student, only_first), student)
    assert gradient[0].abs().max() == 0
    assert gradient[1].abs().min() > 0


def test_gradient():
    criterion = criterion_with_centre(4)
    targets = criterion.targets(logits(2, 3, 4), TEACHER_TEMP)
    assert torch.autograd.gradcheck(lambda student: criterion(student, targets), logits(4, 3, 4).requires_grad_())


def test_targets_are_detached_distributions():
    criterion = DINOLoss(4).double()
    targets = criterion.targets(logits(2, 3, 4).requires_grad_(), TEACHER_TEMP)
    assert not targets.requires_grad
    torch.testing.assert_close(targets.sum(-1), torch.ones(2, 3, dtype=torch.float64))


def test_centring_a_constant_teacher_gives_uniform_targets():
    criterion = DINOLoss(4, centre_momentum=0.0).double()
    constant = logits(4).expand(2, 3, 4)
    criterion.update_centre(constant)
    torch.testing.assert_close(criterion.targets(constant, 0.01), torch.full((2, 3, 4), 0.25, dtype=torch.float64))


def test_centre_by_hand():
    criterion = DINOLoss(2, centre_momentum=0.9)
    teacher = torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[1.0, 0.0], [3.0, -4.0]]])  # mean 2 and 1
    criterion.update_centre(teacher)
    torch.testing.assert_close(criterion.centre, torch.tensor([0.2, 0.1]))
    criterion.update_centre(teacher)
    torch.testing.assert_close(criterion.centre, torch.tensor([0.38, 0.19]))
    assert 'centre' in criterion.state_dict()


@pytest.mark.parametrize('arguments', [dict(student_temp=0), dict(centre_momentum=1.1)])
def test_bad_arguments(arguments):
    with pytest.raises(UserError, match=next(iter(arguments))):
        DINOLoss(4, **arguments)


@pytest.mark.parametrize('views, teacher_views', [(1, 1), (2, 3)])
def test_too_few_views(views, teacher_views):
    with pytest.raises(ValueError, match='views'):
        DINOLoss(4)(torch.zeros(views, 1, 4), torch.zeros(teacher_views, 1, 4))
