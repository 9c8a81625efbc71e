# EmbedAttack whose images are to deceive other encoders than the one at hand: for the transfer matrix.
attack = dict(
    type='mmssl_robust.TransferPGD',
    objective=dict(type='mmssl_robust.EmbeddingDistance', tokens='task'),
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
