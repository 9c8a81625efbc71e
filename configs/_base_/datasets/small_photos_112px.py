# Unlabelled photographs for the small encoder: random crops of 112 pixels, also of one photograph of each ImageNet class.
data_root = '{{$DATA_ROOT:data}}'

load = dict(type='LoadImageFromFile')
finish = [dict(type='RandomFlip', prob=0.5), dict(type='PackInputs', meta_keys=('sample_idx',))]
# Pillow low-pass filters where a crop shrinks.
crop = dict(type='RandomResizedCrop', scale=112, interpolation='bicubic', backend='pillow')
objects = [load, dict(crop_ratio_range=(0.5, 1.0), **crop), *finish]
scenes = [load, dict(crop_ratio_range=(0.1, 1.0), **crop), *finish]
folder = dict(type='CustomDataset', data_root=data_root, with_label=False)
train_dataloader = dict(
    batch_size=32,
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
                        dict(data_prefix='photos/train', pipeline=scenes, **folder),
                        dict(data_prefix='camvid/images/train', pipeline=scenes, **folder),
                        dict(data_prefix='nyu_half/images/train', pipeline=scenes, **folder),
                    ],
                ),
            ),
        ],
    ),
)
