# Two 3x3 convolutions before the linear layer.
_base_ = '../segmentation/mini_wide_camvid.py'
model = dict(
    decode_head=dict(
        type='FCNHead', channels=128, num_convs=2, concat_input=False, dropout_ratio=0.0, norm_cfg=dict(type='BN')
    )
)
