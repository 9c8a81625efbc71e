_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/ade20k_448px.py',
    '../_base_/models/dinov2_vits14.py',
    '../_base_/models/linear_segmentor.py',
    '../_base_/schedules/linear_segmentation.py',
]
default_scope = 'mmseg'
model = dict(
    data_preprocessor=dict(size={{_base_.crop_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}, num_classes=150),
    test_cfg={{_base_.sliding_windows}},
)
