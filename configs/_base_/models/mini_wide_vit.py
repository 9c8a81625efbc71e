# The wide mini encoder that ships with the package: ViT of patch 8, 5.6 M parameters, native size 64.
embed_dims = 256
patch_size = 8
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch=dict(img_size=64, patch_size=8, embed_dim=256, depth=7, num_heads=4, mlp_ratio=4.0),
    init_cfg=dict(type='Pretrained', checkpoint='mmssl_robust://mini_wide/encoder.safetensors'),
)
