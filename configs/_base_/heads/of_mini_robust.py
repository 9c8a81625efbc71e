# The heads that ship with the robust mini encoder, for attacks on all of them; a scale is the mean distance between
# predictions for different images.
_base_ = '../models/mini_wide_vit.py'
encoder = dict(init_cfg=dict(checkpoint='mmssl_robust://mini_robust/encoder.safetensors'))
heads = dict(
    cifar10=dict(
        config='configs/classification/mini_wide_cifar10.py',
        head='mmssl_robust://mini_robust/mini_cifar10.safetensors',
        scale=2.6,
    ),
    camvid=dict(
        config='configs/segmentation/mini_wide_camvid.py',
        head='mmssl_robust://mini_robust/mini_camvid.safetensors',
        scale=1.15,
    ),
    nyu=dict(
        config='configs/depth/mini_wide_nyu.py',
        head='mmssl_robust://mini_robust/mini_nyu.safetensors',
        scale=0.19,
    ),
)
