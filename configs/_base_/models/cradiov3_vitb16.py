# C-RADIOv3 ViT-B/16, weights of NVlabs/RADIO (NVIDIA Open Model License) as timm has them.
embed_dims = 768
patch_size = 16
mean = [122.770938, 116.746013, 104.093736]
std = [68.500533, 66.632158, 70.323163]
architecture = 'ViT'
licence = 'NVIDIA Open Model License'
url = 'https://github.com/NVlabs/RADIO'
encoder = dict(type='mmssl_robust.Encoder', spec='timm:naflexvit_base_patch16_radio_v3.c_radio')
