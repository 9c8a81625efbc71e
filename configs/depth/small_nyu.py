_base_ = ['../_base_/tasks/nyu_160x120.py', '../_base_/models/small_vit.py']
model = dict(
    data_preprocessor=dict(size_divisor={{_base_.patch_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
