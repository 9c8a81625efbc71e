# FARE's schedule: two epochs of ImageNet in batches of 128, 20 000 steps of AdamW at 1e-5, 1400 of warm-up, cosine.
train_cfg = dict(type='mmssl_robust.AdversarialTrainLoop', max_epochs=2, total_batch_size=128)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-5, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1400),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=128)
