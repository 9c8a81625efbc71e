# The nearest adversarial image by FAB: classification, retrieval.
attack = dict(
    type='mmssl_robust.MinimalFAB',
    norm='linf',
    eps='32/255',
    steps=15,
    restarts=9,
    seed=0,
)
