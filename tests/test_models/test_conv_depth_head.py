"""The depth head with convolutions against the linear one on tokens that were convolved by hand."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.models.decode_heads import ConvDepthHead, LinearDepthHead
from mmssl_robust.utils.errors import UserError

WIDTH = 6
LOSSES = [dict(type='mmssl_robust.SigLoss')]


@pytest.fixture
def head():
    torch.manual_seed(0)
    head = ConvDepthHead(WIDTH, hidden=5, num_bins=16, loss_decode=LOSSES)
    for name, parameter in head.named_parameters():
        if 'bn' in name or 'conv_seg' in name:
            torch.nn.init.normal_(parameter, mean=0.2)
    for name, value in head.named_buffers():
        if 'running' in name:
            value.uniform_(0.5, 2.0)
    return head.double().eval()


def tokens(batch=2):
    return torch.randn(batch, WIDTH, 3, 5, dtype=torch.float64), torch.randn(batch, WIDTH, dtype=torch.float64)


def convolved(head, featmap):
    """Two convolutions, each with the usual formula of BatchNorm in evaluation and a ReLU."""
    for conv in head.convs:
        mean, var, scale, shift = (
            value[:, None, None] for value in (conv.bn.running_mean, conv.bn.running_var, conv.bn.weight, conv.bn.bias)
        )
        featmap = F.conv2d(featmap, conv.conv.weight, padding=1)
        featmap = F.relu((featmap - mean) / (var + conv.bn.eps).sqrt() * scale + shift)
    return featmap


def test_is_the_linear_head_on_convolved_tokens(head):
    linear = LinearDepthHead(WIDTH, num_bins=16, loss_decode=LOSSES).double()
    linear.conv_seg.load_state_dict(head.conv_seg.state_dict())
    featmap, cls_token = tokens()
    depth = head(((featmap, cls_token),))
    assert depth.std() > 0.01
    torch.testing.assert_close(depth, linear(((convolved(head, featmap), cls_token),)))


def test_the_average_of_the_convolved_map_stands_for_a_missing_cls_token(head):
    featmap, _ = tokens()
    mean = convolved(head, featmap).mean(dim=(2, 3))
    torch.testing.assert_close(head((featmap,)), head(((featmap, mean),)))


def test_a_patch_sees_its_neighbours_and_is_seen_two_away(head):
    featmap, cls_token = torch.randn(1, WIDTH, 7, 7, dtype=torch.float64), torch.randn(1, WIDTH, dtype=torch.float64)
    featmap.requires_grad_()
    head.upsample = 1
    head(((featmap, cls_token),))[0, 0, 3, 3].backward()
    reach = featmap.grad.abs().sum(dim=(0, 1)) > 0
    assert reach[1:6, 1:6].sum() > 9 and not reach[[0, 6]].any() and not reach[:, [0, 6]].any()


def test_reads_one_layer():
    with pytest.raises(UserError, match='in_channels of a ConvDepthHead, which reads one layer'):
        ConvDepthHead([WIDTH, WIDTH], input_transform='resize_concat', in_index=[0, 1], loss_decode=LOSSES)
