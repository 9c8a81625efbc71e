# Task-aware training of DINO ViT-S/16 on ImageNet, through heads that were trained on the standard encoder beforehand.
_base_ = ['../_base_/robust/in1k_task_aware.py', '../_base_/models/dino_vits16.py']
heads = '{{$HEADS:work_dirs}}'
model = dict(
    backbone={{_base_.encoder}},
    heads=dict(
        cifar10=dict(
            config='configs/classification/dino_vits16_cifar10.py', head=f'{heads}/dino_vits16_cifar10/epoch_5.pth'
        ),
        ade20k=dict(
            config='configs/segmentation/dino_vits16_ade20k.py', head=f'{heads}/dino_vits16_ade20k/epoch_50.pth'
        ),
        nyu=dict(config='configs/depth/dino_vits16_nyu.py', head=f'{heads}/dino_vits16_nyu/epoch_20.pth'),
    ),
)
