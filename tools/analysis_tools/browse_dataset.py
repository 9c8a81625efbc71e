"""Draw what a config's pipeline makes of its data: images as the encoder sees them, beside their annotations.

Example:
    python tools/analysis_tools/browse_dataset.py configs/segmentation/mini_camvid.py --number 12 --out pictures
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmssl_robust.datasets import seed_generators
from mmssl_robust.datasets.reading import read_sample
from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.arguments import Parser, integer
from mmssl_robust.utils.cfg_options import Options
from mmssl_robust.utils.cli import load_config
from mmssl_robust.utils.config_errors import config_errors
from mmssl_robust.utils.data_check import check_data_folders, named_data_errors
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import whole_file
from mmssl_robust.visualization.images import colour_labels, colour_numbers, palette_for

COLUMNS = 4
WIDTH = 3.0  # inches of a picture


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('config', help='path of the config file')
    parser.add_argument('--split', choices=('train', 'test'), default='train')
    parser.add_argument('--number', type=integer(1), default=8, help='images, evenly spread over the data set')
    parser.add_argument('--out', type=Path, help='picture to write; default work_dirs/CONFIG_NAME/SPLIT.png')
    parser.add_argument('--seed', type=integer(0), default=0, help='of the augmentation')
    parser.add_argument('--cfg-options', nargs='+', action=Options, default={}, metavar='KEY=VALUE')
    args = parser.parse_args()
    return argparse.Namespace(**vars(args), launcher='none', work_dir=None, local_rank=0)


def samples_of(cfg: Config, args: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Samples as the data loader would give them, and what the data set says of itself."""
    loader = cfg.get(f'{args.split}_dataloader')
    if not loader:
        raise UserError(f'{args.config} has no {args.split}_dataloader')
    check_data_folders(loader.dataset)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    with named_data_errors(loader.dataset.get('data_root') or args.config):
        dataset = DATASETS.build(loader.dataset)
    samples = []
    for index in spread(len(dataset), args.number):
        seed_generators(args.seed, index)
        samples.append(read_sample(dataset, index))
    return samples, dataset.metainfo


def as_rgb(inputs: Any, cfg: Config) -> np.ndarray:
    """An image (H, W, 3) in the order that the model's preprocessor turns it into."""
    if isinstance(inputs, (list, tuple)):  # several views
        inputs = inputs[0]
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    swapped = preprocessor.get('to_rgb') or preprocessor.get('bgr_to_rgb')
    image = inputs.permute(1, 2, 0).numpy()
    return image[..., ::-1] if swapped else image


def pictures_of(sample: dict[str, Any], cfg: Config, metainfo: dict[str, Any]) -> list[tuple[str, np.ndarray]]:
    """Title and picture of the image, and of its annotation where that is a map."""
    image, annotation = as_rgb(sample['inputs'], cfg), sample['data_samples']
    size = f'{image.shape[1]} x {image.shape[0]}'
    if 'gt_label' in annotation:
        classes, label = metainfo.get('classes'), int(annotation.gt_label)
        return [(f'{classes[label] if classes else label}, {size}', image)]
    if 'gt_sem_seg' in annotation:
        labels = annotation.gt_sem_seg.data.squeeze(0).numpy().astype(int)
        palette = palette_for(metainfo['classes'], metainfo.get('palette'))
        return [(size, image), (f'{len(np.unique(labels[labels != 255]))} classes', colour_labels(labels, palette))]
    if 'gt_depth_map' in annotation:
        depth = annotation.gt_depth_map.data.squeeze(0).numpy()
        known = depth[depth > 0]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        painted = colour_numbers(np.ma.masked_where(depth <= 0, depth), low, high)
        return [(size, image), (f'{low:.2f} to {high:.2f} m, {known.size / depth.size:.0%} known', painted)]
    return [(size, image)]


def draw(pictures: list[list[tuple[str, np.ndarray]]]) -> Figure:
    """All samples, a few in a row, each beside its annotation."""
    each = max(map(len, pictures))
    columns = max(COLUMNS // each, 1)
    rows = -(-len(pictures) // columns)
    aspect = max(picture.shape[0] / picture.shape[1] for sample in pictures for _, picture in sample)
    figure = Figure(figsize=(WIDTH * columns * each, (WIDTH * aspect + 0.4) * rows), layout='constrained', dpi=100)
    axes = figure.subplots(rows, columns * each, squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for number, sample in enumerate(pictures):
        row, column = divmod(number, columns)
        for offset, (title, picture) in enumerate(sample):
            axis = axes[row, column * each + offset]
            axis.imshow(picture, interpolation='nearest')
            axis.set_title(title, fontsize=9)
    return figure


@one_line_errors
def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    with config_errors(cfg, args.config, (f'{args.split}_dataloader',)):
        share_thresholds(cfg)
        samples, metainfo = samples_of(cfg, args)
        pictures = [pictures_of(sample, cfg, metainfo) for sample in samples]
    out = args.out or Path('work_dirs') / Path(args.config).stem / f'{args.split}.png'
    if out.suffix.lower() not in ('.png', '.pdf', '.jpg'):
        raise UserError(f'cannot write {out}: a picture ends in .png, .jpg or .pdf')
    figure = draw(pictures)
    with whole_file(out) as partial:
        figure.savefig(partial, format=out.suffix[1:].lower())
    print(out)


if __name__ == '__main__':
    main()
