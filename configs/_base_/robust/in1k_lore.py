# LORE on ImageNet: FARE, while clean embeddings keep within a tenth of their squared length.
_base_ = ['in1k.py']
model = dict(type='mmssl_robust.LORE', rho=0.1, primal_steps=5)
# The dual network starts anywhere, and moves once in five steps.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'dual': dict(lr_mult=10)}))
find_unused_parameters = True
