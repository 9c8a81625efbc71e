# One perturbation for all images, from a file that `mmssl-robust universal` makes: any task, another encoder, other images.
attack = dict(
    type='mmssl_robust.Universal',
    objective=dict(type='mmssl_robust.EmbeddingDistance', tokens='task'),
    norm='linf',
    eps='8/255',
    perturbation=None,
    fit='tile',
    seed=0,
)
