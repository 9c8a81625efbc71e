"""Models of OpenMMLab with random weights, built from configs as a user's are, and random batches for them."""

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn

from mmssl_robust.models.backbones.dino_vit import ARCHITECTURES
from mmssl_robust.registry import MODELS

Arch = str | dict[str, Any]
Size = tuple[int, int]
NORMALISATION = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
_DENSE = NORMALISATION | dict(type='mmseg.SegDataPreProcessor', bgr_to_rgb=True, pad_val=0)


def classifier(arch: Arch, classes: int = 10) -> nn.Module:
    """Return a linear classifier on the CLS token, in eval mode."""
    return _built(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=NORMALISATION | dict(type='mmpretrain.ClsDataPreprocessor', to_rgb=True),
        backbone=_encoder(arch, 'cls_token'),
        head=dict(type='mmpretrain.LinearClsHead', num_classes=classes, in_channels=_width(arch)),
    )


def segmentor(arch: Arch, crop: int, stride: int, classes: int) -> nn.Module:
    """Return a linear segmentor that slides windows over the image, in eval mode."""
    model = _built(
        type='mmseg.EncoderDecoder',
        data_preprocessor=_DENSE | dict(seg_pad_val=255, **_padding(arch)),
        backbone=_encoder(arch, 'featmap'),
        decode_head=dict(type='mmssl_robust.LinearBNHead', in_channels=_width(arch), num_classes=classes),
        test_cfg=dict(mode='slide', crop_size=(crop, crop), stride=(stride, stride)),
    )
    nn.init.normal_(model.decode_head.conv_seg.weight, std=0.1)  # some pixels right, some wrong
    return model


def depther(arch: Arch, bins: int = 256) -> nn.Module:
    """Return a linear depth estimator on the whole image, in eval mode."""
    model = _built(
        type='mmssl_robust.DepthEstimator',
        data_preprocessor=_DENSE | dict(seg_pad_val=0, **_padding(arch)),
        backbone=_encoder(arch, 'featmap_cls'),
        decode_head=dict(type='mmssl_robust.LinearDepthHead', in_channels=_width(arch), num_bins=bins),
        test_cfg=dict(mode='whole'),
    )
    nn.init.normal_(model.decode_head.conv_seg.weight, std=0.1)
    return model


def deacl(arch: Arch, steps: int = 5) -> nn.Module:
    """Return DeACL with the paper's settings, student and teacher of different weights, in training mode."""
    attack = dict(type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.EmbeddingCosine'), eps='4/255')
    encoder = _encoder(arch, 'cls_token') | dict(frozen=False)
    model = _built(
        type='mmssl_robust.DeACL',
        backbone=encoder,
        teacher=encoder,
        attack=attack | dict(step_size='2/255', steps=steps),
        data_preprocessor=NORMALISATION | dict(to_rgb=True),
    )
    return model.train()


def classification_batch(images: int, size: Size, labels: list[int] | None = None) -> dict[str, Any]:
    """Return random images with labels, as the data loader gives them."""
    samples = [DataSample(metainfo=dict(sample_idx=index)) for index in range(images)]
    for index, sample in enumerate(samples):
        sample.set_gt_label(labels[index] if labels else index % 10)
    return dict(inputs=_images(images, size), data_samples=samples)


def segmentation_batch(images: int, size: Size, classes: int) -> dict[str, Any]:
    """Return random images with random label maps of their size, a border unlabelled."""
    labels = torch.randint(0, classes, (images, 1, *size))
    labels[..., :2] = 255
    return dict(inputs=_images(images, size), data_samples=_dense_samples('gt_sem_seg', labels))


def depth_batch(images: int, size: Size) -> dict[str, Any]:
    """Return random images with depth maps of their size, a border unknown."""
    depth = torch.rand(images, 1, *size) * 5 + 0.5
    depth[..., :2] = 0
    return dict(inputs=_images(images, size), data_samples=_dense_samples('gt_depth_map', depth))


def _built(**cfg: Any) -> nn.Module:
    return MODELS.build(ConfigDict(cfg)).eval()


def _encoder(arch: Arch, out_type: str) -> dict[str, Any]:
    return dict(type='mmssl_robust.DINOVisionTransformer', arch=arch, out_type=out_type, frozen=True)


def _settings(arch: Arch) -> dict[str, Any]:
    return ARCHITECTURES[arch] if isinstance(arch, str) else arch


def _width(arch: Arch) -> int:
    return _settings(arch)['embed_dim']


def _padding(arch: Arch) -> dict[str, Any]:
    divisor = _settings(arch)['patch_size']
    return dict(size_divisor=divisor, test_cfg=dict(size_divisor=divisor))


def _images(count: int, size: Size) -> list[torch.Tensor]:
    return list(torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8))


def _dense_samples(name: str, maps: torch.Tensor) -> list[SegDataSample]:
    samples = []
    for index, data in enumerate(maps):
        size = tuple(data.shape[-2:])
        sample = SegDataSample(metainfo=dict(sample_idx=index, ori_shape=size, img_shape=size))
        setattr(sample, name, PixelData(data=data))
        samples.append(sample)
    return samples
