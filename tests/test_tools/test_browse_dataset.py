"""Pictures of what a pipeline gives."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.image import imread
from mmengine.config import Config

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/browse_dataset.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('browse_dataset_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def samples(tool, config):
    def load(name, split='test', number=2):
        arguments = tool.argparse.Namespace(config=name, split=split, number=number, seed=0)
        cfg = Config.fromfile(config(name))
        found, metainfo = tool.samples_of(cfg, arguments)
        return [tool.pictures_of(sample, cfg, metainfo) for sample in found]

    return load


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize(
    'name', ['classification/mini_cifar10.py', 'segmentation/mini_camvid.py', 'depth/mini_hololens.py']
)
def test_a_picture_of_each_task(name, split, config, run_tool, tmp_path, capsys):
    run_tool(
        'analysis_tools/browse_dataset.py', config(name), '--split', split, '--number', 3, '--out', tmp_path / 'a.png'
    )
    assert capsys.readouterr().out.strip().endswith('a.png')
    assert imread(tmp_path / 'a.png').std() > 0.05


def test_colours_are_those_of_the_photograph(samples, data_root):
    ((title, image),) = samples('classification/mini_cifar10.py')[0]
    assert title == 'airplane, 64 x 64'
    file = sorted((data_root / 'cifar10/test/airplane').iterdir())[0]
    expected = cv2.imread(str(file))[..., ::-1].mean(axis=(0, 1))
    np.testing.assert_allclose(image.mean(axis=(0, 1)), expected, atol=1)


def test_images_that_arrive_as_rgb_are_not_swapped(tool):
    red = torch.zeros(3, 2, 2, dtype=torch.uint8)
    red[0] = 255
    as_it_is = Config(dict(model=dict(data_preprocessor=dict(to_rgb=False))))
    assert tool.as_rgb(red, as_it_is)[0, 0].tolist() == [255, 0, 0]
    swapped = Config(dict(model=dict(data_preprocessor=dict(bgr_to_rgb=True))))
    assert tool.as_rgb(red, swapped)[0, 0].tolist() == [0, 0, 255]


def test_annotations_lie_beside_their_image(samples):
    (_, image), (title, labels) = samples('segmentation/mini_camvid.py')[0]
    assert labels.shape[2] == image.shape[2] == 3
    assert title.endswith(' classes')
    (_, _), (title, _) = samples('depth/mini_hololens.py')[0]
    assert title.endswith('known') and ' m, ' in title


def test_augmentation_follows_from_the_seed(samples):
    first, again = (samples('segmentation/mini_camvid.py', 'train', 4) for _ in range(2))
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one[0][1], other[0][1])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--number', 0), '--number=0: give an integer of at least 1'),
        (('--out', 'a.txt'), 'a picture ends in'),
        (('--cfg-options', 'train_dataloader.dataset.data_root=nowhere'), 'data folder not found: nowhere'),
    ],
)
def test_mistakes_are_one_line(arguments, message, config, run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool('analysis_tools/browse_dataset.py', config('classification/mini_cifar10.py'), *arguments)
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
