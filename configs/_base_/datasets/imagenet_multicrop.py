# Two global and eight local views of each ImageNet image, as in DINO.
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
crop = dict(type='RandomResizedCrop', interpolation='bicubic', backend='pillow')
blur = dict(type='GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf')
global_crop = dict(scale=224, crop_ratio_range=(0.4, 1.0), **crop)
local_crop = dict(scale=96, crop_ratio_range=(0.05, 0.4), **crop)

train_dataloader = dict(
    batch_size=64,
    num_workers=10,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='CustomDataset',
        data_root='{{$DATA_ROOT:data}}',
        data_prefix='imagenet/train',
        with_label=False,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='MultiView',
                num_views=[1, 1, 8],
                transforms=[
                    [global_crop, *flip_and_jitter, dict(prob=1.0, **blur)],
                    [global_crop, *flip_and_jitter, dict(prob=0.1, **blur), dict(type='Solarize', thr=128, prob=0.2)],
                    [local_crop, *flip_and_jitter, dict(prob=0.5, **blur)],
                ],
            ),
            dict(type='PackInputs', meta_keys=()),
        ],
    ),
)
