# FARE of the wide mini encoder under several perturbations (Tramer & Boneh, 2019): half Linf, a quarter each L2 and L1.
_base_ = './fare_mini_wide.py'
objective = dict(type='mmssl_robust.EmbeddingDistance')
model = dict(
    attack=None,
    adversaries=[
        dict(
            share=0.5,
            attack=dict(
                type='mmssl_robust.PGD', objective=objective, norm='linf', eps='4/255', step_size='2/255', steps=2
            ),
        ),
        dict(
            share=0.25,
            attack=dict(type='mmssl_robust.PGD', objective=objective, norm='l2', eps=0.5, step_size=0.25, steps=2),
        ),
        dict(
            share=0.25,
            attack=dict(type='mmssl_robust.PGD', objective=objective, norm='l1', eps=12.0, step_size=6.0, steps=2),
        ),
    ],
)
