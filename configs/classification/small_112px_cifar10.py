_base_ = ['../_base_/tasks/cifar10_jpeg_112px.py', '../_base_/models/small_vit.py']
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(in_channels={{_base_.embed_dims}}),
)
