# The embedding of images without labels, compared with itself and with those of the other images: nothing is trained.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(out_type='featmap_cls', frozen=True),
    head=dict(type='mmssl_robust.EmbeddingHead', k=10),
)
model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')  # the usual one wants something to train
