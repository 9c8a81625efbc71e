"""The depth estimator: sliding windows that count, and predictions at the image's own size."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmssl_robust.registry import MODELS

WIDTH = 16
SLIDE = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))


def build(test_cfg, frozen=False):
    cfg = dict(
        type='mmssl_robust.DepthEstimator',
        data_preprocessor=dict(
            type='mmseg.SegDataPreProcessor', seg_pad_val=0, size_divisor=8, test_cfg=dict(size_divisor=8)
        ),
        backbone=dict(
            type='mmssl_robust.DINOVisionTransformer',
            arch=dict(img_size=16, patch_size=8, embed_dim=WIDTH, depth=1, num_heads=2, mlp_ratio=2.0),
            out_type='featmap_cls',
            frozen=frozen,
        ),
        decode_head=dict(
            type='mmssl_robust.LinearDepthHead',
            in_channels=WIDTH,
            num_bins=8,
            loss_decode=[dict(type='mmssl_robust.SigLoss'), dict(type='mmssl_robust.GradientLoss')],
        ),
        test_cfg=test_cfg,
    )
    model = MODELS.build(ConfigDict(cfg))
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    return model


def sample(size, ori_shape, **annotations):
    data = {name: PixelData(data=values) for name, values in annotations.items()}
    return SegDataSample(metainfo=dict(img_shape=size, ori_shape=ori_shape), **data)


def test_slide_averages_the_windows():
    model = build(SLIDE).eval()
    inputs = torch.randn(2, 3, 24, 16)
    metas = [dict(ori_shape=(24, 16), img_shape=(24, 16)) for _ in range(2)]
    with torch.no_grad():
        top, bottom = (
            model.encode_decode(window, [dict(img_shape=(16, 16))]) for window in (inputs[:, :, :16], inputs[:, :, 8:])
        )
        depth = model.inference(inputs, metas)
    torch.testing.assert_close(depth[:, :, :8], top[:, :, :8])
    torch.testing.assert_close(depth[:, :, 8:16], (top[:, :, 8:] + bottom[:, :, :8]) / 2)
    torch.testing.assert_close(depth[:, :, 16:], bottom[:, :, 8:])


@torch.no_grad()
def test_slide_differs_from_whole():
    model = build(SLIDE).eval()
    inputs = torch.randn(1, 3, 24, 16)
    slide = model.inference(inputs, [dict(ori_shape=(24, 16), img_shape=(24, 16))])
    model.test_cfg = ConfigDict(mode='whole')
    whole = model.inference(inputs, [dict(ori_shape=(24, 16), img_shape=(24, 16))])
    assert (slide - whole).abs().max() > 1e-3


@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE], ids=['whole', 'slide'])
def test_prediction_has_the_size_of_the_image_file(test_cfg):
    """Images of 20 x 18 are padded to 24 x 24, and came from files of 40 x 36."""
    model = build(test_cfg).eval()
    inputs = [torch.randint(0, 256, (3, 20, 18), dtype=torch.uint8) for _ in range(2)]
    with torch.no_grad():
        predictions = model.test_step(
            dict(inputs=inputs, data_samples=[sample((20, 18), (40, 36)), sample((20, 18), (40, 36))])
        )
    depths = [prediction.pred_depth_map.data for prediction in predictions]
    assert [tuple(depth.shape) for depth in depths] == [(1, 40, 36)] * 2
    assert 1e-3 <= min(depth.min() for depth in depths) <= max(depth.max() for depth in depths) <= 10


def test_training_moves_the_head_alone():
    model = build(dict(mode='whole'), frozen=True).train()
    target = torch.rand(1, 20, 18) * 5 + 0.5
    batch = dict(
        inputs=[torch.randint(0, 256, (3, 20, 18), dtype=torch.uint8)],
        data_samples=[sample((20, 18), (20, 18), gt_depth_map=target)],
    )
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert set(losses) == {'decode.loss_pixel', 'decode.loss_grad'}
    loss, _ = model.parse_losses(losses)
    loss.backward()
    assert {name for name, parameter in model.named_parameters() if parameter.grad is not None} == {
        'decode_head.conv_seg.weight',
        'decode_head.conv_seg.bias',
    }
