# DINO ViT-S/8, weights of facebookresearch/dino (Apache-2.0).
embed_dims = 384
patch_size = 8
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dino_vits8',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dino/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth',
    ),
)
