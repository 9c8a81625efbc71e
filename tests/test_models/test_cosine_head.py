"""Cosines with class vectors, by hand."""

import numpy as np
import torch

from mmssl_robust.models.heads import CosineHead


def test_cosines_over_the_temperature():
    head = CosineHead(num_classes=3, in_channels=5, temperature=0.1)
    features = torch.randn(2, 5)
    x, w = features.double().numpy(), head.fc.weight.detach().double().numpy()
    expected = (x @ w.T) / np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(w, axis=1)) / 0.1
    np.testing.assert_allclose(head((features,)).detach(), expected, rtol=1e-4)


def test_neither_length_nor_a_bias_plays_a_part():
    head = CosineHead(num_classes=3, in_channels=5)
    features = torch.randn(2, 5)
    before = head((features,))
    with torch.no_grad():
        head.fc.weight *= torch.tensor([[0.5], [2.0], [7.0]])
    torch.testing.assert_close(head((3 * features,)), before)
    assert set(head.state_dict()) == {'fc.weight'}
