# DeACL of DINO ViT-B/16 on ImageNet.
_base_ = ['../_base_/robust/in1k_deacl.py', '../_base_/models/dino_vitb16.py']
model = dict(backbone={{_base_.encoder}})
