# Task-aware training of DINOv2 ViT-B/14 on ImageNet: frozen heads of three tasks, trained on the standard encoder beforehand.
_base_ = ['../_base_/robust/in1k.py', '../_base_/models/dinov2_vitb14.py']

heads = '{{$HEADS:work_dirs}}'
model = dict(
    type='mmssl_robust.TaskAware',
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
    embedding_weight=0.1,
    # On the sum of what the heads say.
    attack=dict(_delete_=True, type='mmssl_robust.PGD', norm='linf', eps='4/255', step_size='1/255', steps=10),
)
