# TRADES on embeddings of DINOv2 ViT-S/14 on ImageNet.
_base_ = ['../_base_/robust/in1k.py', '../_base_/models/dinov2_vits14.py']

model = dict(type='mmssl_robust.FeatureTRADES', backbone={{_base_.encoder}}, beta=2.0)
