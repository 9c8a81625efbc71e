"""The linear depth head against the written-out formula of DINOv2's."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmssl_robust.functional.gradient_matching import gradient_sums
from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss
from mmssl_robust.models.decode_heads import LinearDepthHead

WIDTH = 6
LOSSES = [dict(type='mmssl_robust.SigLoss'), dict(type='mmssl_robust.GradientLoss', loss_weight=0.5)]


def build_head(**kwargs):
    head = LinearDepthHead(WIDTH, loss_decode=LOSSES, **kwargs).double()
    torch.nn.init.normal_(head.conv_seg.weight)  # as many scores below zero as above
    torch.nn.init.normal_(head.conv_seg.bias)
    return head


def tokens(batch=2):
    return torch.randn(batch, WIDTH, 3, 5, dtype=torch.float64), torch.randn(batch, WIDTH, dtype=torch.float64)


def written_out(head, featmap, cls_token, min_depth, max_depth, num_bins, factor):
    x = torch.cat((featmap, cls_token[..., None, None].expand(-1, -1, 3, 5)), dim=1)
    x = F.interpolate(x, size=(3 * factor, 5 * factor), mode='bilinear', align_corners=False)
    weight, bias = head.conv_seg.weight[:, :, 0, 0], head.conv_seg.bias
    scores = torch.einsum('kd,bdhw->bkhw', weight, x) + bias.view(1, -1, 1, 1)
    weights = torch.clamp(scores, min=0) + 0.1
    weights = weights / weights.sum(1, keepdim=True)
    bins = torch.tensor([min_depth + i * (max_depth - min_depth) / (num_bins - 1) for i in range(num_bins)])
    return (weights * bins.double().view(1, -1, 1, 1)).sum(1, keepdim=True)


@pytest.mark.parametrize(
    'settings',
    [
        dict(num_bins=256, min_depth=1e-3, max_depth=10.0, upsample=4),
        dict(num_bins=16, min_depth=0.5, max_depth=80.0, upsample=2),
    ],
)
def test_agrees_with_the_written_out_formula(settings):
    head, (featmap, cls_token) = build_head(**settings), tokens()
    names = dict(settings)
    expected = written_out(head, featmap, cls_token, factor=names.pop('upsample'), **names)
    # The bins were made in single precision.
    torch.testing.assert_close(head(((featmap, cls_token),)), expected, rtol=1e-7, atol=1e-7)


def test_defaults_are_those_of_the_paper():
    head, (featmap, cls_token) = build_head(), tokens()
    expected = written_out(head, featmap, cls_token, 1e-3, 10.0, 256, 4)
    torch.testing.assert_close(head(((featmap, cls_token),)), expected, rtol=1e-7, atol=1e-7)


def test_the_cls_token_reaches_every_pixel():
    head, (featmap, cls_token) = build_head(), tokens()
    changed = head(((featmap, cls_token + 1),)) - head(((featmap, cls_token),))
    assert changed.abs().min() > 0


def test_the_average_of_the_map_stands_for_a_missing_cls_token():
    head, (featmap, _) = build_head(), tokens()
    assert torch.equal(head((featmap,)), head(((featmap, featmap.mean(dim=(2, 3))),)))


def test_depth_stays_between_the_bins():
    head, (featmap, cls_token) = build_head(), tokens()
    depth = head(((1e3 * featmap, 1e3 * cls_token),))
    assert depth.shape == (2, 1, 12, 20)
    assert depth.min() > 1e-3
    assert depth.max() < 10


def test_reads_the_layer_in_index():
    head, first, last = build_head(in_index=0), tokens(), tokens()
    assert torch.equal(head((first, last)), head((first,)))


def test_losses_at_the_size_of_the_annotation():
    head, features = build_head(), (tokens(),)
    target = torch.rand(2, 1, 24, 40, dtype=torch.float64) * 5 + 0.5
    target[..., :3] = 0
    samples = [SegDataSample(gt_depth_map=PixelData(data=part)) for part in target]
    losses = head.loss(features, samples, train_cfg=None)
    depth = F.interpolate(head(features), size=(24, 40), mode='bilinear', align_corners=False)
    valid = target > 0
    sums, pixels = gradient_sums(depth, target, valid, (1, 2, 4, 6), apart=2)
    expected = dict(
        loss_pixel=scale_invariant_log_loss(*(maps.reshape(1, 1, 1, -1) for maps in (depth, target, valid))).mean(),
        loss_grad=0.5 * (sums.sum(dim=1) / pixels.sum(dim=1)).sum(),
    )
    torch.testing.assert_close(losses, expected)
