# FARE on ImageNet by a single step, N-FGSM, and a watch for catastrophic overfitting.
_base_ = ['in1k.py']
model = dict(
    type='mmssl_robust.FARE',
    attack=dict(
        _delete_=True,
        type='mmssl_robust.NFGSM',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
    ),
)
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]
