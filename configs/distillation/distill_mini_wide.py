# The wide mini encoder learns the tokens of a ViT-S/14, with the teacher beside it: for a GPU.
#   DATA_ROOT=... TEACHER=... python tools/train.py configs/distillation/distill_mini_wide.py --amp
_base_ = '../_base_/default_runtime.py'

default_scope = 'mmpretrain'
data_root = '{{$DATA_ROOT:data}}'
model = dict(
    type='mmssl_robust.OnlineDistillation',
    backbone=dict(
        type='mmssl_robust.DINOVisionTransformer',
        # 5.6 M parameters, native size 64.
        arch=dict(img_size=64, patch_size=8, embed_dim=256, depth=7, num_heads=4, mlp_ratio=4.0),
        out_type='featmap_cls',
    ),
    # Blocks 8 and 10 of 0..11: the last one of this teacher is specialised to saliency.
    teacher=dict(
        type='mmssl_robust.DINOVisionTransformer',
        arch='dinov2_vits14',
        out_type='featmap_cls',
        out_indices=(8, 10),
        final_norm=False,
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$TEACHER:teacher.safetensors}}'),
    ),
    # 64 pixels of CIFAR-10, 160 x 120 of NYU and 240 x 176 of CamVid, in patches of 8, and between.
    grids=(8, 8, 12, 16, 22),
    mix_prob=0.5,
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)

load = dict(type='LoadImageFromFile')
finish = [dict(type='RandomFlip', prob=0.5), dict(type='PackInputs', meta_keys=('sample_idx',))]
crop = dict(type='RandomResizedCrop', scale=224, interpolation='bicubic', backend='pillow')
objects = [load, dict(crop_ratio_range=(0.5, 1.0), **crop), *finish]
scenes = [load, dict(crop_ratio_range=(0.1, 1.0), **crop), *finish]
folder = dict(type='CustomDataset', data_root=data_root, with_label=False)
train_dataloader = dict(
    batch_size=256,
    num_workers=15,
    collate_fn=dict(type='default_collate'),
    pin_memory=True,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(data_prefix='cifar10/train', pipeline=objects, **folder),
            dict(
                type='RepeatDataset',
                times=16,
                dataset=dict(
                    type='ConcatDataset',
                    datasets=[
                        dict(data_prefix='camvid/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='nyu_half/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='hololens/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='photos/train', pipeline=scenes, **folder),
                    ],
                ),
            ),
        ],
    ),
)
train_cfg = dict(by_epoch=False, max_iters=5000)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=1000))
auto_scale_lr = dict(base_batch_size=256)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05, betas=(0.9, 0.98)),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=3.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, end=500),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=500),
]
