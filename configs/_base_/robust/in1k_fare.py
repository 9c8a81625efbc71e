# FARE on ImageNet.
_base_ = ['in1k.py']
model = dict(type='mmssl_robust.FARE')
