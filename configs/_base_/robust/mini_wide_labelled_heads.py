# The same heads, held to labels; batches hold samples of MMPretrain and of MMSegmentation.
_base_ = ['mini_wide_student.py', 'mini_wide_heads.py']
heads = dict(cifar10=dict(labels=True), camvid=dict(labels=True), nyu=dict(labels=True))
model = dict(
    data_preprocessor=dict(
        _delete_=True,
        type='ImgDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
)
