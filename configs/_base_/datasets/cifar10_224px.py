# CIFAR-10 in its official binary form, enlarged to 224 pixels. Its images are RGB already: to_rgb is off.
to_rgb = False
data_root = '{{$DATA_ROOT:data}}/cifar10'
resize = dict(type='ResizeEdge', scale=224, interpolation='bicubic')
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CIFAR10',
        data_root=data_root,
        split='train',
        download=False,
        pipeline=[resize, dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')],
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CIFAR10',
        data_root=data_root,
        split='test',
        download=False,
        pipeline=[resize, dict(type='PackInputs')],
        test_mode=True,
    ),
)
test_evaluator = dict(type='Accuracy', topk=(1,))
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
