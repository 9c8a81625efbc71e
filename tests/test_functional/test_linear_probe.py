"""Linear probes without labels, against closed forms and another implementation."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.functional.linear_probe import fit_probe, probes_of, pseudo_classes

CORNERS = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0]])


@pytest.mark.parametrize('seed', range(5))
def test_clusters_far_apart_are_the_classes(seed):
    truth = torch.arange(4).repeat_interleave(6)
    features = CORNERS[truth] + torch.rand(24, 2, generator=torch.Generator().manual_seed(seed))
    classes = pseudo_classes(features, 4, seed)
    assert torch.equal(classes[:, None] == classes, truth[:, None] == truth)
    assert torch.equal(pseudo_classes(features, 4, seed), classes)


def test_equal_features_are_no_hindrance():
    assert pseudo_classes(torch.ones(6, 2), 3).unique().tolist() == [0]


def test_a_probe_is_at_the_minimum():
    """There W = sum_i (onehot_i - p_i) x_i^T / (N decay) on standardised features, and the residuals sum to 0."""
    torch.manual_seed(0)
    features, classes, decay = torch.randn(40, 5).double() * 3 + 1, torch.randint(3, (40,)), 0.05
    probe = fit_probe(features, classes, 3, decay)
    std = features.std(dim=0, correction=0)
    inputs = (features - features.mean(dim=0)) / std
    residuals = F.one_hot(classes, 3) - F.linear(features, *probe).softmax(dim=1)
    torch.testing.assert_close(probe.weight * std, residuals.T @ inputs / (40 * decay), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(residuals.sum(dim=0), torch.zeros(3).double(), atol=1e-5, rtol=0)


def test_a_probe_reads_what_tells_its_classes_apart():
    features = torch.tensor([[-1.0, 5.0], [-1.0, -5.0], [1.0, 5.0], [1.0, -5.0]])
    probe = fit_probe(features, torch.tensor([0, 0, 1, 1]), 2)
    assert probe.classes(torch.tensor([[-0.01, 100.0], [0.01, -100.0]])).tolist() == [0, 1]


def test_each_probe_has_classes_of_its_own():
    torch.manual_seed(0)
    features = torch.randn(60, 3)
    first, second = (probe.classes(features) for probe in probes_of(features, 4, 2))
    assert not torch.equal(first[:, None] == first, second[:, None] == second)
    assert all(torch.equal(one.weight, two.weight) for one, two in zip(*(probes_of(features, 4, 2) for _ in range(2))))
