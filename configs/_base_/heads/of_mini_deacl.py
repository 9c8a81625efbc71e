# The heads that ship with the mini_deacl encoder, for attacks on all of them; a scale is the mean distance between predictions
# for different images.
_base_ = '../models/mini_vit.py'
encoder = dict(init_cfg=dict(checkpoint='mmssl_robust://mini_deacl/encoder.safetensors'))
heads = dict(
    cifar10=dict(
        config='configs/classification/mini_cifar10.py',
        head='mmssl_robust://mini_deacl/mini_cifar10.safetensors',
        scale=2.9,
    ),
    camvid=dict(
        config='configs/segmentation/mini_camvid.py',
        head='mmssl_robust://mini_deacl/mini_camvid.safetensors',
        scale=1.1,
    ),
    nyu=dict(config='configs/depth/mini_nyu.py', head='mmssl_robust://mini_deacl/mini_nyu.safetensors', scale=0.04),
)
