# The wide mini encoder before and after task-aware training, on the embedded photographs or those of --data-root:
#   python tools/benchmark.py mini_robust --no-sanity
# The robust one with heads that were trained on it, and with those of the standard encoder, which it was trained through.
title = 'The wide mini encoder, standard and after task-aware training'
embedded_data = True
_within4 = dict(eps='4/255', step_size='1/255', steps=20)  # as in its training
_within8 = dict(eps='8/255', step_size='2/255', steps=20)


def _budgets(preset):
    return {f'{preset}-4': dict(preset=preset, **_within4), f'{preset}-8': dict(preset=preset, **_within8)}


_far = dict(preset='pgd', objective=dict(type='mmssl_robust.SignedDepthError', direction='far'), **_within4)
_tasks = [
    dict(
        config='configs/classification/mini_wide_cifar10.py',
        task='classification',
        data='CIFAR-10',
        max_images=100,
        attacks=_budgets('pgd') | dict(embed=_within4),
    ),
    dict(
        config='configs/segmentation/mini_wide_camvid.py',
        task='segmentation',
        data='CamVid',
        max_images=4,
        attacks=_budgets('cospgd') | dict(embed=_within4),
    ),
    dict(
        config='configs/depth/mini_wide_hololens.py',
        task='depth',
        data='HoloLens',
        max_images=12,
        attacks=_budgets('depthpgd') | {'far-4': _far} | dict(embed=_within4),
    ),
]
_variants = [
    ('Standard', 'mini_wide', 'mini_wide'),
    ('Task-aware', 'mini_robust', 'mini_robust'),
    ('Task-aware, heads of the standard', 'mini_robust', 'mini_wide'),
]
rows = [
    dict(
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=f'mmssl_robust://{encoder}/encoder.safetensors',
        head=f'mmssl_robust://{heads}/mini_' + task['config'].split('_')[-1].replace('.py', '.safetensors'),
        **task,
    )
    for task in _tasks
    for variant, encoder, heads in _variants
]
del _budgets, _within4, _within8, _far, _tasks, _variants
