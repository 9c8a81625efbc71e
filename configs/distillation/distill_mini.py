# The mini encoder learns the tokens of a ViT-S/14: the recipe for machines without an accelerator.
# 1. DATA_ROOT=... TEACHER=... python tools/extract_teacher_features.py configs/distillation/distill_mini.py
# 2. python tools/train.py configs/distillation/distill_mini.py
_base_ = ['../_base_/default_runtime.py', '../_base_/models/mini_vit.py']

default_scope = 'mmpretrain'
features = 'work_dirs/teacher_features'
imagenet_mean = [0.485, 0.456, 0.406]
imagenet_std = [0.229, 0.224, 0.225]

extraction = dict(
    data_root='{{$DATA_ROOT:data}}',
    out=features,
    # 112 pixels in patches of 14 and 64 pixels in patches of 8 are the same 8 x 8 grid.
    teacher_size=112,
    student_size=64,
    seed=0,
    mean=imagenet_mean,
    std=imagenet_std,
    sources=[
        dict(glob='cifar10/train/*/*.jpg', limit=20000),
        dict(glob='camvid/images/train/*.jpg', views=6, min_side=0.3),
        dict(glob='nyu_half/images/train/*.jpg', views=6, min_side=0.3),
        dict(glob='hololens/images/train/*', views=6, min_side=0.3),
    ],
    # Block 10 of 0..11: the last one of this teacher is specialised to saliency.
    teacher=dict(
        type='mmssl_robust.DINOVisionTransformer',
        arch='dinov2_vits14',
        out_type='featmap_cls',
        out_indices=(10,),
        final_norm=False,
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$TEACHER:teacher.safetensors}}'),
    ),
)

model = dict(
    type='mmssl_robust.FeatureDistillation',
    backbone=dict(
        type={{_base_.encoder.type}},
        arch={{_base_.encoder.arch}},
        out_type='featmap_cls',
        drop_path_rate=0.0,
    ),
    embed_dims={{_base_.embed_dims}},
    teacher_dims=384,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
)

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    dataset=dict(type='mmssl_robust.TeacherFeatureDataset', root=features),
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    drop_last=True,
)
train_cfg = dict(by_epoch=True, max_epochs=8)
auto_scale_lr = dict(base_batch_size=64)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, betas=(0.9, 0.98)),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=3.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, end=300),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True),
]
