# Task-aware training of the wide mini encoder; each image is attacked through one head, or at its embedding.
_base_ = './task_aware_mini_wide.py'
pgd = dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='2/255', steps=2)
model = dict(
    attack=None,
    adversaries=[
        dict(share=0.25, heads='cifar10', attack=pgd),
        dict(share=0.25, heads='camvid', attack=pgd),
        dict(share=0.25, heads='nyu', attack=pgd),
        dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **pgd)),
    ],
)
