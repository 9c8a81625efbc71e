# DINOv2 ViT-B/14 with registers, weights of facebookresearch/dinov2 (Apache-2.0).
embed_dims = 768
patch_size = 14
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dinov2_vitb14_reg',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_reg4_pretrain.pth',
    ),
)
