# DINO ViT-S/16, weights of facebookresearch/dino (Apache-2.0).
embed_dims = 384
patch_size = 16
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dino_vits16',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dino/dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth',
    ),
)
