# I-JEPA ViT-H/14, weights of facebookresearch/ijepa (CC BY-NC 4.0) as timm has them.
embed_dims = 1280
patch_size = 14
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
architecture = 'ViT'
licence = 'CC BY-NC 4.0'
url = 'https://github.com/facebookresearch/ijepa'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:vit_huge_patch14_gap_224.in1k_ijepa')
