# The same for heads that are not trained: the training images, as they are, fill their bank.
_base_ = 'cifar10_64px.py'
train_dataloader = None
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
