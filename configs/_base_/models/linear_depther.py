# A linear layer to 256 depth bins on the CLS and patch tokens of a frozen encoder.
model = dict(
    type='mmssl_robust.DepthEstimator',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=0,
    ),
    # DINOv2's depth heads, and so the paper's, read tokens before the final LayerNorm.
    backbone=dict(out_type='featmap_cls', final_norm=False, frozen=True),
    decode_head=dict(
        type='mmssl_robust.LinearDepthHead',
        num_bins=256,
        loss_decode=[
            dict(type='mmssl_robust.SigLoss', rho=0.85),
            dict(type='mmssl_robust.GradientLoss', loss_weight=0.5),
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
