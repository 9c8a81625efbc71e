# PGD on the binary cross-entropy: a quick look at several labels an image.
attack = dict(
    type='mmssl_robust.PGD',
    objective=dict(type='mmssl_robust.BinaryCrossEntropy'),
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
