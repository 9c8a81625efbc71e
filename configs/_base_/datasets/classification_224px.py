# What the data sets of 224 pixels share: images enlarged to a multiple of patches of 8, 14, 16 and of a ResNet's 32,
# the paper's batches of 16, top-1 accuracy.
resize = dict(type='ResizeEdge', scale=224, interpolation='bicubic')
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = dict(type='Accuracy', topk=(1,))
test_cfg = dict()
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict()
