# Indoor RGB-D frames of a HoloLens, 540 x 360; depth 0 is missing. Scored at their own size.
_base_ = 'nyu_160x120.py'
data_root = '{{$DATA_ROOT:data}}/hololens'
resize = dict(type='Resize', scale=(168, 112), keep_ratio=False)
annotations = [
    dict(type='LoadDepthAnnotation', depth_rescale_factor=1e-3),
    dict(type='mmssl_robust.CheckAnnotations'),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *annotations,
    resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs', meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    *annotations,
    dict(type='PackSegInputs', meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(
    batch_size=4,
    dataset=dict(data_root=data_root, data_prefix=dict(depth_map_path='depths/train'), pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=4,
    dataset=dict(data_root=data_root, data_prefix=dict(depth_map_path='depths/test'), pipeline=test_pipeline),
)
val_dataloader = test_dataloader
