# Other threats than an attack on one image for one task, to the encoders that ship with the package, on the embedded
# photographs or those of --data-root:
#   python tools/benchmark.py mini_threats
title = 'Mini encoders under other threats'
embedded_data = True
row_defaults = dict(sanity_images=0)  # checks of so many attacks, member by member, would take longer than all of them
_own = dict(classification='pgd', segmentation='segpgd', depth='depthpgd')
_tasks = [
    dict(config='configs/classification/mini_cifar10.py', task='classification', data='CIFAR-10', max_images=40),
    dict(config='configs/segmentation/mini_camvid.py', task='segmentation', data='CamVid', max_images=4),
    dict(config='configs/depth/mini_hololens.py', task='depth', data='HoloLens', max_images=6),
]
# Each variant, and the other one, whose weights an attacker has.
_encoders = [('Standard', 'mini', 'mini_deacl'), ('DeACL', 'mini_deacl', 'mini')]


def _attacks(task, other):
    """What each attacker may do, in one ball where there is one."""
    ball = dict(eps='4/255', steps=20)
    return {
        'embed': ball,
        'embed-ensemble': dict(eps='4/255', steps=10),
        _own[task]: ball,
        'joint': ball,
        'universal': dict(eps='4/255', perturbation='mmssl_robust://mini/universal.safetensors'),
        'transfer': dict(surrogate=other, step_size='1/255', **ball),
        'patch': dict(steps=40),
        'minimal': dict(steps=10, search=6),
        'edits-in-place': {},
    }


rows = [
    dict(
        encoder='mini ViT',
        variant=variant,
        checkpoint=f'mmssl_robust://{folder}/encoder.safetensors',
        head='mmssl_robust://' + folder + '/' + task['config'].split('/')[-1].replace('.py', '.safetensors'),
        attacks=_attacks(task['task'], other),
        **task,
    )
    for task in _tasks
    for variant, folder, other in _encoders
]
rows.append(rows[0] | dict(config='configs/defences/mini_jpeg_cifar10.py', variant='behind JPEG'))
del _own, _tasks, _encoders, _attacks
