# A real encoder on all three tasks: a ViT-S/14 that started from DINOv2 and was fine-tuned for saliency, not DINOv2's own
# checkpoint; with those that configs/robust/*_small.py trained from it, each in a folder below $STUDY:
#   SMALL_ENCODER=small_encoder.safetensors STUDY=work_dirs/small python tools/benchmark.py small --data-root data
# Every encoder gets heads of its own. STUDY_HEADS=work_dirs takes those of the standard encoder for all, from the folders where
# their configs left them, and the tasks for which there are any. STUDY_IMAGES='100 8 16' takes so many images of CIFAR-10, CamVid
# and NYU-Depth-v2, evenly spread.
import os
from importlib import import_module

title = 'A ViT-S/14, not the official DINOv2: a quick look'
_study = import_module('mmssl_robust.benchmark.study')  # an import statement makes a config a lazy one
_embed = dict(eps='4/255', step_size='1/255', steps=10)
_attacks = {task: dict(embed=_embed) | own for task, own in _study.quick_attacks('4/255').items()}
_images = dict(zip(_attacks, _study.images()))
_tasks = [
    dict(config='configs/classification/small_112px_cifar10.py', task='classification', data='CIFAR-10, 112 px'),
    dict(config='configs/classification/small_224px_cifar10.py', task='classification', data='CIFAR-10, 224 px'),
    dict(config='configs/segmentation/small_camvid.py', task='segmentation', data='CamVid'),
    dict(config='configs/depth/small_nyu.py', task='depth', data='NYU-Depth-v2'),
]
_encoders = _study.trained_encoders(os.environ.get('SMALL_ENCODER') or 'small_encoder.safetensors', 'work_dirs/small')
_heads = _study.standard_heads([task['config'] for task in _tasks])
rows = [
    dict(
        encoder='ViT-S/14 (saliency)',
        variant=variant,
        checkpoint=checkpoint,
        head=_heads and _heads[task['config']],
        max_images=_images[task['task']],
        attacks=_attacks[task['task']],
        **task,
    )
    for task in _tasks
    if _heads is None or task['config'] in _heads
    for variant, checkpoint in _encoders.items()
]
del _study, _images, _embed, _attacks, _tasks, _encoders, _heads
