"""Losses of pixels in bands from small maps, against autograd on maps at full size."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks import (
    BalancedMaskedCrossEntropy,
    CosPGDLoss,
    JensenShannon,
    MaskedCrossEntropy,
    SegPGDLoss,
)
from mmssl_robust.attacks.objectives import pixelwise
from mmssl_robust.attacks.upsampled import Upsampled, interpolation

OBJECTIVES = [SegPGDLoss(), CosPGDLoss(), MaskedCrossEntropy(), BalancedMaskedCrossEntropy(), JensenShannon()]
ids = [type(objective).__name__ for objective in OBJECTIVES]


def small_maps(dtype=torch.float64, images=3, classes=4):
    torch.manual_seed(0)
    low = 3 * torch.randn(images, classes, 3, 4, dtype=dtype)
    like = low[:0]
    rows = torch.stack([F.pad(interpolation(3, size, False, like), (0, 0, 0, 13 - size)) for size in (13, 9, 11)])
    labels = torch.randint(0, classes, (images, 13, 17))
    labels[1, 9:], labels[2, 11:] = 255, 255
    labels[torch.rand(labels.shape) < 0.1] = 255
    return low, rows, interpolation(4, 17, False, like)[None], labels


@pytest.fixture(params=[(50, 2), (2**20, 16)], ids=['bands', 'whole'])
def band(request, monkeypatch):
    """Bands of a few rows of one image, or all images at once."""
    monkeypatch.setitem(pixelwise._BAND, 'cpu', request.param[0])
    monkeypatch.setattr(pixelwise, 'ROWS', request.param[1])


def judged(objective, outputs, of, labels):
    values = objective.values(outputs, labels, 3, 5)
    factors = torch.arange(1, 4, dtype=of.dtype)  # each image's gradient has its own factor
    (grad,) = torch.autograd.grad((values.loss * factors).sum(), of)
    return grad, values


@pytest.mark.parametrize('objective', OBJECTIVES, ids=ids)
def test_small_maps_give_what_large_ones_do(objective, band):
    low, rows, columns, labels = small_maps()
    low.requires_grad_()
    expected, whole = judged(objective, Upsampled(low, rows, columns).full(), low, labels)
    grad, values = judged(objective, Upsampled(low, rows, columns), low, labels)
    torch.testing.assert_close(grad, expected, rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(values, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_gradient_is_that_of_the_written_out_equation(band):
    low, rows, columns, labels = small_maps()
    low.requires_grad_()
    logits = Upsampled(low, rows, columns).full()
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    factors = (logits.argmax(dim=1) == labels).double() * (1 - 4 / 10) + 2 / 10
    loss = (factors * losses).sum(dim=(1, 2)) / (labels != 255).sum(dim=(1, 2))
    (expected,) = torch.autograd.grad((loss * torch.arange(1, 4)).sum(), low)
    grad, values = judged(SegPGDLoss(), Upsampled(low, rows, columns), low, labels)
    torch.testing.assert_close(values.loss, loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(grad, expected, rtol=1e-12, atol=1e-14)


def test_weights_are_as_precise_as_the_logits():
    """1/6 and 5/6 in float32 would be off by 1e-8."""
    low, rows, columns, labels = small_maps()
    logits = Upsampled(low, rows, columns).full()
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    factors = (logits.argmax(dim=1) == labels).double() * (4 / 6) + 1 / 6
    expected = (factors * losses).sum(dim=(1, 2)) / (labels != 255).sum(dim=(1, 2))
    torch.testing.assert_close(SegPGDLoss()(logits, labels, 2, 3), expected, rtol=1e-13, atol=0)


def test_single_precision_stays_close():
    double = judged(SegPGDLoss(), *_graph(torch.float64))
    single = judged(SegPGDLoss(), *_graph(torch.float32))
    torch.testing.assert_close(single[0].double(), double[0], rtol=2e-6, atol=1e-8)


def _graph(dtype):
    low, rows, columns, labels = small_maps()
    low, rows, columns = (part.to(dtype) for part in (low, rows, columns))
    low.requires_grad_()
    return Upsampled(low, rows, columns), low, labels


@pytest.mark.parametrize('margin', [20.0, 40.0])
def test_gradient_of_a_saturated_pixel_is_not_lost(margin):
    """1 - p of the label is 0 in float32 from a margin of 17 on, but the label's logit keeps its gradient."""
    maps = torch.tensor([margin, 0.0]).view(1, 2, 1, 1).requires_grad_()
    (grad,) = torch.autograd.grad(SegPGDLoss()(maps, torch.zeros(1, 1, 1, dtype=torch.int64), 1, 1).sum(), maps)
    expected = 1 / (1 + torch.tensor(margin).double().exp())
    torch.testing.assert_close(grad.flatten().double(), torch.stack((-expected, expected)), rtol=1e-5, atol=0)


def test_first_of_equal_logits_is_the_prediction():
    labels = torch.tensor([[[0, 1, 2]]])
    assert SegPGDLoss().score(torch.zeros(1, 3, 1, 3), labels).tolist() == pytest.approx([1 / 3])


def test_nothing_is_differentiated_without_a_need(monkeypatch):
    monkeypatch.setattr(pixelwise, '_Gradient', None)
    low, rows, columns, labels = small_maps()
    SegPGDLoss().values(Upsampled(low, rows, columns), labels, 1, 2)


def test_labels_beyond_the_classes():
    with pytest.raises(ValueError, match='label 7, but there are 4 classes'):
        SegPGDLoss()(torch.zeros(1, 4, 2, 2), torch.full((1, 2, 2), 7), 1, 1)
