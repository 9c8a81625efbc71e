# A hidden layer before the linear one.
_base_ = '../classification/mini_wide_cifar10.py'
model = dict(head=dict(type='StackedLinearClsHead', mid_channels=[256], norm_cfg=dict(type='BN1d')))
