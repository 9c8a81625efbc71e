_base_ = ['../_base_/tasks/voc2012.py', '../_base_/models/pecore_vitb16.py']
model = dict(
    data_preprocessor=dict(
        mean={{_base_.mean}},
        std={{_base_.std}},
        test_cfg=dict(size_divisor={{_base_.patch_size}}),
    ),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
