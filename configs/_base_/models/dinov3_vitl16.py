# DINOv3 ViT-L/16, weights of facebookresearch/dinov3 (DINOv3 License) as timm has them.
embed_dims = 1024
patch_size = 16
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
architecture = 'ViT'
licence = 'DINOv3 License'
url = 'https://github.com/facebookresearch/dinov3'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:vit_large_patch16_dinov3.lvd1689m')
