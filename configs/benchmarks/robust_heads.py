# Encoders that were trained by configs/robust, each in a folder of its own below $STUDY, through heads that are trained on each
# of them: linear, of other kinds, and of data sets that no training has a head of.
#   STUDY=work_dirs/robust_equal STUDY_IMAGES='200 8 16' python tools/benchmark.py robust_heads --no-sanity
#   mmssl-robust report work_dirs/benchmark/robust_heads --ranking
# Heads that are below $STUDY_HEADS are taken from there, others are trained in the run; k-NN needs none. By hand, of one encoder:
#   python tools/train.py configs/probes/mini_wide_nyu_conv.py --work-dir $STUDY_HEADS/FOLDER/mini_wide_nyu_conv \
#       --cache-features 3GB --cfg-options model.backbone.init_cfg.checkpoint=$STUDY/FOLDER/epoch_16.pth
# STUDY_IMAGES are those of classification, segmentation and depth, evenly spread; STUDY_EPS is as in robust_study.
from importlib import import_module

title = 'Robust training of the wide mini encoder: heads trained on each'
_study = import_module('mmssl_robust.benchmark.study')  # an import statement makes a config a lazy one
_attacks = _study.quick_attacks(_study.budget('4/255'))
_images = dict(zip(_attacks, _study.images()))
_heads = [
    ('classification', 'CIFAR-10, linear', 'classification/mini_wide_cifar10'),
    ('classification', 'CIFAR-10, two layers', 'probes/mini_wide_cifar10_two_layers'),
    ('classification', 'CIFAR-10, k-NN', 'probes/mini_wide_cifar10_knn'),
    ('classification', 'photos, linear', 'probes/mini_wide_photos'),
    ('segmentation', 'CamVid, linear', 'segmentation/mini_wide_camvid'),
    ('segmentation', 'CamVid, convolutions', 'probes/mini_wide_camvid_conv'),
    ('depth', 'NYU-Depth-v2, linear', 'depth/mini_wide_nyu'),
    ('depth', 'NYU-Depth-v2, convolutions', 'probes/mini_wide_nyu_conv'),
    ('depth', 'HoloLens, linear', 'depth/mini_wide_hololens'),
]
_encoders = _study.trained_encoders('mmssl_robust://mini_wide/encoder.safetensors', 'work_dirs/robust_study')
_own = _study.own_heads(_encoders)
rows = [
    dict(
        encoder='wide mini ViT',
        variant=variant,
        checkpoint=checkpoint,
        config=f'configs/{config}.py',
        head=_own.get((variant, config.split('/')[1])),
        task=task,
        data=data,
        max_images=_images[task],
        attacks=_attacks[task],
    )
    for task, data, config in _heads
    for variant, checkpoint in _encoders.items()
]
del _study, _attacks, _images, _heads, _encoders, _own
