# Linear depth of small NYU-Depth-v2 frames.
_base_ = [
    '../default_runtime.py',
    '../datasets/nyu_160x120.py',
    '../models/linear_depther.py',
    '../schedules/mini_head.py',
]
default_scope = 'mmseg'
train_cfg = dict(max_epochs=6, val_interval=6)
