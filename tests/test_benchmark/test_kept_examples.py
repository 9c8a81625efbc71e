"""The most and the least robust images, whatever the order, the kills and the number of processes."""

import itertools

import numpy as np
import pytest

from mmssl_robust.benchmark.kept_examples import KeptExamples
from mmssl_robust.tasks.pictures import Example, load_example
from mmssl_robust.utils.errors import UserError

# index -> quality before and after: 3 stays best, 1 loses most, 4 next; 0 and 2 are in between.
QUALITIES = {0: (0.5, 0.4), 1: (0.9, -0.9), 2: (0.3, 0.2), 3: (0.95, 0.9), 4: (0.8, -0.5)}


def example(index):
    before, after = QUALITIES[index]
    image = np.full((2, 3, 3), index / 255)
    return Example(index, f'{index}.png', 'pgd', 'classification', before, after, image, image * 0 + 0.01)


def offer(gallery, index):
    gallery.offer(index, *QUALITIES[index], lambda: example(index))


def kept(folder):
    return sorted(int(path.stem) for path in folder.iterdir())


@pytest.mark.parametrize('order', list(itertools.permutations(QUALITIES))[::17])
def test_extremes_are_kept_in_any_order_and_after_kills(order, tmp_path):
    for index in order:
        offer(KeptExamples(tmp_path, 1), index)  # a new process for each image
    assert kept(tmp_path) == [1, 3]


def test_processes_are_joined(tmp_path):
    first, second = KeptExamples(tmp_path, 2), KeptExamples(tmp_path, 2)
    for index in (0, 1):
        offer(first, index)
    for index in (2, 3, 4):
        offer(second, index)
    KeptExamples(tmp_path, 2).tidy()
    assert kept(tmp_path) == [0, 1, 3, 4]


def test_what_is_not_kept_is_not_made(tmp_path):
    gallery = KeptExamples(tmp_path, 1)
    for index in (1, 3):
        offer(gallery, index)
    gallery.offer(0, *QUALITIES[0], lambda: pytest.fail('made for nothing'))


def test_an_example_comes_back(tmp_path):
    depth = np.array([[1.5, 2.25]])
    first = Example(
        7, 'a/b.png', 'depthpgd', 'depth', -0.5, -2.0, np.eye(3)[None], np.eye(3)[None] / 32, dict(before=depth)
    )
    first.save(tmp_path / 'x.npz')
    second = load_example(tmp_path / 'x.npz')
    assert (second.index, second.file, second.attack, second.task) == (7, 'a/b.png', 'depthpgd', 'depth')
    assert (second.quality_before, second.quality_after) == (-0.5, -2.0)
    np.testing.assert_allclose(second.image, first.image)
    np.testing.assert_allclose(second.delta, first.delta)
    np.testing.assert_allclose(second.arrays['before'], depth)
    assert list(second.arrays) == ['before'] and second.facts == {}


def test_a_damaged_example_and_a_pickled_one_are_refused(tmp_path):
    (tmp_path / 'a.npz').write_bytes(b'PK nothing')
    np.savez(tmp_path / 'b.npz', scalars=np.array([object()], dtype=object))
    for name in ('a.npz', 'b.npz'):
        with pytest.raises(UserError, match='cannot read the example'):
            load_example(tmp_path / name)
