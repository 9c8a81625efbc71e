_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_64px_bank.py',
    '../_base_/models/mini_vit.py',
    '../_base_/models/retrieval.py',
]
default_scope = 'mmpretrain'
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(num_classes=10),
)
test_evaluator = dict(_delete_=True, type='mmssl_robust.RetrievalMetric')
