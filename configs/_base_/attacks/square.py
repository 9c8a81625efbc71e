# Square, random search without gradients: classification.
attack = dict(
    type='mmssl_robust.Square',
    objective=dict(type='mmssl_robust.Margin'),
    norm='linf',
    eps='8/255',
    queries=5000,
    restarts=1,
    seed=0,
)
