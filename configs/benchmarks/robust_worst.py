# Encoders that were trained by configs/robust, each in a folder of its own below $STUDY, by the worst case of many attacks:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_worst
#   mmssl-robust report work_dirs/benchmark/robust_worst --ranking
# STUDY_EPS='4/255' STUDY_IMAGES='50 8 16' take one budget of the ensembles, and so many images of CIFAR-10, CamVid and
# NYU-Depth-v2, evenly spread; the other attacks have the budgets that stand below.
import os
import re
from pathlib import Path

title = 'Robust training of the wide mini encoder: the worst case'
row_defaults = dict(sanity_images=16)
_eps = (os.environ.get('STUDY_EPS') or '2/255 4/255 8/255 16/255').split()  # at the last nothing may be left
if len(set(_eps)) < len(_eps) or not all(re.fullmatch(r'\d+/255', eps) for eps in _eps):
    raise ValueError(f'STUDY_EPS={" ".join(_eps)!r}: give budgets that differ, such as "4/255 8/255"')
_images = (os.environ.get('STUDY_IMAGES') or 'all all all').split()
if len(_images) != 3 or not all(re.fullmatch(r'all|[1-9]\d*', number) for number in _images):
    raise ValueError(f'STUDY_IMAGES={" ".join(_images)!r}: give three numbers, of CIFAR-10, CamVid and NYU-Depth-v2')


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
_last = sorted(Path(os.environ.get('STUDY', 'work_dirs/robust_study')).glob('*/last_checkpoint'))
_encoders = dict(Standard='mmssl_robust://mini_wide/encoder.safetensors') | {
    path.parent.name: path.read_text(encoding='utf-8').strip() for path in _last
}
rows = [
    dict(
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=checkpoint,
        head='mmssl_robust://mini_wide/mini_' + task['config'].split('_')[-1].replace('.py', '.safetensors'),
        max_images=None if images == 'all' else int(images),
        **task,
    )
    for task, images in zip(_tasks, _images)
    for variant, checkpoint in _encoders.items()
]
del _eps, _images, _attacks, _tasks, _last, _encoders
