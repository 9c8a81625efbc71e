# A quick look at encoders that were trained by configs/robust, each in a folder of its own below $STUDY:
#   STUDY=work_dirs/robust_study python tools/benchmark.py robust_study --no-sanity
#   mmssl-robust report work_dirs/benchmark/robust_study --ranking
import os
from pathlib import Path

title = 'Robust training of the wide mini encoder: a quick look'
_budget = dict(eps='4/255', step_size='1/255', steps=10)
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
del _budget, _far, _tasks, _last, _encoders
