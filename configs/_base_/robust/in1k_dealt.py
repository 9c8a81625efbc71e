# Each image is attacked through one head, or at its embedding, by ten steps.
pgd = dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='1/255', steps=10)
adversaries = [
    dict(share=0.25, heads='cifar10', attack=pgd),
    dict(share=0.25, heads='ade20k', attack=pgd),
    dict(share=0.25, heads='nyu', attack=pgd),
    dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **pgd)),
]
