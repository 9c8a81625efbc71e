# DeACL with the paper's settings (C.2): Eq. (2), gamma 2; five steps of 2/255 within 4/255, away from the teacher.
model = dict(
    type='mmssl_robust.DeACL',
    backbone=dict(out_type='cls_token'),
    tokens='cls',
    gamma=2.0,
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingCosine'),
        norm='linf',
        eps='4/255',
        step_size='2/255',
        steps=5,
    ),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
)
