# The heads that ship with the mini encoder, for attacks on all of them; a scale is the mean distance between predictions
# for different images.
_base_ = '../models/mini_vit.py'
encoder = dict(init_cfg=dict(checkpoint='mmssl_robust://mini/encoder.safetensors'))
heads = dict(
    cifar10=dict(
        config='configs/classification/mini_cifar10.py', head='mmssl_robust://mini/mini_cifar10.safetensors', scale=3.1
    ),
    camvid=dict(
        config='configs/segmentation/mini_camvid.py', head='mmssl_robust://mini/mini_camvid.safetensors', scale=1.25
    ),
    nyu=dict(config='configs/depth/mini_nyu.py', head='mmssl_robust://mini/mini_nyu.safetensors', scale=0.04),
)
