# FARE on four blocks of the wide mini encoder.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/embedding_pgd.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.FARE',
    backbone=dict(out_indices=(3, 4, 5, 6), final_norm=True),
    blocks=(0, 1, 2, 3),
)
