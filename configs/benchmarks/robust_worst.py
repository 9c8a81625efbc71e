# Encoders that were trained by configs/robust, each in a folder of its own below $STUDY, by the worst case of many attacks:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_worst
#   mmssl-robust report work_dirs/benchmark/robust_worst --ranking
# STUDY_EPS='4/255' STUDY_IMAGES='50 8 16' take one budget of the ensembles, and so many images of CIFAR-10, CamVid and
# NYU-Depth-v2, evenly spread; the other attacks have the budgets that stand below.
from importlib import import_module

title = 'Robust training of the wide mini encoder: the worst case'
_study = import_module('mmssl_robust.benchmark.study')  # an import statement makes a config a lazy one
row_defaults = dict(sanity_images=16)
_eps = _study.budgets('2/255 4/255 8/255 16/255')  # at the last nothing may be left


def _attacks(strongest, quick, settings, embedding=('embed', 'embed-directions'), **others):
    """The task's ensemble in every budget; the embedding; queries; norms that no training has seen."""
    ensembles = {f'{strongest}-{eps[:-4]}': dict(preset=strongest, eps=eps, **settings) for eps in _eps}
    moved = {name: dict(eps='4/255', steps=20) for name in embedding}
    norms = {
        'l2': dict(preset=quick, norm='l2', eps='0.5', step_size=0.1, steps=20),
        'l1': dict(preset=quick, norm='l1', eps='8', step_size=1.6, steps=20),
    }
    return ensembles | moved | norms | others


_tasks = [
    dict(
        config='configs/classification/mini_wide_cifar10.py',
        task='classification',
        data='CIFAR-10',
        attacks=_attacks('autoattack', 'pgd', {}, square=dict(eps='4/255', queries=1000)),
    ),
    dict(
        config='configs/segmentation/mini_wide_camvid.py',
        task='segmentation',
        data='CamVid',
        attacks=_attacks('sea', 'cospgd', dict(steps=40)),
    ),
    dict(
        config='configs/depth/mini_wide_nyu.py',
        task='depth',
        data='NYU-Depth-v2',
        # Only this head reads both kinds of tokens.
        attacks=_attacks('depth-ensemble', 'depthpgd', dict(steps=20), ('embed', 'embed-directions', 'embed-both')),
    ),
]
_encoders = _study.trained_encoders('mmssl_robust://mini_wide/encoder.safetensors', 'work_dirs/robust_study')
rows = [
    dict(
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=checkpoint,
        head='mmssl_robust://mini_wide/mini_' + task['config'].split('_')[-1].replace('.py', '.safetensors'),
        max_images=images,
        **task,
    )
    for task, images in zip(_tasks, _study.images())
    for variant, checkpoint in _encoders.items()
]
del _study, _eps, _attacks, _tasks, _encoders
