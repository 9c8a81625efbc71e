# STL-10, its labelled images as a folder of PNG files for each class, enlarged from 96 to 224 pixels.
_base_ = 'classification_224px.py'
data_root = '{{$DATA_ROOT:data}}/stl10'
# The official order is the alphabet's.
metainfo = dict(
    classes=('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'),
)
train_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root=data_root,
        data_prefix='train',
        metainfo=metainfo,
        pipeline=[
            dict(type='LoadImageFromFile'),
            {{_base_.resize}},
            {{_base_.crop}},
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackInputs'),
        ],
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root=data_root,
        data_prefix='test',
        metainfo=metainfo,
        pipeline=[dict(type='LoadImageFromFile'), {{_base_.resize}}, {{_base_.crop}}, dict(type='PackInputs')],
        test_mode=True,
    ),
)
val_dataloader = test_dataloader
