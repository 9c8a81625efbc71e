# PE-core ViT-B/16, weights of facebookresearch/perception_models (Apache-2.0) as timm has them.
embed_dims = 768
patch_size = 16
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
architecture = 'ViT'
licence = 'Apache-2.0'
url = 'https://github.com/facebookresearch/perception_models'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:vit_pe_core_base_patch16_224.fb')
