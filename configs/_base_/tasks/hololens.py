# Linear depth of small HoloLens frames.
_base_ = [
    '../default_runtime.py',
    '../datasets/hololens_168x112.py',
    '../models/linear_depther.py',
    '../schedules/mini_head.py',
]
default_scope = 'mmseg'
train_cfg = dict(max_epochs=30, val_interval=30)
auto_scale_lr = dict(base_batch_size=4)
