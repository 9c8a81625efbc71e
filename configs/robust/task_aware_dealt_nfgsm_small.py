# Task-aware training of the small encoder by a single step, N-FGSM; each image is attacked through one head, or at its
# embedding.
_base_ = ['../_base_/robust/small_student.py', '../_base_/robust/small_heads.py']
single = dict(type='mmssl_robust.NFGSM', norm='linf', eps='4/255')
model = dict(
    type='mmssl_robust.TaskAware',
    heads={{_base_.heads}},
    embedding_weight=0.1,
    attack=None,
    adversaries=[
        dict(share=0.25, heads='cifar10', attack=single),
        dict(share=0.25, heads='camvid', attack=single),
        dict(share=0.25, heads='nyu', attack=single),
        dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **single)),
    ],
)
custom_hooks = [dict(type='mmssl_robust.OneStepHook')]  # catastrophic overfitting is seen in the log
