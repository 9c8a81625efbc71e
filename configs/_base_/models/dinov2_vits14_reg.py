# DINOv2 ViT-S/14 with registers, weights of facebookresearch/dinov2 (Apache-2.0).
embed_dims = 384
patch_size = 14
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dinov2_vits14_reg',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_reg4_pretrain.pth',
    ),
)
