# CIFAR-10 as a folder of JPEG files for each class, enlarged to 224 pixels.
_base_ = 'cifar10_64px.py'
resize = [
    dict(type='ResizeEdge', scale=224, interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), *resize, dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader
