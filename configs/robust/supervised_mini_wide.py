# Supervised adversarial training of the wide mini encoder through frozen heads of three tasks: what labels give.
_base_ = [
    '../_base_/datasets/mini_labelled_64px.py',
    '../_base_/robust/mini_wide_labelled_heads.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.TaskAware',
    heads={{_base_.heads}},
    embedding_weight=0.0,
    # On the labels' loss, by the head that an image has a label for.
    attack=dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='2/255', steps=2),
)
