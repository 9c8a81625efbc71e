# APGD on the binary cross-entropy, the one to report: several labels an image.
attack = dict(
    type='mmssl_robust.APGD',
    objective=dict(type='mmssl_robust.BinaryCrossEntropy'),
    norm='linf',
    eps='8/255',
    steps=100,
    random_start=True,
    restarts=1,
    seed=0,
)
