# EmbedAttack in many directions, a longer look: the encoder, whatever its task.
attack = dict(
    type='mmssl_robust.EmbedAttack',
    tokens='task',
    directions=True,
    norm='linf',
    eps='8/255',
    step_size=None,
    steps=50,
    random_start=True,
    restarts=5,
    keep='best',
    seed=0,
)
