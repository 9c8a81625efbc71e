"""Operations of a forward, against what convolutions multiply."""

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmssl_robust.benchmark.cost import forward_flops


def test_a_resnet_whose_constructor_reads_numbers_from_a_tensor():
    model = dict(
        type='ImageClassifier',
        backbone=dict(type='ResNet', depth=18, out_indices=(3,)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=512),
    )
    stages = [(16, 4 * 9 * 64 * 64)]  # side of the maps of 64 x 64 pixels, weights
    stages += [(8 >> step, 9 * (c * 2 * c + 3 * 4 * c * c) + 2 * c * c) for step, c in enumerate((64, 128, 256))]
    products = 32**2 * 49 * 3 * 64 + sum(side**2 * weights for side, weights in stages) + 512 * 10
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        assert forward_flops(Config(dict(model=model)), [(64, 64)]) == 2 * products
