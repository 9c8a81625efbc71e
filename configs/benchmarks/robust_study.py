# A quick look at encoders that were trained by configs/robust, each in a folder of its own below $STUDY:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_study --no-sanity
#   mmssl-robust report work_dirs/benchmark/robust_study --ranking
# STUDY_EPS='8/255' takes another budget than 4/255, in steps of a quarter of it; STUDY_IMAGES='1000 8 16' other numbers of images
# than 200, 8 and 16 of CIFAR-10, CamVid and NYU-Depth-v2, evenly spread. Without --no-sanity it is looked at whether attacks can be
# believed, on a few of them.
from importlib import import_module

title = 'Robust training of the wide mini encoder: a quick look'
_study = import_module('mmssl_robust.benchmark.study')  # an import statement makes a config a lazy one
_attacks = _study.quick_attacks(_study.budget('4/255'))
_images = dict(zip(_attacks, _study.images('200 8 16')))
_tasks = [
    dict(
        config='configs/classification/mini_wide_cifar10.py',
        task='classification',
        data='CIFAR-10',
    ),
    dict(
        config='configs/segmentation/mini_wide_camvid.py',
        task='segmentation',
        data='CamVid',
    ),
    dict(
        config='configs/depth/mini_wide_nyu.py',
        task='depth',
        data='NYU-Depth-v2',
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
        max_images=_images[task['task']],
        **task,
    )
    for task in _tasks
    for variant, checkpoint in _encoders.items()
]
del _study, _images, _attacks, _tasks, _encoders
