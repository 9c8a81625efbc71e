"""Losses against labels, by NumPy in float64."""

import numpy as np
import torch
from scipy.special import log_softmax

from mmssl_robust.functional.label_losses import class_loss, log_depth_loss, pixel_loss


def test_classes():
    logits, labels = torch.randn(3, 4), torch.tensor([2, 0, 3])
    expected = -log_softmax(logits.double().numpy(), axis=1)[range(3), labels.numpy()]
    np.testing.assert_allclose(class_loss(logits, labels), expected, rtol=1e-5)


def test_pixels_that_do_not_count():
    """The mean over labelled pixels; an image with none has 0. Labels of one byte, as files give them."""
    logits = torch.randn(3, 4, 2, 3)
    labels = torch.randint(0, 4, (3, 1, 2, 3), dtype=torch.uint8)
    labels[0, 0, 0, :2], labels[1] = 255, 255
    logs = log_softmax(logits.double().numpy(), axis=1)
    expected = [
        -np.mean(
            [
                logs[image, labels[image, 0, y, x], y, x]
                for y in range(2)
                for x in range(3)
                if labels[image, 0, y, x] < 255
            ]
        )
        for image in (0, 2)
    ]
    found = pixel_loss(logits, labels, ignore_index=255)
    np.testing.assert_allclose(found, [expected[0], 0, expected[1]], rtol=1e-5)


def test_predictions_are_enlarged_to_the_labels():
    logits = torch.randn(1, 4, 1, 1)
    labels = torch.tensor([1, 3]).view(1, 1, 1, 2)
    logs = log_softmax(logits.double().numpy().ravel())
    np.testing.assert_allclose(pixel_loss(logits, labels, 255), [-(logs[1] + logs[3]) / 2], rtol=1e-5)


def test_depths_of_which_some_are_unknown():
    depth = torch.tensor([1.0, 2.0, 4.0, 8.0]).view(2, 1, 1, 2).requires_grad_()
    truth = torch.tensor([np.e, 0.0, 10.0, 0.0]).view(2, 1, 1, 2)
    found = log_depth_loss(depth, truth, min_depth=1e-3, max_depth=10)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0]))
    found.sum().backward()
    # d/dx (ln x - 1)^2 = -2 at x = 1, and nothing from what is unknown.
    torch.testing.assert_close(depth.grad.flatten(), torch.tensor([-2.0, 0, 0, 0]))
