# CamVid, 480 x 360, halved for the mini encoder; scored at its own size.
data_root = '{{$DATA_ROOT:data}}/camvid'
meta_keys = (
    'sample_idx',
    'img_path',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
)
resize = dict(type='Resize', scale=(240, 176), keep_ratio=False)
annotations = [
    dict(type='LoadAnnotations'),
    dict(type='mmssl_robust.IgnoreLabel', label=11),
    dict(type='mmssl_robust.CheckAnnotations', num_classes=11),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *annotations,
    resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    *annotations,
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmssl_robust.CamVidDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/train', seg_map_path='annotations/train'),
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmssl_robust.CamVidDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/test', seg_map_path='annotations/test'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
