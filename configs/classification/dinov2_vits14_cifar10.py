_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_224px.py',
    '../_base_/models/dinov2_vits14.py',
    '../_base_/models/linear_classifier.py',
    '../_base_/schedules/linear_classification.py',
]
default_scope = 'mmpretrain'
model = dict(
    data_preprocessor=dict(to_rgb={{_base_.to_rgb}}),
    backbone={{_base_.encoder}},
    head=dict(in_channels={{_base_.embed_dims}}, num_classes=10),
)
