# Robust training on ImageNet without labels: CLS and patch tokens, ten steps of 1/255 within 4/255 from the teacher's.
_base_ = [
    '../default_runtime.py',
    '../datasets/imagenet_224px.py',
    '../schedules/robust_in1k.py',
]
default_scope = 'mmpretrain'
model = dict(
    backbone=dict(out_type='featmap_cls', final_norm='both'),
    tokens='both',
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
        step_size='1/255',
        steps=10,
    ),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)
