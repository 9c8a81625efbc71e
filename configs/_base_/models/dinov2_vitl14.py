# DINOv2 ViT-L/14, weights of facebookresearch/dinov2 (Apache-2.0).
embed_dims = 1024
patch_size = 14
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dinov2_vitl14',
    init_cfg=dict(
        type='Pretrained', checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth'
    ),
)
