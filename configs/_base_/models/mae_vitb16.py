# MAE ViT-B/16, weights of facebookresearch/mae (CC BY-NC 4.0).
embed_dims = 768
patch_size = 16
encoder = dict(
    type='mmssl_robust.DINOVisionTransformer',
    # DINO's network; at other sizes its positions are resampled to exactly the new grid, as MAE's own code does.
    arch=dict(img_size=224, patch_size=16, embed_dim=768, depth=12, num_heads=12, mlp_ratio=4.0, pos_offset=0.0),
    init_cfg=dict(
        type='Pretrained', checkpoint='https://dl.fbaipublicfiles.com/mae/pretrain/mae_pretrain_vit_base.pth'
    ),
)
