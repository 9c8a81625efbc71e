# Linear classification of STL-10 with the paper's settings.
_base_ = [
    '../default_runtime.py',
    '../datasets/stl10_224px.py',
    '../models/linear_classifier.py',
    '../schedules/linear_classification.py',
]
default_scope = 'mmpretrain'
model = dict(head=dict(num_classes=10))
