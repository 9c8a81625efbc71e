# A linear layer on the CLS token of a frozen encoder.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(out_type='cls_token', frozen=True),
    head=dict(type='LinearClsHead', loss=dict(type='CrossEntropyLoss'), topk=(1,)),
)
