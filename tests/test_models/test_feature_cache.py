"""Features that are kept: the same as computed ones, for any content and any form."""

import pytest
import torch
from torch import nn

from mmssl_robust.models.backbones.feature_cache import FeatureCache, why_not_frozen


class Encoder:
    """Gives a pair of a map and a vector in a tuple, and counts its images."""

    def __init__(self):
        self.images = 0

    def __call__(self, inputs):
        self.images += len(inputs)
        return ((inputs * 2, inputs.mean(dim=(1, 2, 3))[:, None]),)


def assert_right(cache, inputs):
    ((maps, means),) = cache(inputs)
    torch.testing.assert_close(maps, inputs * 2, rtol=0, atol=0)
    torch.testing.assert_close(means[:, 0], inputs.mean(dim=(1, 2, 3)))


def test_each_image_is_computed_once_in_any_order():
    encoder, inputs = Encoder(), torch.rand(6, 3, 4, 4)
    cache = FeatureCache(encoder, 2**20)
    assert_right(cache, inputs)
    assert_right(cache, inputs.flip(0))
    assert_right(cache, torch.cat((inputs[2:4], torch.rand(1, 3, 4, 4), inputs[:1])))
    assert encoder.images == 7
    assert (cache.hits, cache.misses) == (6 + 3, 7)
    assert cache.bytes == 7 * (48 + 1) * 4


def test_an_image_twice_in_a_batch():
    encoder, image = Encoder(), torch.rand(1, 3, 4, 4)
    cache = FeatureCache(encoder, 2**20)
    assert_right(cache, image.repeat(3, 1, 1, 1))
    assert encoder.images == 1


def test_flips_are_two_images_and_dtypes_differ():
    encoder, inputs = Encoder(), torch.rand(2, 3, 4, 4)
    cache = FeatureCache(encoder, 2**20)
    for view in (inputs, inputs.flip(-1), inputs.to(torch.bfloat16)):
        ((maps, _),) = cache(view)
        assert torch.equal(maps, view * 2)
    assert encoder.images == 6


def test_beyond_the_limit_nothing_is_kept_and_all_is_right():
    encoder, inputs = Encoder(), torch.rand(6, 3, 4, 4)
    cache = FeatureCache(encoder, 2 * 49 * 4)
    for _ in range(2):
        assert_right(cache, inputs)
    assert encoder.images == 6 + 4
    assert cache.bytes == 2 * 49 * 4
    cache.clear()
    assert cache.bytes == 0


def test_kept_features_do_not_change_with_what_is_made_of_them():
    cache, inputs = FeatureCache(Encoder(), 2**20), torch.rand(2, 3, 4, 4)
    ((maps, _),) = cache(inputs)
    maps.zero_()
    assert_right(cache, inputs)


@pytest.mark.parametrize(
    ('module', 'frozen'),
    [
        (nn.Linear(2, 2), False),
        (nn.Linear(2, 2).requires_grad_(False), True),
        (nn.Dropout(0.1), False),
        (nn.Dropout(0.1).eval(), True),
        (nn.Dropout(0.0), True),
        (nn.BatchNorm2d(2).requires_grad_(False), False),
        (nn.BatchNorm2d(2).requires_grad_(False).eval(), True),
    ],
)
def test_what_is_frozen(module, frozen):
    assert (why_not_frozen(nn.Sequential(module)) == '') == frozen
