# DeACL of the wide mini encoder.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/embedding_pgd.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.DeACL',
    gamma=2.0,
    attack=dict(objective=dict(type='mmssl_robust.EmbeddingCosine')),
)
