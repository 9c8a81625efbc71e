_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_224px_bank.py',
    '../_base_/models/dino_vitb16.py',
    '../_base_/models/retrieval.py',
]
default_scope = 'mmpretrain'
model = dict(
    data_preprocessor=dict(to_rgb={{_base_.to_rgb}}, pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(num_classes=10),
)
test_evaluator = dict(_delete_=True, type='mmssl_robust.RetrievalMetric')
