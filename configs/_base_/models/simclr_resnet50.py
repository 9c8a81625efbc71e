# SimCLR ResNet-50, 800 epochs, weights of MMPretrain (Apache-2.0).
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
        checkpoint='https://mmassets.onedl.ai/mmselfsup/1.x/simclr/simclr_resnet50_16xb256-coslr-800e_in1k/'
        'simclr_resnet50_16xb256-coslr-800e_in1k_20220825-85fcc4de.pth',
        prefix='backbone.',
    ),
)
