# DINO ViT-B/8, weights of facebookresearch/dino (Apache-2.0).
embed_dims = 768
patch_size = 8
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dino_vitb8',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dino/dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth',
    ),
)
