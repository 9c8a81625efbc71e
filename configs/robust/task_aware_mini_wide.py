# Task-aware training of the wide mini encoder: frozen heads of three tasks, no labels.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/mini_wide_student.py',
    '../_base_/robust/mini_wide_heads.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.TaskAware',
    heads={{_base_.heads}},
    embedding_weight=0.1,
    # On the sum of what the heads say.
    attack=dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='2/255', steps=2),
)
