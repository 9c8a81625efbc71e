# TRADES on embeddings of the wide mini encoder.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/mini_wide_student.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.FeatureTRADES',
    beta=2.0,
    attack=dict(
        type='mmssl_robust.PGD',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
        step_size='2/255',
        steps=5,
    ),
)
