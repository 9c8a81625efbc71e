# Paper, C.2: SGD of momentum 0.9, lr 0.05, no weight decay, cosine after 10 epochs of warm-up, 100 epochs, batch 128.
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=0.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=True, begin=10, end=100, convert_to_iter_based=True),
]
train_cfg = dict(type='mmssl_robust.AdversarialTrainLoop', max_epochs=100, total_batch_size=128)
auto_scale_lr = dict(base_batch_size=128)
