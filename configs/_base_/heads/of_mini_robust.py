# The heads that ship with the robust mini encoder, for attacks on all of them; a scale is the mean distance between
# predictions for different images.
_base_ = './of_mini_wide.py'
encoder = dict(init_cfg=dict(checkpoint='mmssl_robust://mini_robust/encoder.safetensors'))
heads = dict(
    cifar10=dict(head='mmssl_robust://mini_robust/mini_cifar10.safetensors', scale=2.6),
    camvid=dict(head='mmssl_robust://mini_robust/mini_camvid.safetensors'),
    nyu=dict(head='mmssl_robust://mini_robust/mini_nyu.safetensors', scale=0.19),
)
