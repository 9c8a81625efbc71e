# Linear classification of CIFAR-10 with the paper's settings.
_base_ = [
    '../default_runtime.py',
    '../datasets/cifar10_224px.py',
    '../models/linear_classifier.py',
    '../schedules/linear_classification.py',
]
default_scope = 'mmpretrain'
model = dict(data_preprocessor=dict(to_rgb={{_base_.to_rgb}}), head=dict(num_classes=10))
