_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/hololens_168x112.py',
    '../_base_/models/mini.py',
    '../_base_/models/linear_depther.py',
    '../_base_/schedules/mini_head.py',
]
default_scope = 'mmseg'
model = dict(
    data_preprocessor=dict(size_divisor={{_base_.patch_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
train_cfg = dict(max_epochs=30, val_interval=30)
auto_scale_lr = dict(base_batch_size=4)
