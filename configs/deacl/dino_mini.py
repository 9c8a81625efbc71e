# DeACL of the mini encoder, about an hour on two CPU cores:
#   DATA_ROOT=... python tools/train.py configs/deacl/dino_mini.py
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/models/mini_vit.py',
    '../_base_/models/deacl.py',
]

default_scope = 'mmpretrain'
# The mini heads for segmentation and depth read patch tokens.
model = dict(
    backbone=dict(
        type={{_base_.encoder.type}},
        arch={{_base_.encoder.arch}},
        init_cfg={{_base_.encoder.init_cfg}},
        out_type='featmap_cls',
    ),
    tokens='both',
)

# Hundreds of steps, not the paper's million: AdamW gets further in them than SGD.
train_cfg = dict(
    type='mmssl_robust.AdversarialTrainLoop', max_epochs=16, total_batch_size=64, images_per_epoch=3200, val_interval=2
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.0), clip_grad=dict(max_norm=3.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, begin=1, end=16, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(save_best='camvid/embed/mIoU', rule='greater'),
)

# Every second epoch, what the paper's Figure 2 shows: heads of the standard encoder on the one in training.
weaker = dict(steps=10)
val_dataloader, val_evaluator = {}, {}  # each probe has its own
val_cfg = dict(
    type='mmssl_robust.ProbeValLoop',
    probes=dict(
        cifar10=dict(
            config='configs/classification/mini_cifar10.py',
            head='mmssl_robust://mini/mini_cifar10.safetensors',
            attacks=dict(embed=weaker, pgd=weaker),
            max_images=100,
        ),
        camvid=dict(
            config='configs/segmentation/mini_camvid.py',
            head='mmssl_robust://mini/mini_camvid.safetensors',
            attacks=dict(embed=weaker, segpgd=weaker),
            max_images=6,
        ),
        nyu=dict(
            config='configs/depth/mini_nyu.py',
            head='mmssl_robust://mini/mini_nyu.safetensors',
            attacks=dict(embed=weaker, depthpgd=weaker),
            max_images=12,
        ),
    ),
)
