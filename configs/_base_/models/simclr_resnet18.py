# SimCLR ResNet-18, of which we know no public ImageNet checkpoint: give the path of your own.
embed_dims = 512
patch_size = 32  # pixels of an image's side for each place of the last feature map
encoder = dict(
    _delete_=True,  # not the settings of a ViT
    type='mmpretrain.ResNet',
    depth=18,
    frozen_stages=4,
    norm_eval=True,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='{{$SIMCLR_RESNET18:weights/simclr_resnet18.pth}}',
        prefix='backbone.',
    ),
)
