# TeCoA's training of the wide mini encoder: class vectors learnt on the standard encoder in place of class names' embeddings.
_base_ = [
    '../_base_/datasets/mini_classes_64px.py',
    '../_base_/robust/mini_wide_student.py',
    '../_base_/schedules/robust_mini_wide.py',
]

default_scope = 'mmpretrain'
model = dict(
    type='mmssl_robust.TaskAware',
    heads=dict(
        cifar10=dict(
            config='configs/probes/mini_wide_cifar10_cosine.py',
            head='mmssl_robust://mini_wide/mini_cifar10_cosine.safetensors',
            labels=True,
        ),
    ),
    embedding_weight=0.0,
    attack=dict(type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='2/255', steps=2),
)
