"""The embedded photographs: small, paired, and of the kind that the configs expect."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [
    ('camvid/images', 'camvid/annotations', 'train', 6),
    ('camvid/images', 'camvid/annotations', 'test', 12),
    ('hololens/images', 'hololens/depths', 'train', 4),
    ('hololens/images', 'hololens/depths', 'test', 12),
]


def test_at_most_four_megabytes(data_root):
    assert sum(path.stat().st_size for path in data_root.rglob('*') if path.is_file()) < 4e6


@pytest.mark.parametrize('images, annotations, split, count', PAIRS)
def test_each_image_has_its_annotation(data_root, images, annotations, split, count):
    files = sorted((data_root / images / split).iterdir())
    assert len(files) == count
    assert len(list((data_root / annotations / split).iterdir())) == count
    for file in files:
        annotation = cv2.imread(str(data_root / annotations / split / f'{file.stem}.png'), cv2.IMREAD_UNCHANGED)
        assert annotation.shape == cv2.imread(str(file)).shape[:2]
        if annotation.dtype == np.uint16:
            assert 500 < np.median(annotation[annotation > 0]) < 6000  # millimetres in a room
        else:
            assert annotation.max() <= 11


@pytest.mark.parametrize('split, count', [('train', 6), ('test', 10)])
def test_cifar_classes_are_balanced(data_root, split, count):
    folders = sorted((data_root / 'cifar10' / split).iterdir())
    assert len(folders) == 10
    assert {len(list(folder.iterdir())) for folder in folders} == {count}


def test_the_script_repeats_its_choice(data_root, tmp_path):
    """Of a set that has as many images as it wants, it takes all."""
    script = ROOT / 'tools' / 'dataset_converters' / 'make_samples.py'
    subprocess.run([sys.executable, script, data_root, tmp_path], check=True, capture_output=True, cwd=ROOT)
    expected = {path.relative_to(data_root) for path in data_root.rglob('*.*') if path.suffix != '.md'}
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob('*.*')} == expected


def test_the_script_says_which_folder_is_too_small(tmp_path):
    script = ROOT / 'tools' / 'dataset_converters' / 'make_samples.py'
    (tmp_path / 'cifar10/train').mkdir(parents=True)
    (tmp_path / 'cifar10/test').mkdir()
    run = subprocess.run([sys.executable, script, tmp_path, tmp_path / 'out'], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 2
    assert run.stderr.strip().splitlines() == [f'error: {tmp_path}/camvid/images/train holds 0 images: 6 are needed']
