"""Test-time augmentation: the mean of probabilities over views, by hand and by mmseg's own SegTTAModel."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv import transforms
from mmengine.dataset import pseudo_collate
from mmseg.models import SegTTAModel
from toys import build, segmentation_batch, segmentor_cfg

from mmssl_robust.attacks import SegPGD
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

SCALES, FLIPS = [1.0, 1.5, 0.5], [None, 'horizontal', 'vertical']
AXES = dict(horizontal=2, vertical=1)


def both(scales=SCALES, flips=FLIPS, mode='whole'):
    """A segmentor, and the same with test-time augmentation."""
    cfg = segmentor_cfg(mode)
    return build(cfg), build(cfg | dict(type='mmssl_robust.TTASegmentor', scales=scales, flips=flips))


def by_hand(model, image, ori_shape, scale, flip):
    """Probabilities of one view of an image (3, h, w) of 0..255 in BGR."""
    rgb = (image.flip(0).float() - model.data_preprocessor.mean) / model.data_preprocessor.std
    height, width = (int(side * scale + 0.5) for side in image.shape[1:])
    view = F.interpolate(rgb[None], (height, width), mode='bilinear', align_corners=False)[0]
    view = view.flip(AXES[flip]) if flip else view
    padded = F.pad(view, (0, -width % 8, 0, -height % 8))[None]
    meta = dict(ori_shape=ori_shape, img_shape=padded.shape[2:])
    logits = model.inference(padded, [meta])[0, :, :height, :width]
    logits = logits.flip(AXES[flip]) if flip else logits
    return F.interpolate(logits[None], ori_shape, mode='bilinear', align_corners=False)[0].softmax(0)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
@torch.no_grad()
def test_it_is_the_mean_of_probabilities_over_views(mode):
    plain, tta = both(mode=mode)
    shapes = [(40, 24), (31, 23)]
    batch = segmentation_batch((20, 12), *shapes)
    for image, shape, sample in zip(batch['inputs'], shapes, tta.test_step(copy.deepcopy(batch)), strict=True):
        views = [by_hand(plain, image, shape, scale, flip) for scale in SCALES for flip in FLIPS]
        mean = torch.stack(views).mean(0)
        torch.testing.assert_close(sample.seg_logits.data.exp(), mean, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(sample.pred_sem_seg.data[0], mean.argmax(0))


@torch.no_grad()
def test_one_view_is_the_model_itself():
    plain, tta = both([1.0], [None])
    batch = segmentation_batch((20, 12), (40, 24))
    (ours,), (wanted,) = tta.test_step(copy.deepcopy(batch)), plain.test_step(copy.deepcopy(batch))
    torch.testing.assert_close(ours.seg_logits.data, wanted.seg_logits.data.log_softmax(0))
    torch.testing.assert_close(ours.pred_sem_seg.data, wanted.pred_sem_seg.data)


@torch.no_grad()
def test_it_agrees_with_mmsegs_own():
    """At sizes at which the two resample alike: mmseg rounds the pixels of a view to whole numbers."""
    plain, tta = both([1.0, (64, 48)], [None, 'horizontal'])
    image = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 256, (3, 4, 3)), 8, 0), 8, 1).astype(np.uint8)
    resizes = [dict(type='mmseg.Resize', scale=scale, keep_ratio=True) for scale in ((32, 24), (64, 48))]
    flips = [dict(type='mmseg.RandomFlip', prob=prob) for prob in (0.0, 1.0)]
    views = transforms.TestTimeAug([resizes, flips, [dict(type='mmseg.PackSegInputs')]])
    pack = transforms.Compose([dict(type='mmseg.PackSegInputs')])
    results = dict(img=image, img_shape=(24, 32), ori_shape=(24, 32), img_path='a.png')
    (merged,) = SegTTAModel(module=plain).test_step(pseudo_collate([views(copy.deepcopy(results))]))
    (ours,) = tta.test_step(pseudo_collate([pack(copy.deepcopy(results))]))
    same = ours.pred_sem_seg.data[0] == merged.pred_sem_seg.data
    assert same.float().mean() > 0.995 and same.shape == (1, 24, 32)


def test_an_attack_goes_through_all_views():
    _, tta = both()
    batch = segmentation_batch((20, 12), (40, 24), (31, 23))
    victim = build_victim(tta, batch)
    result = victim.attack(SegPGD(eps='8/255', steps=3))
    pixels = victim.pixels.clone().requires_grad_()
    logits = victim.prediction(pixels)
    target = torch.zeros_like(victim.targets())
    F.cross_entropy(logits, target).backward()
    assert (pixels.grad * victim.mask).ne(0).float().sum() > 0.9 * 3 * victim.mask.sum()
    predicted = [victim.predict(images) for images in (victim.pixels, result.adv)]
    right = [
        sum(float((sample.pred_sem_seg.data == sample.gt_sem_seg.data).float().mean()) for sample in samples)
        for samples in predicted
    ]
    assert right[1] < right[0]


@torch.no_grad()
def test_a_gradient_is_that_of_the_mean():
    _, tta = both([1.0, 1.5], [None, 'horizontal'])
    tta.double()
    batch = segmentation_batch((8, 8), (8, 8))
    victim = build_victim(tta, batch)
    pixels = victim.pixels.double()
    direction = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0), dtype=pixels.dtype)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(victim.prediction(pixels.requires_grad_())[:, 0].sum(), pixels)
    pixels = pixels.detach()
    ends = [victim.prediction(pixels + step * direction)[:, 0].sum() for step in (1e-6, -1e-6)]
    torch.testing.assert_close((gradient * direction).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-4)


def tokens_kept(function, inputs, width):
    """How many tensors of tokens are kept for a gradient."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.shape) or x, lambda x: x):
        function(inputs.clone().requires_grad_())
    return sum(len(shape) == 3 and shape[-1] == width for shape in kept)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_for_a_gradient_the_encoder_keeps_nothing(mode):
    _, tta = both(mode=mode)
    victim = build_victim(tta, segmentation_batch((24, 40), (24, 40)))
    assert tokens_kept(tta.extract_feat, victim.inputs, 16) > 0
    assert tokens_kept(victim.prediction, victim.pixels, 16) == 0


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        (dict(scales=[]), 'no view'),
        (dict(flips=[]), 'no view'),
        (dict(num_classes=2, out_channels=1), 'one output channel'),
    ],
)
def test_what_has_no_mean_is_refused(settings, words):
    cfg = segmentor_cfg()
    cfg['decode_head'].update({key: settings.pop(key) for key in ('num_classes', 'out_channels') if key in settings})
    with pytest.raises(UserError, match=words):
        MODELS.build(cfg | dict(type='mmssl_robust.TTASegmentor', scales=[1.0], flips=[None]) | settings)
