"""Multi-scale and mirrored inference of a segmentor, through which a gradient goes."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmcv.image import rescale_size
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import stack_batch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError


@MODELS.register_module()
class TTASegmentor(EncoderDecoder):
    """An ``EncoderDecoder`` whose prediction is the mean of the probabilities of several views of an image.

    Each view is predicted and brought to the original size by mmseg, and the views are averaged as by its
    ``SegTTAModel``. The views, however, are resampled from the normalised image, bilinearly, in the model: an attack
    on the image goes through all of them. ``seg_logits`` is the logarithm of the mean.

    Args:
        scales: Of the views: a factor for the image's height and width, or width and height into which it is fitted.
        flips: Of the views of each scale: None, ``'horizontal'`` or ``'vertical'``.
        args: See ``EncoderDecoder``.
        kwargs: Likewise.

    Raises:
        UserError: If there is no view, or the head has one channel for two classes.

    Examples:
        >>> import torch
        >>> from mmengine.config import ConfigDict
        >>> from mmssl_robust.registry import MODELS
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> cfg = dict(type='mmssl_robust.TTASegmentor', scales=[1, 0.5], flips=[None, 'horizontal'])
        >>> cfg['data_preprocessor'] = dict(type='mmseg.SegDataPreProcessor', test_cfg=dict(size_divisor=8))
        >>> cfg['backbone'] = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny, out_type='featmap')
        >>> cfg['decode_head'] = dict(type='mmssl_robust.LinearBNHead', in_channels=16, num_classes=11)
        >>> model = MODELS.build(ConfigDict(cfg, test_cfg=dict(mode='whole'))).eval()
        >>> probabilities = model.predict(torch.zeros(1, 3, 32, 48))[0].seg_logits.data.exp()  # the mean of four views
        >>> probabilities.shape, round(probabilities.sum(dim=0).mean().item(), 4)
        (torch.Size([11, 32, 48]), 1.0)
    """

    def __init__(
        self,
        *args: Any,
        scales: Sequence[float | tuple[int, int]],
        flips: Sequence[str | None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if self.out_channels == 1:
            raise UserError('the views of a segmentor with one output channel are not averaged: give it one per class')
        if not scales or not flips:
            raise UserError('there is no view to average: give at least one of scales and one of flips')
        self.scales, self.flips = list(scales), list(flips)

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Predict normalised images (B, 3, H, W), padded as their ``data_samples`` say.

        Returns:
            The samples with ``seg_logits`` (C, h, w), at the original size, and ``pred_sem_seg`` (1, h, w).
        """
        if data_samples is None:
            data_samples = [SegDataSample(metainfo=_meta_of(inputs)) for _ in inputs]
        images = _without_padding(inputs, data_samples[0].metainfo)
        totals: list[Tensor] | None = None
        for scale in self.scales:
            resized = _resized(images, scale)
            for flip in self.flips:
                found = self._log_probabilities(resized, flip, data_samples)
                totals = found if totals is None else [torch.logaddexp(*pair) for pair in zip(totals, found)]
        views = len(self.scales) * len(self.flips)
        for sample, total in zip(data_samples, totals or []):
            logits = total - math.log(views)
            sample.set_data(
                dict(seg_logits=PixelData(data=logits), pred_sem_seg=PixelData(data=logits.argmax(0, keepdim=True)))
            )
        return data_samples

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Logits (B, C, h, w) of a window or image, computed again for a gradient: windows of all views are many."""
        encode = super().encode_decode
        if not (torch.is_grad_enabled() and inputs.requires_grad):
            return encode(inputs, batch_img_metas)
        metas = [dict(meta) for meta in batch_img_metas]  # mmseg changes them from window to window
        return checkpoint(encode, inputs, metas, use_reentrant=False)

    def _log_probabilities(
        self, images: Tensor, flip: str | None, data_samples: Sequence[SegDataSample]
    ) -> list[Tensor]:
        """Those of one view, (C, h, w) for each image, at its original size and unflipped."""
        if flip:
            images = images.flip(3 if flip == 'horizontal' else 2)
        settings = self.data_preprocessor
        pads: list[dict[str, Any]] = [{}] * len(images)
        if settings.test_cfg:
            how = dict(size=settings.test_cfg.get('size'), size_divisor=settings.test_cfg.get('size_divisor'))
            images, pads = stack_batch(list(images), pad_val=settings.pad_val, **how)
        samples = []
        for sample, pad in zip(data_samples, pads):
            meta = dict(ori_shape=sample.ori_shape, img_shape=tuple(images.shape[-2:]), flip=bool(flip))
            samples.append(SegDataSample(metainfo=meta | dict(flip_direction=flip, **pad)))
        return [sample.seg_logits.data.log_softmax(0) for sample in super().predict(images, samples)]


def _meta_of(inputs: Tensor) -> dict[str, Any]:
    size = tuple(inputs.shape[-2:])
    return dict(ori_shape=size, img_shape=size)


def _without_padding(inputs: Tensor, meta: dict[str, Any]) -> Tensor:
    """The images (B, 3, h, w) of a batch, which have one size."""
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
    return inputs[..., top : inputs.shape[2] - bottom, left : inputs.shape[3] - right]


def _resized(images: Tensor, scale: float | tuple[int, int]) -> Tensor:
    height, width = images.shape[-2:]
    wide, high = rescale_size((width, height), scale if isinstance(scale, (int, float)) else tuple(scale))
    if (high, wide) == (height, width):
        return images
    return F.interpolate(images, (high, wide), mode='bilinear', align_corners=False)
