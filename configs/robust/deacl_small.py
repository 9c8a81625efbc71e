# DeACL of the small encoder.
_base_ = '../_base_/robust/small_student.py'
model = dict(type='mmssl_robust.DeACL', gamma=2.0, attack=dict(objective=dict(type='mmssl_robust.EmbeddingCosine')))
