# DepthPGD: a quick look at depth.
attack = dict(
    type='mmssl_robust.DepthPGD',
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
