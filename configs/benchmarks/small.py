# A real encoder on all three tasks: a ViT-S/14 that started from DINOv2 and was fine-tuned for saliency, not DINOv2's own
# checkpoint; with those that configs/robust/*_small.py trained from it, each in a folder below $STUDY:
#   SMALL_ENCODER=small_encoder.safetensors STUDY=work_dirs/small python tools/benchmark.py small --data-root data
import os
from pathlib import Path

title = 'A ViT-S/14, not the official DINOv2'
_tasks = [
    dict(config='configs/classification/small_112px_cifar10.py', task='classification', data='CIFAR-10, 112 px'),
    dict(config='configs/classification/small_224px_cifar10.py', task='classification', data='CIFAR-10, 224 px'),
    dict(config='configs/segmentation/small_camvid.py', task='segmentation', data='CamVid'),
    dict(config='configs/depth/small_nyu.py', task='depth', data='NYU-Depth-v2'),
]
_attacks = dict(
    classification=['embed', 'pgd', 'autoattack'],
    segmentation=['embed', 'segpgd', 'sea'],
    depth=['embed', 'depthpgd', 'depth-ensemble'],
)
_last = sorted(Path(os.environ.get('STUDY', 'work_dirs/small')).glob('*/last_checkpoint'))
_encoders = dict(Standard=os.environ.get('SMALL_ENCODER', 'small_encoder.safetensors')) | {
    path.parent.name: path.read_text(encoding='utf-8').strip() for path in _last
}
rows = [
    dict(
        encoder='ViT-S/14 (saliency)',
        variant=variant,
        checkpoint=checkpoint,
        attacks={name: dict(eps='4/255') for name in _attacks[task['task']]},
        **task,
    )
    for task in _tasks
    for variant, checkpoint in _encoders.items()
]
del _tasks, _attacks, _last, _encoders
