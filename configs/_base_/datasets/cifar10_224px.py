# CIFAR-10 in its official binary form, enlarged to 224 pixels. Its images are RGB already: to_rgb is off.
_base_ = 'classification_224px.py'
to_rgb = False
data_root = '{{$DATA_ROOT:data}}/cifar10'
train_dataloader = dict(
    dataset=dict(
        type='CIFAR10',
        data_root=data_root,
        split='train',
        download=False,
        pipeline=[{{_base_.resize}}, {{_base_.crop}}, dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')],
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='CIFAR10',
        data_root=data_root,
        split='test',
        download=False,
        pipeline=[{{_base_.resize}}, {{_base_.crop}}, dict(type='PackInputs')],
        test_mode=True,
    ),
)
val_dataloader = test_dataloader
