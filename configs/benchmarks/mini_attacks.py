# How strong and how costly each attack is on the mini encoders, for docs/attacks/measurements.md:
#   python tools/benchmark.py mini_attacks
title = 'Attacks on the mini encoders'
embedded_data = True
row_defaults = dict(sanity_images=0)  # of interest is what each attack reaches and costs


def _budgets(attacks):
    return {
        f'{name}-{label}': dict(preset=preset, **settings, **budget)
        for label, budget in _BUDGETS.items()
        for name, (preset, settings) in attacks.items()
    }


_BUDGETS = {'linf2': dict(eps='2/255'), 'linf8': dict(eps='8/255')}
_classification = dict(
    fgsm=('fgsm', {}),
    pgd=('pgd', dict(steps=100)),
    apgd=('apgd', {}),
    square=('square', dict(queries=1000)),
    autoattack=('autoattack', {}),
)
_segmentation = dict(segpgd=('segpgd', dict(steps=60)), cospgd=('cospgd', dict(steps=60)), sea=('sea', dict(steps=60)))
_depth = {'depthpgd': ('depthpgd', dict(steps=50)), 'depth-ensemble': ('depth-ensemble', dict(steps=50))}
_tasks = [
    dict(
        config='configs/classification/mini_cifar10.py',
        task='classification',
        data='CIFAR-10',
        max_images=40,
        attacks=_budgets(_classification)
        | {f'{name}-l2': dict(preset=name, norm='l2', eps='0.5') for name in ('apgd', 'autoattack')},
    ),
    dict(
        config='configs/segmentation/mini_camvid.py',
        task='segmentation',
        data='CamVid',
        max_images=4,
        attacks=_budgets(_segmentation),
    ),
    dict(
        config='configs/depth/mini_hololens.py',
        task='depth',
        data='HoloLens',
        max_images=8,
        attacks=_budgets(_depth),
    ),
]
rows = [
    dict(
        encoder='mini ViT',
        variant=variant,
        checkpoint=f'mmssl_robust://{folder}/encoder.safetensors',
        head='mmssl_robust://' + folder + '/' + task['config'].split('/')[-1].replace('.py', '.safetensors'),
        **task,
    )
    for task in _tasks
    for variant, folder in [('Standard', 'mini'), ('DeACL', 'mini_deacl')]
]
del _tasks, _budgets, _BUDGETS, _classification, _segmentation, _depth
