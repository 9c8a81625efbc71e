# The same against the embedding that the task's head reads: any task, and images without labels.
_base_ = './patch.py'
attack = dict(objective=dict(_delete_=True, type='mmssl_robust.EmbeddingDistance', tokens='task'))
