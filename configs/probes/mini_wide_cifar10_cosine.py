# Cosines with learnt class vectors in place of a linear layer.
_base_ = '../classification/mini_wide_cifar10.py'
model = dict(head=dict(type='mmssl_robust.CosineHead', temperature=0.07))
