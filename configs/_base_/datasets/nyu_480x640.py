# NYU-Depth-v2 at its native 640 x 480, Eigen crop. Depth counts from 0.001 to 10 m, which needs no saying.
data_root = '{{$DATA_ROOT:data}}/nyu'
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
annotations = [
    dict(type='LoadDepthAnnotation', depth_rescale_factor=1e-3),
    dict(type='mmssl_robust.CheckAnnotations'),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *annotations,
    # A multiple of patches of 8, 14 and 16.
    dict(type='RandomCrop', crop_size=(448, 560)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    *annotations,
    dict(type='mmssl_robust.EigenCrop'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
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
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='NYUDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/test', depth_map_path='annotations/test'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='mmssl_robust.DepthMetric', crop='eigen')
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
