# Task-aware training that never sees the head for nyu, to be tested on it.
_base_ = './task_aware_mini_wide.py'
pgd = dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='2/255', steps=2)
model = dict(
    heads=dict(_delete_=True, cifar10={{_base_.heads.cifar10}}, camvid={{_base_.heads.camvid}}),
    attack=None,
    adversaries=[
        dict(share=0.34, heads='cifar10', attack=pgd),
        dict(share=0.33, heads='camvid', attack=pgd),
        dict(share=0.33, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **pgd)),
    ],
)
