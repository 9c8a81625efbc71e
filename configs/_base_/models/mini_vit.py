# The encoder that ships with the package: ViT of patch 8, 2.7 M parameters, native size 64.
embed_dims = 192
patch_size = 8
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch=dict(img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3, mlp_ratio=4.0),
    init_cfg=dict(type='Pretrained', checkpoint='mmssl_robust://mini/encoder.safetensors'),
)
