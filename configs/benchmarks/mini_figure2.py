# The paper's figure 2 for the mini encoder: checkpoints of its DeACL training, with the standard encoder's heads.
#   DATA_ROOT=data python tools/train.py configs/deacl/dino_mini.py --cfg-options default_hooks.checkpoint.max_keep_ckpts=-1
#   python tools/benchmark.py mini_figure2 --data-root data
title = 'Mini encoder in the course of DeACL'
embedded_data = True
_tasks = [
    dict(config='configs/classification/mini_cifar10.py', task='classification', data='CIFAR-10', max_images=100),
    dict(config='configs/segmentation/mini_camvid.py', task='segmentation', data='CamVid', max_images=4),
    dict(config='configs/depth/mini_hololens.py', task='depth', data='HoloLens', max_images=8),
]
_epochs = [0, 1, 2, 4, 8, 16]
rows = [
    dict(
        encoder='mini ViT',
        variant='DeACL' if epoch else 'Standard',
        epoch=epoch,
        checkpoint=f'work_dirs/dino_mini/epoch_{epoch}.pth' if epoch else 'mmssl_robust://mini/encoder.safetensors',
        head='mmssl_robust://mini/' + task['config'].split('/')[-1].replace('.py', '.safetensors'),
        **task,
    )
    for task in _tasks
    for epoch in _epochs
]
del _tasks, _epochs
