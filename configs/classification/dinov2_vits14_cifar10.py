_base_ = ['../_base_/tasks/cifar10.py', '../_base_/models/dinov2_vits14.py']
model = dict(backbone={{_base_.encoder}}, head=dict(in_channels={{_base_.embed_dims}}))
