"""Compute a teacher's features once, for distillation into a small encoder.

Example:
    DATA_ROOT=data python tools/extract_teacher_features.py configs/distillation/distill_mini.py
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import ConfigDict
from rich.progress import track

from mmssl_robust.datasets.teacher_features import write_teacher_features
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.arguments import Parser, integer
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import initialise


class Crops:
    """A fixed, reproducible list of square images: whole pictures and random crops.

    Args:
        sources: Each ``dict(glob=..., views=1, limit=None, min_side=1.0)``: files,
            views of each, how many files at most (evenly spread), and the
            smallest crop as a share of the short side.
        root: Folder that the globs start from.
        size: Side of the crop after resizing.
        seed: Seed of the crops.
    """

    def __init__(self, sources: list[dict], root: Path, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.items: list[tuple[Path, float]] = []
        for source in sources:
            files = sorted(root.glob(source['glob']))
            if not files:
                raise UserError(f'no image matches {root / source["glob"]}: set DATA_ROOT to the data folder')
            limit = min(source.get('limit') or len(files), len(files))
            files = [files[i] for i in np.linspace(0, len(files) - 1, limit).astype(int)]
            self.items += [(file, source.get('min_side', 1.0)) for file in files for _ in range(source.get('views', 1))]

    def __call__(self, index: int) -> np.ndarray:
        """Return crop ``index`` as (size, size, 3) uint8 RGB."""
        file, min_side = self.items[index]
        image = cv2.imread(str(file))
        if image is None:
            raise UserError(f'cannot read the image {file}')
        rng = np.random.default_rng((self.seed, index))
        height, width = image.shape[:2]
        side = round(min(height, width) * rng.uniform(min_side, 1.0))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = image[top : top + side, left : left + side]
        method = cv2.INTER_AREA if side > self.size else cv2.INTER_CUBIC
        return cv2.cvtColor(cv2.resize(crop, (self.size, self.size), interpolation=method), cv2.COLOR_BGR2RGB)


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('config', help='config with an `extraction` section')
    parser.add_argument('--batch-size', type=integer(1), default=64)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    args = parse_args()
    cfg = read_config(find_config(args.config))
    if 'extraction' not in cfg:
        raise UserError(f'{args.config} has no extraction section: give a config of distillation')
    with config_errors(cfg, args.config, ('extraction',)):
        extract(cfg.extraction, args)


def extract(settings: ConfigDict, args: argparse.Namespace) -> None:
    crops = Crops(settings.sources, Path(settings.data_root), settings.teacher_size, settings.seed)
    teacher = MODELS.build(settings.teacher)
    initialise(teacher)
    teacher.eval().to(args.device)
    mean, std = (torch.tensor(settings[name], device=args.device).view(3, 1, 1) for name in ('mean', 'std'))

    @torch.inference_mode()
    def encode(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ((patches, cls),) = teacher((pixels.to(args.device) - mean) / std)
        return cls, patches

    total = len(crops.items)
    batches = write_teacher_features(Path(settings.out), crops, total, encode, settings.student_size, args.batch_size)
    for done in track(batches, total=-(-total // args.batch_size), description=f'{total} images'):
        if done == total:
            print(f'features of {total} images in {settings.out}')


if __name__ == '__main__':
    main()
