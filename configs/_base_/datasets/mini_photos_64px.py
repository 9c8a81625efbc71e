# Unlabelled photographs for the mini encoder: random crops of 64 pixels.
data_root = '{{$DATA_ROOT:data}}'

load = dict(type='LoadImageFromFile')
finish = [dict(type='RandomFlip', prob=0.5), dict(type='PackInputs', meta_keys=('sample_idx',))]
# Pillow low-pass filters where a crop shrinks.
crop = dict(type='RandomResizedCrop', scale=64, interpolation='bicubic', backend='pillow')
objects = [load, dict(crop_ratio_range=(0.5, 1.0), **crop), *finish]
# A whole scene at 64 pixels has little to see: each visit looks at another part of it.
scenes = [load, dict(crop_ratio_range=(0.1, 1.0), **crop), *finish]
folder = dict(type='CustomDataset', data_root=data_root, with_label=False)

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(data_prefix='cifar10/train', pipeline=objects, **folder),
            dict(
                type='RepeatDataset',
                times=12,
                dataset=dict(
                    type='ConcatDataset',
                    datasets=[
                        dict(data_prefix='camvid/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='nyu_half/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='hololens/images/train', pipeline=scenes, **folder),
                    ],
                ),
            ),
        ],
    ),
)
