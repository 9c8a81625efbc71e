# DeACL of the wide mini encoder.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/mini_wide_student.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.DeACL',
    gamma=2.0,
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingCosine'),
        norm='linf',
        eps='4/255',
        step_size='2/255',
        steps=5,
    ),
)
