# A linear head on the mini encoder: minutes on two CPU cores. The leaf sets max_epochs.
train_cfg = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=6, val_interval=6)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-3))
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)]
auto_scale_lr = dict(base_batch_size=16)
