# A gallery ranked by cosine similarity of the CLS token: nothing is trained.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(out_type='cls_token', frozen=True),
    head=dict(type='mmssl_robust.RetrievalHead', temperature=0.07),
)
model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')  # the usual one wants something to train
