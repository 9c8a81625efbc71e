# Heads of the wide mini encoder, as references; a scale is the mean distance between predictions for different images.
heads = dict(
    cifar10=dict(
        config='configs/classification/mini_wide_cifar10.py',
        head='mmssl_robust://mini_wide/mini_cifar10.safetensors',
        scale=2.8,
    ),
    camvid=dict(
        config='configs/segmentation/mini_wide_camvid.py',
        head='mmssl_robust://mini_wide/mini_camvid.safetensors',
        scale=1.15,
    ),
    nyu=dict(
        config='configs/depth/mini_wide_nyu.py',
        head='mmssl_robust://mini_wide/mini_nyu.safetensors',
        scale=0.195,
    ),
)
