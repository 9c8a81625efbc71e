_base_ = ['../_base_/tasks/stl10.py', '../_base_/models/dino_vits8.py']
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(in_channels={{_base_.embed_dims}}),
)
