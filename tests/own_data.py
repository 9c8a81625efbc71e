"""What a user has who knows nothing of the package: an encoder of each kind, and folders of images of each task."""

import shutil
from pathlib import Path

import mmssl_robust

SAMPLES = Path(mmssl_robust.__file__).parent / 'assets' / 'samples'

SOURCES = {
    'timm': 'timm:vit_tiny_patch16_224?weights=random',
    'hf': 'hf:./dinov2',
    'file': 'encoder.py:make_encoder',
}
"""Kind of encoder -> what is typed in the user's folder."""

TASKS = {
    'embedding': ['photos'],
    'classification': ['animals', '--task', 'classification'],
    'segmentation': ['street/images', '--task', 'segmentation', '--labels', 'street/masks', '--ignore', '11'],
    'depth': ['rooms/rgb', '--task', 'depth', '--labels', 'rooms/depth', '--depth-scale', '1000'],
}
"""Task -> what is typed behind the encoder."""

ENCODER = """
import torch
from torch import nn


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, 8, 8, 8)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


def make_encoder():
    torch.manual_seed(0)
    return Patches()
"""


def write_encoders(folder: Path) -> None:
    """A module of one's own, and a tiny DINOv2 as transformers keeps it; needs transformers."""
    import transformers

    (folder / 'encoder.py').write_text(ENCODER)
    settings = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2)
    config = transformers.Dinov2Config(image_size=56, patch_size=14, **settings)
    transformers.Dinov2Model(config).save_pretrained(folder / 'dinov2')


def write_data(folder: Path) -> None:
    """Folders as people have them, of the photographs that ship with the package, without train and test."""
    photographs = sorted((SAMPLES / 'hololens' / 'images').rglob('*.jpg'))
    _copy(folder / 'photos', {path.name: path for path in photographs})
    for name in ('bird', 'cat', 'dog'):
        files = sorted((SAMPLES / 'cifar10' / 'test' / name).glob('*.jpg'))
        _copy(folder / 'animals' / name, {path.name: path for path in files})
    _copy(folder / 'street' / 'images', _files('camvid/images', '.jpg'))
    _copy(folder / 'street' / 'masks', _files('camvid/annotations', '_mask.png'))
    _copy(folder / 'rooms' / 'rgb', _files('hololens/images', '.jpg'))
    _copy(folder / 'rooms' / 'depth', _files('hololens/depths', '.png'))


def _files(where: str, ending: str) -> dict[str, Path]:
    """Name in one flat folder -> file."""
    return {path.stem + ending: path for path in sorted((SAMPLES / where).rglob('*')) if path.is_file()}


def _copy(folder: Path, files: dict[str, Path]) -> None:
    folder.mkdir(parents=True)
    for name, path in files.items():
        shutil.copy(path, folder / name)
