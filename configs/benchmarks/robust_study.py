# A quick look at encoders that were trained by configs/robust, each in a folder of its own below $STUDY:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_study --no-sanity
#   mmssl-robust report work_dirs/benchmark/robust_study --ranking
# STUDY_EPS='8/255' takes another budget than 4/255, in steps of a quarter of it.
from importlib import import_module

title = 'Robust training of the wide mini encoder: a quick look'
_study = import_module('mmssl_robust.benchmark.study')  # an import statement makes a config a lazy one
_attacks = _study.quick_attacks(_study.budget('4/255'))
_tasks = [
    dict(
        config='configs/classification/mini_wide_cifar10.py',
        task='classification',
        data='CIFAR-10',
        max_images=200,
    ),
    dict(
        config='configs/segmentation/mini_wide_camvid.py',
        task='segmentation',
        data='CamVid',
        max_images=8,
    ),
    dict(
        config='configs/depth/mini_wide_nyu.py',
        task='depth',
        data='NYU-Depth-v2',
        max_images=16,
    ),
]
_encoders = _study.trained_encoders('mmssl_robust://mini_wide/encoder.safetensors', 'work_dirs/robust_study')
rows = [
    dict(
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=checkpoint,
        head='mmssl_robust://mini_wide/mini_' + task['config'].split('_')[-1].replace('.py', '.safetensors'),
        attacks=_attacks[task['task']],
        **task,
    )
    for task in _tasks
    for variant, checkpoint in _encoders.items()
]
del _study, _attacks, _tasks, _encoders
