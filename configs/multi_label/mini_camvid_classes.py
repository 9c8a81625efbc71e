# Which of CamVid's classes does an image show? A linear layer on the CLS token of the mini encoder.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/datasets/camvid_classes_240x176.py',
    '../_base_/models/linear_classifier.py',
    '../_base_/models/mini_vit.py',
    '../_base_/schedules/mini_head.py',
]
default_scope = 'mmpretrain'
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(
        _delete_=True, type='MultiLabelLinearClsHead', num_classes=11, in_channels={{_base_.embed_dims}}, thr=0.5
    ),
)
train_cfg = dict(max_epochs=40, val_interval=40)
