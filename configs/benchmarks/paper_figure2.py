# Figure 2 of the paper: robustness in the course of DeACL fine-tuning, each checkpoint with heads trained on it.
# Every tenth epoch must be kept:
#   bash tools/dist_train.sh configs/deacl/dino_vitb16_in1k.py 8 --amp \
#       --cfg-options default_hooks.checkpoint.interval=10 default_hooks.checkpoint.max_keep_ckpts=-1
title = 'Figure 2: evolution of robustness during DeACL fine-tuning'
_data = [
    ('classification', 'cifar10', 'CIFAR10'),
    ('classification', 'cifar100', 'CIFAR100'),
    ('classification', 'stl10', 'STL10'),
    ('segmentation', 'ade20k', 'ADE20k'),
    ('segmentation', 'cityscapes', 'CityScapes'),
    ('segmentation', 'voc2012', 'PASCAL VOC 2012'),
    ('depth', 'nyu', 'NYU-Depth-v2'),
]
rows = [
    dict(
        config=f'configs/{task}/dino_vitb16_{data}.py',
        task=task,
        data=name,
        encoder='DINO ViT-B/16',
        variant='DeACL' if epoch else 'Standard',
        epoch=epoch,
        **(dict(checkpoint=f'work_dirs/dino_vitb16_in1k/epoch_{epoch}.pth') if epoch else {}),
    )
    for task, data, name in _data
    for epoch in range(0, 101, 10)
]
del _data
