# Heads of the small encoder that were trained on it beforehand; a scale is the mean distance between predictions for
# different images.
heads_folder = '{{$HEADS:work_dirs}}'
heads = dict(
    cifar10=dict(
        config='configs/classification/small_112px_cifar10.py',
        head=f'{heads_folder}/small_112px_cifar10/epoch_2.pth',
        scale=2.6,
    ),
    camvid=dict(
        config='configs/segmentation/small_camvid.py',
        head=f'{heads_folder}/small_camvid/epoch_6.pth',
        scale=1.7,
    ),
    nyu=dict(config='configs/depth/small_nyu.py', head=f'{heads_folder}/small_nyu/epoch_6.pth', scale=0.15),
)
