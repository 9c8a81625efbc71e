# SegPGD, PGD on the cross-entropy weighted by which pixels are wrong already: segmentation.
attack = dict(
    type='mmssl_robust.SegPGD',
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
