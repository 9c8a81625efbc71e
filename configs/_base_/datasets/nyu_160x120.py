# NYU-Depth-v2 at 320 x 240, halved for the mini encoder; scored at its own size, without a crop.
data_root = '{{$DATA_ROOT:data}}/nyu_half'
meta_keys = (
    'sample_idx',
    'img_path',
    'depth_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
)
resize = dict(type='Resize', scale=(160, 120), keep_ratio=False)
annotations = [
    dict(type='LoadDepthAnnotation', depth_rescale_factor=1e-3),
    dict(type='mmssl_robust.CheckAnnotations'),
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
        type='NYUDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/train', depth_map_path='annotations/train'),
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='NYUDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/test', depth_map_path='annotations/test'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='mmssl_robust.DepthMetric')
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
