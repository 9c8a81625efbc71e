_base_ = ['../_base_/tasks/stl10.py', '../_base_/models/simsiam_resnet50.py']
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    neck=dict(type='GlobalAveragePooling'),
    head=dict(in_channels={{_base_.embed_dims}}),
)
