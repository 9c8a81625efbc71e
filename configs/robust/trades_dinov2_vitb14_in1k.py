# TRADES on embeddings of DINOv2 ViT-B/14 on ImageNet.
_base_ = ['../_base_/robust/in1k_trades.py', '../_base_/models/dinov2_vitb14.py']
model = dict(backbone={{_base_.encoder}})
