# EmbedAttack on the embedding that the task's head reads: any task.
attack = dict(
    type='mmssl_robust.EmbedAttack',
    tokens='task',
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='best',
    seed=0,
)
