# FARE of the small encoder.
_base_ = '../_base_/robust/small_student.py'
model = dict(type='mmssl_robust.FARE')
