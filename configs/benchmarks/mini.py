# All three tasks with the encoders that ship with the package, on the embedded photographs or those of --data-root:
#   python tools/benchmark.py mini
title = 'Mini encoders, standard and robust'
embedded_data = True
sweeps = dict(eps=['1/255', '2/255', '4/255'], steps=[1, 5, 10])
_tasks = [
    dict(config='classification/{}_cifar10', task='classification', data='CIFAR-10', max_images=100, sweep_images=40),
    dict(config='segmentation/{}_camvid', task='segmentation', data='CamVid', max_images=8, sweep_images=4),
    dict(config='depth/{}_hololens', task='depth', data='HoloLens', max_images=12, sweep_images=4),
]
_encoders = [  # what to call it, the folder of its weights, and the encoder whose configs it has
    ('mini ViT', 'Standard', 'mini', 'mini'),
    ('mini ViT', 'DeACL', 'mini_deacl', 'mini'),
    ('wide mini ViT', 'Standard', 'mini_wide', 'mini_wide'),
    ('wide mini ViT', 'Task-aware', 'mini_robust', 'mini_wide'),
]
rows = [
    task
    | dict(
        config=f'configs/{task["config"].format(own)}.py',
        encoder=encoder,
        variant=variant,
        checkpoint=f'mmssl_robust://{folder}/encoder.safetensors',
        head=f'mmssl_robust://{folder}/{task["config"].split("/")[1].format("mini")}.safetensors',
    )
    for task in _tasks
    for encoder, variant, folder, own in _encoders
]
for _row in rows:  # three times the work for each image
    if _row['encoder'] == 'wide mini ViT':
        _row |= dict(max_images=_row['max_images'] // 2, sweep_images=_row['sweep_images'] // 4)
del _tasks, _encoders, _row
