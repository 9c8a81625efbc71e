"""From JPEG files to a batch of normalised images on the device, with DeACL's augmentation."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from PIL import Image
from torch import Tensor
from torchvision import transforms

from attack_speed.contest import Contest, Settings
from attack_speed.models import NORMALISATION
from attack_speed.timing import Run
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.config_files import find_config

_CONFIG = 'configs/_base_/datasets/imagenet_224px.py'


def input_pipeline(settings: Settings, images: int = 32, size: tuple[int, int] = (375, 500)) -> Contest:
    """The pipeline of ``configs/deacl`` on one core, beside PIL and floats as in torchvision's examples."""
    images = settings.batch_size or images
    folder = tempfile.TemporaryDirectory(prefix='jpegs')
    paths = write_jpegs(Path(folder.name), images, size, settings.seed)
    ours, floats = uint8_pipeline(paths, settings.device), float_pipeline(paths, settings.device)
    return Contest(
        images=images,
        # The folder lives as long as the runs.
        runs=dict(ours=lambda folder=folder: _on_one_core(ours), pil=lambda: _on_one_core(floats)),
    )


def uint8_pipeline(paths: list[str], device: str) -> Run:
    """Return the package's pipeline: OpenCV, uint8 to the device, normalised there."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        steps = Config.fromfile(find_config(_CONFIG)).train_dataloader.dataset.pipeline
        pipeline = Compose(steps)
        preprocessor = MODELS.build(NORMALISATION | dict(type='mmpretrain.ClsDataPreprocessor', to_rgb=True)).to(device)

    def run() -> Tensor:
        samples = [pipeline(dict(img_path=path, sample_idx=index)) for index, path in enumerate(paths)]
        return preprocessor(pseudo_collate(samples), True)['inputs']

    return run


def float_pipeline(paths: list[str], device: str) -> Run:
    """Return the same by PIL and torchvision: floats are normalised on the host and sent to the device."""
    mean, std = (torch.tensor(NORMALISATION[name]) / 255 for name in ('mean', 'std'))
    augment = transforms.Compose(
        [
            transforms.RandomResizedCrop(224, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )

    def load(path: str) -> Tensor:
        with Image.open(path) as image:
            return augment(image.convert('RGB'))

    return lambda: torch.stack([load(path) for path in paths]).to(device)


def write_jpegs(folder: Path, images: int, size: tuple[int, int], seed: int) -> list[str]:
    """Write random smooth images with a little noise, which compress like photographs."""
    rng, paths = np.random.default_rng(seed), []
    for index in range(images):
        coarse = rng.integers(0, 256, (12, 16, 3)).astype(np.float32)
        image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC) + rng.normal(0, 8, (*size, 3))
        paths.append(str(folder / f'{index}.jpg'))
        cv2.imwrite(paths[-1], image.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return paths


def _on_one_core(run: Run) -> None:
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        run()
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
