# Paper, 4.1: AdamW, lr 1e-4, weight decay 0.01, batch 128, 20 epochs. It names no schedule: the rate is constant.
train_cfg = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=20, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01))
auto_scale_lr = dict(base_batch_size=128)
