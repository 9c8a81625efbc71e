"""The votes of the nearest neighbours, against a count by hand."""

import pytest
import torch

from mmssl_robust.models.heads import KNNHead
from mmssl_robust.utils.errors import UserError


def fitted(k=3, temperature=0.1):
    head = KNNHead(num_classes=3, k=k, temperature=temperature)
    head.fit(torch.randn(8, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]))
    return head


def test_votes_by_hand():
    head = fitted()
    features = torch.randn(4, 5)
    shares = head((features,)).softmax(dim=1)
    for row, feature in enumerate(features):
        cosines = [float(feature @ neighbour / feature.norm()) for neighbour in head.features]
        votes = [0.0, 0.0, 0.0]
        for index in sorted(range(8), key=lambda i: -cosines[i])[:3]:
            votes[head.labels[index]] += torch.tensor(cosines[index] / 0.1).exp().item()
        torch.testing.assert_close(shares[row], torch.tensor(votes) / sum(votes), rtol=1e-4, atol=1e-6)


def test_length_does_not_matter_and_the_gradient_flows():
    head = fitted()
    features = torch.randn(4, 5, requires_grad=True)
    torch.testing.assert_close(head((features,)), head((7 * features,)), rtol=1e-4, atol=1e-5)
    head((features,))[:, 0].sum().backward()
    assert features.grad.abs().max() > 0


def test_neighbours_that_agree_leave_a_gradient():
    head = KNNHead(num_classes=3, k=3)
    bank = torch.randn(9, 5)
    bank[:4] = torch.ones(5) + 0.1 * torch.randn(4, 5)
    head.fit(bank, torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2]))
    features = torch.ones(1, 5).add_(0.1 * torch.randn(1, 5)).requires_grad_()
    logits = head((features,))
    assert logits.softmax(1)[0, 0] > 0.999
    torch.nn.functional.cross_entropy(logits.double(), torch.tensor([0])).backward()
    assert features.grad.abs().max() > 0


def test_more_neighbours_than_there_are():
    assert fitted(k=100)((torch.randn(2, 5),)).shape == (2, 3)


def test_the_bank_is_in_no_checkpoint_and_must_be_filled():
    head = KNNHead(num_classes=3)
    assert not head.state_dict()
    with pytest.raises(UserError, match='bank of the KNNHead is empty: evaluate it by'):
        head((torch.randn(2, 5),))
