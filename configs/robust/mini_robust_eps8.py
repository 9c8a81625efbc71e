# Task-aware training goes on within twice the budget: mini_robust, which had 51 200 crops within 4/255, for 10 240 within 8/255.
# The teacher remains the standard encoder.
_base_ = './task_aware_dealt_mini_wide.py'
pgd = dict(type='mmssl_robust.PGD', norm='linf', eps='8/255', step_size='4/255', steps=2)
model = dict(
    backbone=dict(init_cfg=dict(checkpoint='mmssl_robust://mini_robust/encoder.safetensors')),
    teacher={{_base_.model.backbone}},
    adversaries=[
        dict(share=0.25, heads='cifar10', attack=pgd),
        dict(share=0.25, heads='camvid', attack=pgd),
        dict(share=0.25, heads='nyu', attack=pgd),
        dict(share=0.25, attack=dict(objective=dict(type='mmssl_robust.EmbeddingDistance'), **pgd)),
    ],
)
train_cfg = dict(images_per_epoch=640)
