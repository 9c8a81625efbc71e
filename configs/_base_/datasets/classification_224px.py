# What the data sets of 224 pixels share: images enlarged to a multiple of patches of 8, 14, 16 and of a ResNet's 32,
# the paper's batches of 16, top-1 accuracy.
# A photograph that is no square is cut to its middle, as the encoders' own evaluations do: padding would be tokens
# that CLS looks at, another length for every image and every batch.
resize = dict(type='ResizeEdge', scale=224, interpolation='bicubic')
crop = dict(type='CenterCrop', crop_size=224)
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
