"""Eq. (2), against its formula written out."""

import pytest
import torch

from mmssl_robust.functional.token_cosine import token_cosine
from mmssl_robust.models.losses import DeACLLoss


def test_equation_2():
    clean, adversarial, teacher = torch.randn(3, 5, 7, 11, dtype=torch.float64)
    terms = DeACLLoss(gamma=2.0)(clean, adversarial, teacher)

    def d(a, b):
        return -torch.stack(
            [(a[i, n] @ b[i, n]) / (a[i, n].norm() * b[i, n].norm()) for i in range(5) for n in range(7)]
        ).mean()

    torch.testing.assert_close(sum(terms), d(clean, teacher) + 2 * d(adversarial, clean), rtol=1e-12, atol=0)


def test_bounds():
    embedding = torch.randn(4, 9)
    teacher, adversarial = DeACLLoss(gamma=3.0)(embedding, embedding, 5 * embedding)
    torch.testing.assert_close(torch.stack([teacher, adversarial]), torch.tensor([-1.0, -3.0]))
    teacher, adversarial = DeACLLoss(gamma=3.0)(embedding, -embedding, embedding)
    torch.testing.assert_close(adversarial, torch.tensor(3.0))


def test_gradient_through_both_arguments_of_the_second_term():
    clean, adversarial = torch.randn(2, 4, 9).unbind()
    clean.requires_grad_(), adversarial.requires_grad_()
    DeACLLoss()(clean, adversarial, torch.randn(4, 9))[1].backward()
    assert clean.grad.abs().max() > 0 and adversarial.grad.abs().max() > 0


def test_an_image_counts_alone():
    first, second = torch.randn(2, 3, 4, 5).unbind()
    together = token_cosine(first, second)
    assert together.shape == (3,)
    torch.testing.assert_close(token_cosine(first[1:2], second[1:2]), together[1:2])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r'\(2, 3\), but the reference is \(2, 4\)'):
        token_cosine(torch.zeros(2, 3), torch.zeros(2, 4))
