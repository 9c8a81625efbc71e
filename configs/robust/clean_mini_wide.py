# The same steps of the wide mini encoder without an attack: what training alone does, at the lowest cost.
# It is for a student that starts elsewhere than the teacher (model.teacher), which otherwise has nothing to learn.
_base_ = [
    '../_base_/datasets/mini_photos_64px.py',
    '../_base_/robust/mini_wide_student.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(type='mmssl_robust.FARE', adversaries=[])
