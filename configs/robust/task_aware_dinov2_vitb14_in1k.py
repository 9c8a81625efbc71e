# Task-aware training of DINOv2 ViT-B/14 on ImageNet, through heads that were trained on the standard encoder beforehand.
_base_ = ['../_base_/robust/in1k_task_aware.py', '../_base_/models/dinov2_vitb14.py']
heads = '{{$HEADS:work_dirs}}'
model = dict(
    backbone={{_base_.encoder}},
    heads=dict(
        cifar10=dict(
            config='configs/classification/dinov2_vitb14_cifar10.py', head=f'{heads}/dinov2_vitb14_cifar10/epoch_5.pth'
        ),
        ade20k=dict(
            config='configs/segmentation/dinov2_vitb14_ade20k.py', head=f'{heads}/dinov2_vitb14_ade20k/epoch_50.pth'
        ),
        nyu=dict(config='configs/depth/dinov2_vitb14_nyu.py', head=f'{heads}/dinov2_vitb14_nyu/epoch_20.pth'),
    ),
)
