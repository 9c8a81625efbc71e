# Paper, 4.1: AdamW, lr 1e-4, weight decay 1e-3, batch 16, 50 epochs. It names no schedule: the rate is constant.
train_cfg = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=50, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-3))
auto_scale_lr = dict(base_batch_size=16)
sync_bn = 'torch'  # of the head, where there are several processes
