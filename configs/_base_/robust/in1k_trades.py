# TRADES on embeddings on ImageNet.
_base_ = ['in1k.py']
model = dict(type='mmssl_robust.FeatureTRADES', beta=2.0)
