# For probes alone: val_cfg.probes.NAME = dict(config='configs/probes/mini_cifar10_knn.py', attacks=['pgd'])
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/cifar10_64px.py',
    '../_base_/models/mini_vit.py',
    '../_base_/models/knn_classifier.py',
]
default_scope = 'mmpretrain'
model = dict(backbone={{_base_.encoder}}, head=dict(num_classes=10))
# The training images as they are: the neighbours among which a test image looks for its class.
bank_dataloader = dict(
    batch_size=128,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset',
        data_root={{_base_.data_root}},
        data_prefix='train',
        pipeline={{_base_.test_pipeline}},
        test_mode=True,
    ),
)
