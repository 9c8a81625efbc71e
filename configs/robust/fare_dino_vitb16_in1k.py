# FARE of DINO ViT-B/16 on ImageNet.
_base_ = ['../_base_/robust/in1k.py', '../_base_/models/dino_vitb16.py']

model = dict(type='mmssl_robust.FARE', backbone={{_base_.encoder}})
