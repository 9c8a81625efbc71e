_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_64px.py',
    '../_base_/models/mini_vit.py',
    '../_base_/models/embedding.py',
]
default_scope = 'mmpretrain'
model = dict(data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}), backbone={{_base_.encoder}})
train_dataloader = None
bank_dataloader = {{_base_.test_dataloader}}  # the images themselves
test_evaluator = dict(_delete_=True, type='mmssl_robust.EmbeddingMetric')
