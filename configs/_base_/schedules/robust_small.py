# Robust training of the small encoder, alike for every method: 12 800 crops of 112 pixels in 400 steps of AdamW.
_base_ = ['../default_runtime.py']
train_cfg = dict(
    type='mmssl_robust.AdversarialTrainLoop',
    max_epochs=8,
    total_batch_size=32,
    images_per_epoch=1600,
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.0), clip_grad=dict(max_norm=3.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-7, by_epoch=True, begin=1, end=8, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=1))
