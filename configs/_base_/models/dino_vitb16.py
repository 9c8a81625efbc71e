# DINO ViT-B/16, weights of facebookresearch/dino (Apache-2.0).
embed_dims = 768
patch_size = 16
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dino_vitb16',
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth',
    ),
)
