# STL-10, its labelled images as a folder of PNG files for each class, enlarged from 96 to 224 pixels.
data_root = '{{$DATA_ROOT:data}}/stl10'
# The official order is the alphabet's.
metainfo = dict(
    classes=('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'),
)
resize = dict(type='ResizeEdge', scale=224, interpolation='bicubic')
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset',
        data_root=data_root,
        data_prefix='train',
        metainfo=metainfo,
        pipeline=[
            dict(type='LoadImageFromFile'),
            resize,
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset',
        data_root=data_root,
        data_prefix='test',
        metainfo=metainfo,
        pipeline=[dict(type='LoadImageFromFile'), resize, dict(type='PackInputs')],
        test_mode=True,
    ),
)
test_evaluator = dict(type='Accuracy', topk=(1,))
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
