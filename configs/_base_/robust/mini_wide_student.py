# The wide mini encoder under robust training: both kinds of tokens, before the final norm (which the depth head reads)
# and after it.
_base_ = ['../models/mini_wide_vit.py']
model = dict(
    backbone=dict(
        type={{_base_.encoder.type}},
        arch={{_base_.encoder.arch}},
        init_cfg={{_base_.encoder.init_cfg}},
        out_type='featmap_cls',
        final_norm='both',
    ),
    tokens='both',
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)
