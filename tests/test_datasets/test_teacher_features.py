"""Teacher features: written once, continued after a kill, read standardised."""

import json

import numpy as np
import pytest
import torch

from mmssl_robust.datasets.teacher_features import PROGRESS, TeacherFeatureDataset, write_teacher_features
from mmssl_robust.utils.errors import UserError


def image(index):
    return np.random.default_rng(index).integers(0, 256, (28, 28, 3), dtype=np.uint8)


def encode(pixels):
    """A teacher with 5 channels on a 2 x 2 grid that is easy to predict."""
    weights = torch.arange(1.0, 6.0).view(1, 5, 1, 1)
    patches = torch.nn.functional.adaptive_avg_pool2d(pixels.mean(1, keepdim=True), 2) * weights
    return patches.mean((2, 3)), patches


def write(root, total=10, batch_size=4):
    return list(write_teacher_features(root, image, total, encode, student_size=16, batch_size=batch_size))


def test_written_features_are_the_teachers(tmp_path):
    assert write(tmp_path) == [4, 8, 10]
    dataset = TeacherFeatureDataset(str(tmp_path), flip_prob=0.0)
    assert len(dataset) == 10
    cls, patches = encode(torch.from_numpy(image(7)).permute(2, 0, 1)[None].float() / 255)
    np.testing.assert_allclose(dataset.cls[7], cls[0].numpy(), rtol=1e-3)
    np.testing.assert_allclose(dataset.patches[7], patches[0].numpy(), rtol=1e-3)


def test_channels_are_standardised(tmp_path):
    write(tmp_path)
    dataset = TeacherFeatureDataset(str(tmp_path), flip_prob=0.0)
    samples = [dataset[i] for i in range(10)]
    assert samples[0]['inputs'].shape == (3, 16, 16) and samples[0]['inputs'].dtype == torch.uint8
    for name, axes in (('cls', (0,)), ('patches', (0, 2, 3))):
        tokens = torch.stack([sample[name] for sample in samples])
        torch.testing.assert_close(tokens.mean(axes), torch.zeros(5), atol=1e-3, rtol=0)
        torch.testing.assert_close(tokens.std(axes, correction=0), torch.ones(5), atol=1e-3, rtol=0)


def test_flip_mirrors_image_and_patches_together(tmp_path):
    write(tmp_path)
    plain = TeacherFeatureDataset(str(tmp_path), flip_prob=0.0)[3]
    flipped = TeacherFeatureDataset(str(tmp_path), flip_prob=1.0)[3]
    torch.testing.assert_close(flipped['inputs'], plain['inputs'].flip(-1))
    torch.testing.assert_close(flipped['patches'], plain['patches'].flip(-1))
    torch.testing.assert_close(flipped['cls'], plain['cls'])


def test_a_killed_run_continues(tmp_path):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    write(whole)
    writer = write_teacher_features(killed, image, 10, encode, student_size=16, batch_size=4)
    assert next(writer) == 4
    writer.close()
    with pytest.raises(UserError, match='no finished teacher features'):
        TeacherFeatureDataset(str(killed))
    assert write(killed) == [8, 10]
    for name in ('images', 'cls', 'patches'):
        np.testing.assert_array_equal(np.load(killed / f'{name}.npy'), np.load(whole / f'{name}.npy'))


def test_another_image_list_is_not_mixed_in(tmp_path):
    write(tmp_path)
    with pytest.raises(UserError, match='10 images, not 12'):
        write(tmp_path, total=12)


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match='extract_teacher_features'):
        TeacherFeatureDataset(str(tmp_path / 'none'))
    (tmp_path / PROGRESS).write_text(json.dumps(dict(done=4, total=10)))
    with pytest.raises(UserError, match='no finished'):
        TeacherFeatureDataset(str(tmp_path))


@pytest.mark.parametrize('content', [b'', b'{"done": 4, "tot', b'{"done": "4", "total": 10}', b'\xff', b'[]'])
def test_a_torn_progress_begins_anew(content, tmp_path):
    write(tmp_path)
    (tmp_path / PROGRESS).write_bytes(content)
    with pytest.raises(UserError, match='no finished teacher features'):
        TeacherFeatureDataset(str(tmp_path))
    assert write(tmp_path) == [4, 8, 10]
    assert len(TeacherFeatureDataset(str(tmp_path))) == 10


@pytest.mark.parametrize('content', [None, b'', b'\x93NUMPY'])
def test_torn_features_are_made_again(content, tmp_path):
    writer = write_teacher_features(tmp_path, image, 10, encode, student_size=16, batch_size=4)
    next(writer)
    writer.close()
    path = tmp_path / 'cls.npy'
    path.unlink() if content is None else path.write_bytes(content)
    assert write(tmp_path) == [4, 8, 10]
    path.write_bytes(b'')
    with pytest.raises(UserError, match='are damaged: remove them'):
        TeacherFeatureDataset(str(tmp_path))
