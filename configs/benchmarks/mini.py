# All three tasks with the encoders that ship with the package, on the embedded photographs or those of --data-root:
#   python tools/benchmark.py mini
title = 'Mini encoders, standard and DeACL'
embedded_data = True
row_defaults = dict(sweep_images=4)
sweeps = dict(eps=['1/255', '2/255', '4/255'], steps=[1, 5, 10])
_tasks = [
    dict(config='configs/classification/mini_cifar10.py', task='classification', data='CIFAR-10', max_images=100),
    dict(config='configs/segmentation/mini_camvid.py', task='segmentation', data='CamVid', max_images=8),
    dict(config='configs/depth/mini_hololens.py', task='depth', data='HoloLens', max_images=12),
]
_encoders = [('Standard', 'mini'), ('DeACL', 'mini_deacl')]
rows = [
    dict(
        encoder='mini ViT',
        variant=variant,
        checkpoint=f'mmssl_robust://{folder}/encoder.safetensors',
        head='mmssl_robust://' + folder + '/' + task['config'].split('/')[-1].replace('.py', '.safetensors'),
        **task,
    )
    for task in _tasks
    for variant, folder in _encoders
]
rows[0]['sweep_images'] = rows[1]['sweep_images'] = 40
del _tasks, _encoders
