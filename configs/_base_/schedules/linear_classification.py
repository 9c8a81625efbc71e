# Paper, 4.1: Adam, lr 0.5, batch 16, 5 epochs. It names no schedule: the rate is constant.
train_cfg = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=5, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.5))
auto_scale_lr = dict(base_batch_size=16)
