_base_ = ['../_base_/tasks/cifar100.py', '../_base_/models/dinov3_convnextt.py']
model = dict(
    data_preprocessor=dict(
        mean={{_base_.mean}},
        std={{_base_.std}},
        pad_size_divisor={{_base_.patch_size}},
    ),
    backbone={{_base_.encoder}},
    head=dict(in_channels={{_base_.embed_dims}}),
)
