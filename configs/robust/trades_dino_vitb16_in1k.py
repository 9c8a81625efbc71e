# TRADES on embeddings of DINO ViT-B/16 on ImageNet.
_base_ = ['../_base_/robust/in1k.py', '../_base_/models/dino_vitb16.py']

model = dict(type='mmssl_robust.FeatureTRADES', backbone={{_base_.encoder}}, beta=2.0)
