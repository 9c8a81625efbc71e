# FARE of the small encoder by a single step, N-FGSM.
_base_ = './fare_small.py'
model = dict(
    attack=dict(
        _delete_=True,
        type='mmssl_robust.NFGSM',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
    ),
)
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]  # catastrophic overfitting is seen in the log
