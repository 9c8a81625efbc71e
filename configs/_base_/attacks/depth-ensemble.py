# DepthEnsemble, the ensemble to report: depth.
attack = dict(
    type='mmssl_robust.DepthEnsemble',
    norm='linf',
    eps='8/255',
    steps=100,
    restarts=1,
    seed=0,
)
