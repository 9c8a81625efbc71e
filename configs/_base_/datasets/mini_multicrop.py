# Unlabelled photographs for the mini encoder: two global views of 64 and six local ones of 32 pixels each.
data_root = '{{$DATA_ROOT:data}}'
data_preprocessor = dict(
    type='SelfSupDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
)

flip_and_jitter = [
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomApply',
        transforms=[dict(type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, backend='cv2')],
        prob=0.8,
    ),
    dict(type='RandomGrayscale', prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.299)),
]
# Pillow low-pass filters where a crop shrinks.
crop = dict(type='RandomResizedCrop', interpolation='bicubic', backend='pillow')
blur = dict(type='GaussianBlur', magnitude_range=(0.1, 1.0), magnitude_std='inf')
global_crop = dict(scale=64, crop_ratio_range=(0.4, 1.0), **crop)
# DINO's lower bound of 0.05 would be 7 x 7 pixels of a CIFAR image.
local_crop = dict(scale=32, crop_ratio_range=(0.1, 0.4), **crop)

load = dict(type='LoadImageFromFile')
views = [
    dict(
        type='MultiView',
        num_views=[1, 1, 6],
        transforms=[
            [global_crop, *flip_and_jitter, dict(prob=1.0, **blur)],
            [global_crop, *flip_and_jitter, dict(prob=0.1, **blur), dict(type='Solarize', thr=128, prob=0.2)],
            [local_crop, *flip_and_jitter, dict(prob=0.5, **blur)],
        ],
    ),
    dict(type='PackInputs', meta_keys=()),
]
objects = [load, *views]
# A whole scene at 64 pixels has little to see: each visit looks at another part of it.
scenes = [load, dict(scale=128, crop_ratio_range=(0.1, 1.0), **crop), *views]
folder = dict(type='CustomDataset', data_root=data_root, with_label=False)

train_dataloader = dict(
    batch_size=512,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(data_prefix='cifar10/train', pipeline=objects, **folder),
            dict(
                type='RepeatDataset',
                times=6,
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
