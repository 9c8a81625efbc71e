# DeACL of DINOv2 ViT-B/14 on ImageNet.
_base_ = ['../_base_/robust/in1k_deacl.py', '../_base_/models/dinov2_vitb14.py']
model = dict(backbone={{_base_.encoder}})
