# FARE of DINO ViT-B/16 on ImageNet by a single step, N-FGSM.
_base_ = ['../_base_/robust/in1k_fare_nfgsm.py', '../_base_/models/dino_vitb16.py']
model = dict(backbone={{_base_.encoder}})
