attack = dict(
    type='mmssl_robust.DepthPGD',
    min_depth=1e-3,
    max_depth=10.0,
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
