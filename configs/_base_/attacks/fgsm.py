# FGSM, one step on the cross-entropy: classification.
attack = dict(
    type='mmssl_robust.FGSM',
    objective=dict(type='mmssl_robust.CrossEntropy'),
    norm='linf',
    eps='8/255',
    seed=0,
)
