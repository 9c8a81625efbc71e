# DINO ViT-B/16 after DeACL, by configs/deacl/dino_vitb16_in1k.py, or any other DeACL checkpoint of a ViT-B/16.
embed_dims = 768
patch_size = 16
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dino_vitb16',
    init_cfg=dict(type='Pretrained', checkpoint='{{$DEACL_CHECKPOINT:work_dirs/dino_vitb16_in1k/epoch_100.pth}}'),
)
