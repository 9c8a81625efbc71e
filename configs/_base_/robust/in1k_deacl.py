# DeACL on ImageNet, by FARE's schedule.
_base_ = ['in1k.py']
model = dict(type='mmssl_robust.DeACL', gamma=2.0, attack=dict(objective=dict(type='mmssl_robust.EmbeddingCosine')))
