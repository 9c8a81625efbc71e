_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/nyu_480x640.py',
    '../_base_/models/dinov2_vits14.py',
    '../_base_/models/linear_depther.py',
    '../_base_/schedules/linear_depth.py',
]
default_scope = 'mmseg'
model = dict(
    data_preprocessor=dict(size_divisor={{_base_.patch_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
