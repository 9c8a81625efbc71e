# CamVid, 480 x 360, halved for the mini encoder, with the classes that cover at least 1 % of an image in place of its map.
data_root = '{{$DATA_ROOT:data}}/camvid'
resize = dict(type='Resize', scale=(240, 176))
annotations = [
    dict(type='mmseg.LoadAnnotations'),
    dict(type='mmssl_robust.IgnoreLabel', label=11),
    dict(type='mmssl_robust.CheckAnnotations', num_classes=11),
    dict(type='mmssl_robust.PresentClasses', num_classes=11, min_share=0.01),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *annotations,
    resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), *annotations, resize, dict(type='PackInputs')]
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
test_evaluator = [dict(type='AveragePrecision'), dict(type='MultiLabelMetric', thr=0.5)]
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
