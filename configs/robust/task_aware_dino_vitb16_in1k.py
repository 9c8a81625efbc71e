# Task-aware training of DINO ViT-B/16 on ImageNet, through heads that were trained on the standard encoder beforehand.
_base_ = ['../_base_/robust/in1k_task_aware.py', '../_base_/models/dino_vitb16.py']
heads = '{{$HEADS:work_dirs}}'
model = dict(
    backbone={{_base_.encoder}},
    heads=dict(
        cifar10=dict(
            config='configs/classification/dino_vitb16_cifar10.py', head=f'{heads}/dino_vitb16_cifar10/epoch_5.pth'
        ),
        ade20k=dict(
            config='configs/segmentation/dino_vitb16_ade20k.py', head=f'{heads}/dino_vitb16_ade20k/epoch_50.pth'
        ),
        nyu=dict(config='configs/depth/dino_vitb16_nyu.py', head=f'{heads}/dino_vitb16_nyu/epoch_20.pth'),
    ),
)
