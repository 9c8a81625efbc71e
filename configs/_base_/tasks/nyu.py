# Linear depth of NYU-Depth-v2 with the paper's settings.
_base_ = [
    '../default_runtime.py',
    '../datasets/nyu_480x640.py',
    '../models/linear_depther.py',
    '../schedules/linear_depth.py',
]
default_scope = 'mmseg'
