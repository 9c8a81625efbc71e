# SigLIP 2 ViT-B/16, weights of google-research/big_vision (Apache-2.0) as timm has them.
embed_dims = 768
patch_size = 16
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
architecture = 'ViT'
licence = 'Apache-2.0'
url = 'https://github.com/google-research/big_vision'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:vit_base_patch16_siglip_224.v2_webli')
