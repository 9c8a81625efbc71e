# Each image is attacked through one head, or at its embedding, by a single step, N-FGSM; with a watch for catastrophic
# overfitting.
single = dict(type='mmssl_robust.NFGSM', norm='linf', eps='4/255')
adversaries = [
    dict(share=0.25, heads='cifar10', attack=single),
    dict(share=0.25, heads='ade20k', attack=single),
    dict(share=0.25, heads='nyu', attack=single),
    dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **single)),
]
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]
