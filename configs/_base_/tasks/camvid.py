# Linear segmentation of small CamVid images.
_base_ = [
    '../default_runtime.py',
    '../datasets/camvid_240x176.py',
    '../models/linear_segmentor.py',
    '../schedules/mini_head.py',
]
default_scope = 'mmseg'
model = dict(decode_head=dict(num_classes=11))
train_cfg = dict(max_epochs=6, val_interval=6)
