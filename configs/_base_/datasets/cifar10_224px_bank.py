# The same for heads that are not trained: the training images, as they are, fill their bank.
_base_ = 'cifar10_224px.py'
train_dataloader = None
bank_dataloader = dict(
    batch_size=64,
    num_workers=4,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CIFAR10',
        data_root={{_base_.data_root}},
        split='train',
        download=False,
        pipeline=[{{_base_.resize}}, {{_base_.crop}}, dict(type='PackInputs')],
        test_mode=True,
    ),
)
