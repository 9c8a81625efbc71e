# The wide mini encoder before and after task-aware training, on the embedded photographs or those of --data-root:
#   python tools/benchmark.py mini_robust --no-sanity
# The robust one with heads that were trained on it, and with those of the standard encoder, which it was trained through.
title = 'The wide mini encoder, standard and after task-aware training'
embedded_data = True
_within4 = dict(eps='4/255', step_size='1/255', steps=20)  # as in its training
_within8 = dict(eps='8/255', step_size='2/255', steps=20)
_far = dict(preset='pgd', objective=dict(type='mmssl_robust.SignedDepthError', direction='far'), **_within4)
_tasks = [
    dict(config='classification/mini_wide_cifar10', task='classification', data='CIFAR-10', max_images=100),
    dict(config='segmentation/mini_wide_camvid', task='segmentation', data='CamVid', max_images=4),
    dict(config='depth/mini_wide_hololens', task='depth', data='HoloLens', max_images=12),
]
_own = dict(classification='pgd', segmentation='cospgd', depth='depthpgd')
_variants = [  # what to call it, the encoder, whose heads, and the encoder of which an attacker has the weights
    ('Standard', 'mini_wide', 'mini_wide', 'mini_robust'),
    ('Task-aware', 'mini_robust', 'mini_robust', 'mini_wide'),
    ('Task-aware, heads of the standard', 'mini_robust', 'mini_wide', 'mini_wide'),
]


def _attacks(task, surrogate):
    """The task's own, on the embedding, one on all heads that ship with the encoder, and one from elsewhere."""
    own = _own[task]
    far = {'far-4': _far} if task == 'depth' else {}
    return (
        {f'{own}-4': dict(preset=own, **_within4), f'{own}-8': dict(preset=own, **_within8)}
        | far
        | {
            'embed': _within4,
            'joint': _within4,
            'transfer': dict(surrogate=surrogate, **_within4),
        }
    )


rows = [
    task
    | dict(
        config=f'configs/{task["config"]}.py',
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=f'mmssl_robust://{encoder}/encoder.safetensors',
        head=f'mmssl_robust://{heads}/mini_{task["config"].split("_")[-1]}.safetensors',
        attacks=_attacks(task['task'], surrogate),
    )
    for task in _tasks
    for variant, encoder, heads, surrogate in _variants
]
del _within4, _within8, _far, _tasks, _own, _variants, _attacks
