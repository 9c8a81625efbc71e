# One perturbation against all heads that ship with the encoder, or those that heads names: any task.
attack = dict(
    type='mmssl_robust.JointAttack',
    heads=None,
    balance='relative',
    norm='linf',
    eps='8/255',
    step_size=None,
    steps=50,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
