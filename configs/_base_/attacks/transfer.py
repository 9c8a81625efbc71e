# Made against the embedding by another encoder, --surrogate ENCODER, such as the public one of which this is a child: any task.
attack = dict(
    type='mmssl_robust.Transfer',
    surrogate=None,
    block=None,
    tokens='task',
    norm='linf',
    eps='8/255',
    step_size='2/255',
    steps=20,
    random_start=True,
    restarts=1,
    keep='last',
    momentum=1.0,
    diversity=0.5,
    kernel=3,
    seed=0,
)
