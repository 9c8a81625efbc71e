_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_64px.py',
    '../_base_/models/mini.py',
    '../_base_/models/linear_classifier.py',
    '../_base_/schedules/mini_head.py',
]
default_scope = 'mmpretrain'
model = dict(backbone={{_base_.encoder}}, head=dict(in_channels={{_base_.embed_dims}}, num_classes=10))
train_cfg = dict(max_epochs=2, val_interval=2)
auto_scale_lr = dict(base_batch_size=128)
