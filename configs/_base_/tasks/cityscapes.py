# Linear segmentation of Cityscapes with the paper's settings.
_base_ = [
    '../default_runtime.py',
    '../datasets/cityscapes_448px.py',
    '../models/linear_segmentor.py',
    '../schedules/linear_segmentation.py',
]
default_scope = 'mmseg'
model = dict(
    data_preprocessor=dict(size={{_base_.crop_size}}),
    decode_head=dict(num_classes=19),
    test_cfg={{_base_.sliding_windows}},
)
