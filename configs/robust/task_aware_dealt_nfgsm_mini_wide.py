# Task-aware training of the wide mini encoder by a single step, N-FGSM; each image is attacked through one head, or at its embedding.
_base_ = './task_aware_mini_wide.py'
single = dict(type='mmssl_robust.NFGSM', norm='linf', eps='4/255')
model = dict(
    attack=None,
    adversaries=[
        dict(share=0.25, heads='cifar10', attack=single),
        dict(share=0.25, heads='camvid', attack=single),
        dict(share=0.25, heads='nyu', attack=single),
        dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **single)),
    ],
)
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]  # catastrophic overfitting is seen in the log
