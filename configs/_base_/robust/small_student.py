# The small encoder under robust training, with an inner attack of two steps of 3/255 within 4/255.
_base_ = [
    '../datasets/small_photos_112px.py',
    '../models/small_vit.py',
    '../schedules/robust_small.py',
]
default_scope = 'mmpretrain'
model = dict(
    backbone=dict(
        type={{_base_.encoder.type}},
        arch={{_base_.encoder.arch}},
        init_cfg={{_base_.encoder.init_cfg}},
        out_type='featmap_cls',
        final_norm='both',
    ),
    tokens='both',
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
        step_size='3/255',
        steps=2,
    ),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)
