# Labelled images for the mini encoders, crops of 64 pixels: a third of them with a class, a third with classes of pixels,
# a third with depth.
_base_ = ['mini_classes_64px.py']
data_root = '{{$DATA_ROOT:data}}'

scene_crop = [
    dict(
        type='mmseg.RandomResize',
        resize_type='mmseg.Resize',  # MMCV's leaves depth as it is
        scale=(240, 180),
        ratio_range=(0.5, 1.0),
        keep_ratio=True,
    ),
    dict(type='mmseg.RandomCrop', crop_size=(64, 64)),
    dict(type='mmseg.RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs', meta_keys=('sample_idx',)),
]
load_scene = dict(type='mmseg.LoadImageFromFile')
classes_of_pixels = [
    dict(type='mmseg.LoadAnnotations'),
    dict(type='mmssl_robust.IgnoreLabel', label=11),
    dict(type='mmssl_robust.CheckAnnotations', num_classes=11),
]
depths = [
    dict(type='mmseg.LoadDepthAnnotation', depth_rescale_factor=1e-3),
    dict(type='mmssl_robust.CheckAnnotations'),
]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys=['classes', 'palette', 'label_map', 'reduce_zero_label', 'dataset_type', 'task_name'],
        datasets=[
            {{_base_.train_dataloader.dataset}},
            dict(
                type='RepeatDataset',
                times=82,
                dataset=dict(
                    type='mmssl_robust.CamVidDataset',
                    data_root=data_root,
                    data_prefix=dict(img_path='camvid/images/train', seg_map_path='camvid/annotations/train'),
                    pipeline=[load_scene, *classes_of_pixels, *scene_crop],
                ),
            ),
            dict(
                type='RepeatDataset',
                times=38,
                dataset=dict(
                    type='mmseg.NYUDataset',
                    data_root=data_root,
                    data_prefix=dict(img_path='nyu_half/images/train', depth_map_path='nyu_half/annotations/train'),
                    pipeline=[load_scene, *depths, *scene_crop],
                ),
            ),
        ],
    ),
)
