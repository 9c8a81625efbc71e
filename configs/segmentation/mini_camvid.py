_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/camvid_240x176.py',
    '../_base_/models/mini.py',
    '../_base_/models/linear_segmentor.py',
    '../_base_/schedules/mini_head.py',
]
default_scope = 'mmseg'
model = dict(
    data_preprocessor=dict(size_divisor={{_base_.patch_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}, num_classes=11),
)
train_cfg = dict(max_epochs=6, val_interval=6)
