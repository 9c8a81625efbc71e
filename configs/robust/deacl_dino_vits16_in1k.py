# DeACL of DINO ViT-S/16 on ImageNet.
_base_ = ['../_base_/robust/in1k_deacl.py', '../_base_/models/dino_vits16.py']
model = dict(backbone={{_base_.encoder}})
