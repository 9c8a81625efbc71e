# Linear classification of CIFAR-10's JPEG files at 224 pixels.
_base_ = [
    '../default_runtime.py',
    '../datasets/cifar10_jpeg_224px.py',
    '../models/linear_classifier.py',
    '../schedules/mini_head.py',
]
default_scope = 'mmpretrain'
model = dict(head=dict(num_classes=10))
train_cfg = dict(max_epochs=2, val_interval=2)
auto_scale_lr = dict(base_batch_size=128)
