# FARE of DINO ViT-S/16 on ImageNet by a single step, N-FGSM.
_base_ = ['../_base_/robust/in1k.py', '../_base_/models/dino_vits16.py']

model = dict(
    type='mmssl_robust.FARE',
    backbone={{_base_.encoder}},
    attack=dict(
        _delete_=True,
        type='mmssl_robust.NFGSM',
        objective=dict(type='mmssl_robust.EmbeddingDistance'),
        norm='linf',
        eps='4/255',
    ),
)
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]  # watches for catastrophic overfitting
