"""Tiny OpenMMLab models with random weights, batches for them, and an objective that any model serves."""

import itertools
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from safetensors.torch import save_file

from mmssl_robust.attacks import Objective
from mmssl_robust.registry import MODELS

CLASSES = 4
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_NUMBERS = itertools.count()
ARCH = dict(img_size=16, patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2.0)


class Peak(Objective):
    """Raise the model's output; the score is its negative."""

    def prepare(self, forward, inputs, targets):
        return torch.zeros(len(inputs))

    def __call__(self, outputs, targets, step, steps):
        return outputs

    def score(self, outputs, targets):
        return -outputs

    def success(self, outputs, targets):
        return outputs > 0


def backbone_cfg(out_type):
    return dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH, out_type=out_type)


def method(tokens='cls', name='mmssl_robust.DeACL', **settings):
    """Return a method of adversarial training with its weights, in training mode."""
    out_type = dict(cls='cls_token', patch='featmap', both='featmap_cls')[tokens]
    settings = dict(backbone=backbone_cfg(out_type), data_preprocessor=dict(mean=MEAN, std=STD, to_rgb=True)) | settings
    model = MODELS.build(dict(type=name, tokens=tokens, **settings))
    model.init_weights()
    return model.train()


def method_batch(model, count=3, size=16, first=0):
    """Return what a method's forward is given."""
    return model.data_preprocessor(loaded_batch(count, size, first), True)


def loaded_batch(count=3, size=16, first=0):
    """Return what a data loader gives for it."""
    generator = torch.Generator().manual_seed(first)
    images = [torch.randint(0, 256, (3, size, size), generator=generator, dtype=torch.uint8) for _ in range(count)]
    samples = [DataSample(metainfo=dict(sample_idx=first + row)) for row in range(count)]
    return dict(inputs=images, data_samples=samples)


def method_loss(model, data):
    """Return what DeACL's training step differentiates."""
    losses = model(**data, mode='loss')
    return losses['loss_teacher'] + losses['loss_adversarial']


def classifier_cfg(**preprocessor):
    return dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=MEAN, std=STD, to_rgb=True, **preprocessor),
        backbone=backbone_cfg('cls_token'),
        head=dict(type='mmpretrain.LinearClsHead', num_classes=CLASSES, in_channels=16),
    )


def preprocessor_cfg(size_divisor, pad):
    return dict(
        type='mmseg.SegDataPreProcessor',
        mean=MEAN,
        std=STD,
        bgr_to_rgb=True,
        seg_pad_val=pad,
        size_divisor=size_divisor,  # in training
        test_cfg=dict(size_divisor=size_divisor),
    )


def test_cfg(mode):
    return dict(mode='whole') if mode == 'whole' else dict(mode='slide', crop_size=(16, 16), stride=(8, 8))


def segmentor_cfg(mode='whole', size_divisor=8, num_classes=CLASSES):
    return dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=preprocessor_cfg(size_divisor, 255),
        backbone=backbone_cfg('featmap'),
        decode_head=dict(
            type='mmseg.FCNHead',
            in_channels=16,
            channels=16,
            num_convs=0,
            concat_input=False,
            num_classes=num_classes,
            dropout_ratio=0.1,
        ),
        test_cfg=test_cfg(mode),
    )


def depth_estimator_cfg(mode='whole', size_divisor=8):
    return dict(
        type='mmssl_robust.DepthEstimator',
        data_preprocessor=preprocessor_cfg(size_divisor, 0),
        backbone=backbone_cfg('featmap_cls'),
        decode_head=dict(type='mmssl_robust.LinearDepthHead', in_channels=16, num_bins=8),
        test_cfg=test_cfg(mode),
    )


def build(cfg, scale=20.0):
    """Build a model in eval mode whose head is sharp enough for predictions to differ from pixel to pixel."""
    torch.manual_seed(1)
    model = MODELS.build(ConfigDict(cfg))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if 'head' in name and parameter.ndim > 1:
                parameter.normal_().mul_(scale / 16)
    model.eval()
    return model


def images(*sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8) for size in sizes]


def classification_batch(*sizes, first=0):
    samples = []
    for index in range(len(sizes)):
        sample = DataSample(metainfo=dict(sample_idx=first + index, img_path=f'image{index}.png'))
        samples.append(sample.set_gt_label(index % CLASSES))
    return dict(inputs=images(*sizes, seed=first), data_samples=samples)


def dense_sample(size, ori_shape, index, **annotations):
    metainfo = dict(sample_idx=index, img_path=f'image{index}.png', img_shape=size, ori_shape=ori_shape)
    sample = SegDataSample(metainfo=metainfo)
    for name, data in annotations.items():
        setattr(sample, name, PixelData(data=data))
    return sample


def segmentation_batch(size, *ori_shapes, first=0):
    generator = torch.Generator().manual_seed(7 + first)
    samples = []
    for index, shape in enumerate(ori_shapes):
        labels = torch.randint(0, CLASSES, (1, *shape), generator=generator)
        labels[..., :2] = 255
        samples.append(dense_sample(size, shape, first + index, gt_sem_seg=labels))
    return dict(inputs=images(*[size] * len(ori_shapes), seed=first), data_samples=samples)


def depth_batch(size, *ori_shapes):
    generator = torch.Generator().manual_seed(7)
    samples = []
    for index, shape in enumerate(ori_shapes):
        depth = torch.rand((1, *shape), generator=generator) * 5 + 0.5
        depth[..., :2] = 0
        samples.append(dense_sample(size, shape, index, gt_depth_map=depth))
    return dict(inputs=images(*[size] * len(ori_shapes)), data_samples=samples)


def write_classification(root, per_class=3):
    """Write an image folder of CLASSES classes, 16 x 16."""
    rng = np.random.default_rng(0)
    for label in range(CLASSES):
        folder = root / f'class{label}'
        folder.mkdir(parents=True)
        for index in range(per_class):
            cv2.imwrite(str(folder / f'{index}.png'), rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))


def write_segmentation(root, sizes):
    """Write images (height, width) with label maps whose left border is unlabelled."""
    rng = np.random.default_rng(0)
    for name in ('images', 'labels'):
        (root / name).mkdir(parents=True)
    for index, size in enumerate(sizes):
        labels = rng.integers(0, CLASSES, size, dtype=np.uint8)
        labels[:, :2] = 255
        cv2.imwrite(str(root / 'images' / f'{index}.png'), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        cv2.imwrite(str(root / 'labels' / f'{index}.png'), labels)


def write_depth(root, sizes):
    """Write images and depth maps in millimetres, unknown at the left border, as mmseg's `NYUDataset` reads them."""
    rng = np.random.default_rng(0)
    for name in ('images', 'depths'):
        (root / name).mkdir(parents=True)
    for index, size in enumerate(sizes):
        depth = rng.integers(500, 9000, size, dtype=np.uint16)
        depth[:, :2] = 0
        cv2.imwrite(str(root / 'images' / f'{index}.png'), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        cv2.imwrite(str(root / 'depths' / f'{index}.png'), depth)


def runtime_cfg(work_dir, scope):
    return dict(
        work_dir=str(work_dir),
        default_scope=scope,
        log_level='WARNING',
        randomness=dict(seed=0),
        test_cfg=dict(),
        env_cfg=dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
    )


def loader_cfg(dataset, batch_size):
    return dict(
        batch_size=batch_size, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset
    )


def classification_run(root, work_dir, batch_size=4):
    """Config of a Runner that tests a tiny classifier on what `write_classification` wrote."""
    dataset = dict(
        type='CustomDataset',
        data_root=str(root),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
    return dict(
        model=classifier_cfg(),
        test_dataloader=loader_cfg(dataset, batch_size),
        test_evaluator=dict(type='Accuracy', topk=(1, 2)),
        **runtime_cfg(work_dir, 'mmpretrain'),
    )


def segmentation_run(root, work_dir, batch_size=2, scale=(24, 20), **model):
    """Config of a Runner that tests a tiny segmentor on what `write_segmentation` wrote, resized to `scale`."""
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=scale, keep_ratio=False),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs', meta_keys=('sample_idx', 'img_path', 'seg_map_path', 'ori_shape', 'img_shape')),
    ]
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png',
        metainfo=dict(classes=[f'class{label}' for label in range(CLASSES)]),
        pipeline=pipeline,
    )
    return dict(
        model=segmentor_cfg(**model),
        test_dataloader=loader_cfg(dataset, batch_size),
        test_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU']),
        **runtime_cfg(work_dir, 'mmseg'),
    )


def depth_run(root, work_dir, batch_size=2, scale=(24, 20), **model):
    """Config of a Runner that tests a tiny depth estimator on what `write_depth` wrote."""
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=scale, keep_ratio=False),
        dict(type='LoadDepthAnnotation', depth_rescale_factor=1e-3),
        dict(type='PackSegInputs', meta_keys=('sample_idx', 'img_path', 'depth_map_path', 'ori_shape', 'img_shape')),
    ]
    dataset = dict(
        type='NYUDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', depth_map_path='depths'),
        img_suffix='.png',
        pipeline=pipeline,
    )
    return dict(
        model=depth_estimator_cfg(**model),
        test_dataloader=loader_cfg(dataset, batch_size),
        test_evaluator=dict(type='mmssl_robust.DepthMetric'),
        **runtime_cfg(work_dir, 'mmseg'),
    )


def runner_of(cfg, **changes):
    """Build a Runner whose model has the weights of `build`."""
    cfg = Config({**cfg, **changes})
    cfg.experiment_name = f'run{next(_NUMBERS)}'  # two runners in a second would share a name
    runner = Runner.from_cfg(cfg)
    runner.model.load_state_dict(build(cfg.model).state_dict())
    return runner


def write_heads(folder):
    """Write a head of each task for the backbone of `backbone_cfg`, with its config; returns `heads` of a method.

    That for depth reads tokens before the final norm.
    """
    folder.mkdir(exist_ok=True)
    models = dict(classes=classifier_cfg(), pixels=segmentor_cfg(), depth=depth_estimator_cfg())
    models['depth']['backbone']['final_norm'] = False
    heads = {}
    for name, model in models.items():
        config, weights = folder / f'{name}.py', folder / f'{name}.safetensors'
        scope = 'mmpretrain' if name == 'classes' else 'mmseg'
        Config(dict(model=model, default_scope=scope)).dump(config)
        state = {key: value for key, value in build(model).state_dict().items() if 'head.' in key}
        save_file({key: value.contiguous() for key, value in state.items()}, weights)
        heads[name] = dict(config=str(config), head=str(weights), scale=2.0)
    return heads


def cheapen_checks(patch):
    """Let checks of attacks look in passing, by a monkeypatch: what they find is tested in `test_sanity.py`."""
    patch.setattr('mmssl_robust.benchmark.row_evaluation._SANITY_QUERIES', 2)
    patch.setattr('mmssl_robust.attacks.sanity.WIDEST_STEPS', 2)
    patch.setattr('mmssl_robust.evaluation.sanity_checks.bf16_is_fast', lambda device: False)  # nothing is timed


@contextmanager
def undrawn():
    """Let no values be drawn for the weights of a ViT, which takes as long on the meta device as all else together."""
    with pytest.MonkeyPatch.context() as patch:
        for models in ('vision_transformer', 'eva'):
            patch.setattr(f'timm.models.{models}.trunc_normal_', lambda tensor, **_: tensor)
        yield


def shrink(cfg, scale=(72, 48), edge=32):
    """Let the images of a shipped mini config reach the encoder at a smaller size; masks and maps keep theirs.

    Args:
        cfg: The config, changed in place.
        scale: Width and height of dense images, multiples of the mini encoder's patch of 8.
        edge: Side of images to classify.
    """
    sizes = dict(Resize=dict(scale=scale), ResizeEdge=dict(scale=edge), CenterCrop=dict(crop_size=edge))
    for part in ('train', 'val', 'test'):
        for step in cfg[f'{part}_dataloader'].dataset.pipeline:
            step.update(sizes.get(step.type, {}))


def small_images(config, folder):
    """Write such a config to a folder; returns its path, as a row of a suite or a command line names it."""
    cfg = Config.fromfile(config)
    shrink(cfg)
    path = folder / f'{Path(config).stem}.py'
    folder.mkdir(parents=True, exist_ok=True)
    cfg.dump(path)
    return str(path)
