# APGD on the cross-entropy, steps chosen by itself: classification.
attack = dict(
    type='mmssl_robust.APGD',
    objective=dict(type='mmssl_robust.CrossEntropy'),
    norm='linf',
    eps='8/255',
    steps=100,
    random_start=True,
    restarts=1,
    seed=0,
)
