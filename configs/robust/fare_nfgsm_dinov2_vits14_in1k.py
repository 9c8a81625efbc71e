# FARE of DINOv2 ViT-S/14 on ImageNet by a single step, N-FGSM.
_base_ = ['../_base_/robust/in1k_fare_nfgsm.py', '../_base_/models/dinov2_vits14.py']
model = dict(backbone={{_base_.encoder}})
