# SimSiam ResNet-50, 200 epochs, weights of MMPretrain (Apache-2.0).
embed_dims = 2048
patch_size = 32  # pixels of an image's side for each place of the last feature map
encoder = dict(
    _delete_=True,  # not the settings of a ViT
    type='mmpretrain.ResNet',
    depth=50,
    frozen_stages=4,
    norm_eval=True,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://mmassets.onedl.ai/mmselfsup/1.x/simsiam/simsiam_resnet50_8xb32-coslr-200e_in1k/'
        'simsiam_resnet50_8xb32-coslr-200e_in1k_20220825-efe91299.pth',
        prefix='backbone.',
    ),
)
