# A quick look at encoders that were trained by configs/robust, each in a folder of its own below $STUDY:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_study --no-sanity
#   mmssl-robust report work_dirs/benchmark/robust_study --ranking
# STUDY_EPS='8/255' takes another budget than 4/255, in steps of a quarter of it.
import os
import re
from pathlib import Path

title = 'Robust training of the wide mini encoder: a quick look'
_eps = os.environ.get('STUDY_EPS') or '4/255'
if not re.fullmatch(r'[1-9]\d*/255', _eps):
    raise ValueError(f'STUDY_EPS={_eps!r}: give a budget such as "8/255"')
_budget = dict(eps=_eps, step_size=f'{int(_eps[:-4]) / 4:g}/255', steps=10)
_far = dict(type='mmssl_robust.SignedDepthError', direction='far')
_tasks = [
    dict(
        config='configs/classification/mini_wide_cifar10.py',
        task='classification',
        data='CIFAR-10',
        max_images=200,
        attacks=dict(pgd=_budget),
    ),
    dict(
        config='configs/segmentation/mini_wide_camvid.py',
        task='segmentation',
        data='CamVid',
        max_images=8,
        attacks=dict(cospgd=_budget),
    ),
    dict(
        config='configs/depth/mini_wide_nyu.py',
        task='depth',
        data='NYU-Depth-v2',
        max_images=16,
        attacks=dict(depthpgd=_budget, far=dict(preset='pgd', objective=_far, **_budget)),
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
        **task,
    )
    for task in _tasks
    for variant, checkpoint in _encoders.items()
]
del _eps, _budget, _far, _tasks, _last, _encoders
