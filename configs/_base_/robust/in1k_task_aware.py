# Task-aware training on ImageNet; the attack is on the sum of what the heads say.
_base_ = ['in1k.py']
model = dict(
    type='mmssl_robust.TaskAware',
    embedding_weight=0.1,
    attack=dict(_delete_=True, type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='1/255', steps=10),
)
