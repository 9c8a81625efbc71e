# Robust training of the wide mini encoder, alike for every method: 51 200 crops of 64 pixels in 1600 steps of AdamW.
_base_ = ['../default_runtime.py']
train_cfg = dict(
    type='mmssl_robust.AdversarialTrainLoop',
    max_epochs=16,
    total_batch_size=32,
    images_per_epoch=3200,
    val_interval=16,
    val_at_start=False,
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.0), clip_grad=dict(max_norm=3.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, begin=1, end=16, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=4))

# Once, at the end: heads of the standard encoder on the trained one, a few images each. `clean` is what the standard encoder
# has of these (train_cfg.val_at_start=True says it), so that the skill that is left is said, and the least of them, min_skill.
# The best by it is kept with train_cfg.val_interval=2 default_hooks.checkpoint.save_best=min_skill
# default_hooks.checkpoint.rule=greater.
weaker = dict(steps=10)
val_dataloader, val_evaluator = {}, {}  # each probe has its own
val_cfg = dict(
    type='mmssl_robust.ProbeValLoop',
    probes=dict(
        cifar10=dict(
            config='configs/classification/mini_wide_cifar10.py',
            head='mmssl_robust://mini_wide/mini_cifar10.safetensors',
            clean=70.0,
            attacks=dict(embed=weaker, pgd=weaker),
            max_images=100,
        ),
        camvid=dict(
            config='configs/segmentation/mini_wide_camvid.py',
            head='mmssl_robust://mini_wide/mini_camvid.safetensors',
            clean=34.0,
            attacks=dict(embed=weaker, segpgd=weaker),
            max_images=6,
        ),
        nyu=dict(
            config='configs/depth/mini_wide_nyu.py',
            head='mmssl_robust://mini_wide/mini_nyu.safetensors',
            clean=0.561,
            attacks=dict(embed=weaker, depthpgd=weaker),
            max_images=12,
        ),
    ),
)
