"""The linear segmentation head against batch normalisation and a matrix product."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmssl_robust.models.decode_heads import LinearBNHead


def written_out(head, x, mean, variance):
    def column(values):
        return values.view(1, -1, 1, 1)

    x = (x - column(mean)) / torch.sqrt(column(variance) + head.norm.eps)
    x = x * column(head.norm.weight) + column(head.norm.bias)
    return torch.einsum('kd,bdhw->bkhw', head.conv_seg.weight[:, :, 0, 0], x) + column(head.conv_seg.bias)


def build_head(in_channels=6, **kwargs):
    head = LinearBNHead(in_channels, num_classes=5, **kwargs).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


def test_training_normalises_by_the_batch():
    head, x = build_head(), torch.randn(3, 6, 4, 5, dtype=torch.float64)
    expected = written_out(head, x, x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False))
    torch.testing.assert_close(head((x,)), expected)


def test_evaluation_normalises_by_the_running_statistics():
    head, x = build_head().eval(), torch.randn(3, 6, 4, 5, dtype=torch.float64)
    head.norm.running_mean.normal_()
    head.norm.running_var.uniform_(0.5, 2)
    torch.testing.assert_close(head((x,)), written_out(head, x, head.norm.running_mean, head.norm.running_var))


def test_several_layers_are_concatenated():
    head = build_head([6, 6], in_index=[0, 1], input_transform='resize_concat').eval()
    first, second = torch.randn(2, 1, 6, 4, 5, dtype=torch.float64)
    both = torch.cat((first, second), dim=1)
    expected = written_out(head, both, head.norm.running_mean, head.norm.running_var)
    torch.testing.assert_close(head((first, second)), expected)


def test_unlabelled_pixels_do_not_train():
    # Without avg_non_ignore MMSegmentation divides by the unlabelled pixels too.
    head = build_head(loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)).eval()
    x = torch.randn(1, 6, 4, 5, dtype=torch.float64)
    labels = torch.full((1, 4, 5), 255)
    labels[0, 1, 2] = 3
    losses = head.loss((x,), [SegDataSample(gt_sem_seg=PixelData(data=labels))], train_cfg=None)
    expected = -head((x,)).log_softmax(1)[0, 3, 1, 2]
    assert losses['loss_ce'].item() == pytest.approx(expected.item())
