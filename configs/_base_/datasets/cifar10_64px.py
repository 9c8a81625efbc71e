# CIFAR-10 as a folder of image files for each class, enlarged to the mini encoder's 64 pixels.
data_root = '{{$DATA_ROOT:data}}/cifar10'
# A photograph that is no square is cut to its middle.
resize = [
    dict(type='ResizeEdge', scale=64, interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=64),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), *resize, dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=128,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CustomDataset', data_root=data_root, data_prefix='train', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=50,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', data_root=data_root, data_prefix='test', pipeline=test_pipeline, test_mode=True),
)
test_evaluator = dict(type='Accuracy', topk=(1,))
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
