# DINOv2 ViT-g/14, weights of facebookresearch/dinov2 (Apache-2.0).
embed_dims = 1536
patch_size = 14
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dinov2_vitg14',
    init_cfg=dict(
        type='Pretrained', checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vitg14/dinov2_vitg14_pretrain.pth'
    ),
)
