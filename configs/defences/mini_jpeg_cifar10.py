# CIFAR-10 by the mini encoder behind JPEG of quality 50, attacked through it.
_base_ = '../classification/mini_cifar10.py'
model = dict(
    data_preprocessor=dict(
        type='mmssl_robust.Defended', defence=dict(type='mmssl_robust.JPEG', quality=50), bpda=True, seed=0
    )
)
