# CIFAR-10 with its classes for the mini encoders, random crops at 64 pixels.
data_root = '{{$DATA_ROOT:data}}'
# Pillow low-pass filters where a crop shrinks.
crop = dict(type='RandomResizedCrop', scale=64, crop_ratio_range=(0.5, 1.0), interpolation='bicubic', backend='pillow')
objects = [
    dict(type='LoadImageFromFile'),
    crop,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs', meta_keys=('sample_idx',)),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CustomDataset', data_root=data_root, data_prefix='cifar10/train', pipeline=objects),
)
