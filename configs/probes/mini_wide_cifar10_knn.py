# Nearest neighbours on the wide mini encoder.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_64px_bank.py',
    '../_base_/models/mini_wide_vit.py',
    '../_base_/models/knn_classifier.py',
]
default_scope = 'mmpretrain'
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(num_classes=10),
)
