_base_ = ['../_base_/tasks/ade20k.py', '../_base_/models/ijepa_vith14.py']
model = dict(
    data_preprocessor=dict(
        mean={{_base_.mean}},
        std={{_base_.std}},
        test_cfg=dict(size_divisor={{_base_.patch_size}}),
    ),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
