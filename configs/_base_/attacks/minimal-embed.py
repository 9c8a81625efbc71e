# The same for the embedding that the task's head reads, turned by 60 degrees: any task, and images without labels.
_base_ = './minimal.py'
attack = dict(objective=dict(_delete_=True, type='mmssl_robust.EmbeddingDistance', tokens='task'))
