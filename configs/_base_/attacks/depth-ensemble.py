attack = dict(
    type='mmssl_robust.DepthEnsemble',
    norm='linf',
    eps='8/255',
    steps=100,
    restarts=1,
    min_depth=1e-3,
    max_depth=10.0,
    seed=0,
)
