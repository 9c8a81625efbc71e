"""Write the configs of every encoder on every data set, their metafiles and the tables of their READMEs.

An encoder is a file of configs/_base_/models that sets `encoder` and begins with `# ITS NAME,`. A data set is a file of
configs/_base_/tasks and a line below. Epochs, batch sizes and optimisers are read from these files.

Examples, in a checkout:
    python tools/make_configs.py            # after an encoder or a data set was added
    python tools/make_configs.py --check    # changes nothing, names the files that it would change
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

import yaml
from mmengine.config import Config

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError

# Files of configs/_base_/tasks, with what their data is called. Their configs are named ENCODER_FILE.
DATA_SETS = {
    'cifar10': 'CIFAR-10',
    'cifar100': 'CIFAR-100',
    'stl10': 'STL-10',
    'ade20k': 'ADE20K',
    'cityscapes': 'Cityscapes',
    'voc2012': 'PASCAL VOC 2012',
    'nyu': 'NYU-Depth-v2',
}
# The encoders for a laptop have small data sets of their own: file of the task -> end of the config's name, data.
MINI_DATA_SETS = {
    'cifar10_64px': ('cifar10', 'CIFAR-10'),
    'camvid': ('camvid', 'CamVid'),
    'nyu_160x120': ('nyu', 'NYU-Depth-v2'),
    'hololens': ('hololens', 'HoloLens'),
}
SMALL_DATA_SETS = {
    'cifar10_jpeg_112px': ('112px_cifar10', 'CIFAR-10'),
    'cifar10_jpeg_224px': ('224px_cifar10', 'CIFAR-10'),
    'camvid': ('camvid', 'CamVid'),
    'nyu_160x120': ('nyu', 'NYU-Depth-v2'),
}
# File of the encoder -> begin of the config's name, data sets.
LAPTOP = {
    'mini_vit': ('mini', MINI_DATA_SETS),
    'mini_wide_vit': ('mini_wide', MINI_DATA_SETS),
    'small_vit': ('small', SMALL_DATA_SETS),
}
# The paper's encoders come first.
PAPER = ['dinov2_vits14', 'dinov2_vitb14', 'dino_vitb16', 'deacl_vitb16']

# In which folder of configs/ a model's configs are.
FOLDERS = {
    'ImageClassifier': 'classification',
    'EncoderDecoder': 'segmentation',
    'mmssl_robust.DepthEstimator': 'depth',
}

CLS_CLASSIFIER = """\
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    head=dict(in_channels={{_base_.embed_dims}}),
)
"""
POOLED_CLASSIFIER = """\
model = dict(
    data_preprocessor=dict(pad_size_divisor={{_base_.patch_size}}),
    backbone={{_base_.encoder}},
    neck=dict(type='GlobalAveragePooling'),
    head=dict(in_channels={{_base_.embed_dims}}),
)
"""
DENSE_ON_CROPS = """\
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
"""
DENSE = """\
model = dict(
    data_preprocessor=dict(size_divisor={{_base_.patch_size}}, test_cfg=dict(size_divisor={{_base_.patch_size}})),
    backbone={{_base_.encoder}},
    decode_head=dict(in_channels={{_base_.embed_dims}}),
)
"""
# What an encoder by name adds, whose images have a mean and a standard deviation of their own.
COLOURS = ['mean={{_base_.mean}}', 'std={{_base_.std}}']
PREPROCESSOR = re.compile(r'data_preprocessor=dict\((.*)\),')
COLLECTION = """\
# Written by tools/make_configs.py from configs/_base_/tasks and configs/_base_/models.
Collections:
  - Name: Linear {folder}
    Metadata:
      Training Techniques: [{optimizers}, Frozen encoder]
      Architecture: [{architectures}]
    README: configs/{folder}/README.md
Models:
"""
MODEL = """\
  - Name: {name}
    In Collection: Linear {folder}
    Config: configs/{folder}/{name}.py
    Metadata:
      Epochs: {epochs}
      Batch Size: {batch_size}
      Training Data: [{data}]
"""
ORIGIN = """\
      Encoder License: {licence}
      Encoder URL: {url}
"""
TABLE = re.compile(r'^\| encoder \|.*\n(?:\|.*\n)+', re.M)


class Run(NamedTuple):
    """An encoder on a data set: a config."""

    name: str
    task: Config
    encoder: Config
    data: str

    @property
    def folder(self) -> str:
        """Where it is, below ``configs``."""
        return FOLDERS[self.task.model.type]


def read(folder: Path) -> dict[str, Config]:
    """The configs of a folder by their files' names."""
    # Nothing here depends on where data and weights are.
    return {path.stem: Config.fromfile(path, use_environment_variables=False) for path in folder.glob('*.py')}


def file(cfg: Config) -> Path:
    return Path(cfg.filename)


def make_runs(configs: Path) -> list[Run]:
    """All that have a config, in the order of the metafiles."""
    tasks = read(configs / '_base_/tasks')
    if lonely := sorted(tasks.keys() ^ (DATA_SETS.keys() | MINI_DATA_SETS.keys() | SMALL_DATA_SETS.keys())):
        raise UserError(f'{", ".join(lonely)}: give it both a file in _base_/tasks and a line in tools/make_configs.py')
    encoders = {name: cfg for name, cfg in read(configs / '_base_/models').items() if 'encoder' in cfg}
    laptop = [
        Run(f'{name}_{short}', tasks[task], encoders[encoder], data)
        for encoder, (name, data_sets) in LAPTOP.items()
        for task, (short, data) in data_sets.items()
    ]
    names = [*PAPER, *sorted(encoders.keys() - {*PAPER, *LAPTOP})]
    return laptop + [
        Run(f'{name}_{task}', tasks[task], encoders[name], data) for task, data in DATA_SETS.items() for name in names
    ]


def config_text(run: Run) -> str:
    """The config of a run: its two bases, and the head and padding that follow from them."""
    bases = [f'../_base_/tasks/{file(run.task).name}', f'../_base_/models/{file(run.encoder).name}']
    return f'_base_ = {bases}\n{body(run)}'


def body(run: Run) -> str:
    """What a config sets besides its bases."""
    text = head_and_padding(run)
    return PREPROCESSOR.sub(with_colours, text) if 'mean' in run.encoder else text


def with_colours(found: re.Match[str]) -> str:
    """The data preprocessor with the encoder's mean and standard deviation, a line each."""
    lines = ''.join(f'        {setting},\n' for setting in [*COLOURS, *found[1].split(', ')])
    return f'data_preprocessor=dict(\n{lines}    ),'


def head_and_padding(run: Run) -> str:
    """What a config sets of the model."""
    if run.folder == 'classification':
        # An encoder without the settings of a ViT has no CLS token.
        return POOLED_CLASSIFIER if '_delete_' in run.encoder.encoder else CLS_CLASSIFIER
    # Crops have one size; whole images are padded to whole patches, as those of a pipeline of one's own are above.
    return DENSE_ON_CROPS if 'size' in run.task.model.data_preprocessor else DENSE


def metafile(runs: list[Run], measured: Mapping[str, Any]) -> str:
    """The metafile of the runs of one folder, with what was measured of them."""
    head = COLLECTION.format(
        folder=runs[0].folder,
        optimizers=', '.join(dict.fromkeys(run.task.optim_wrapper.optimizer.type for run in runs)),
        architectures=', '.join(dict.fromkeys(architecture(run) for run in runs)),
    )
    return head + ''.join(model_entry(run) + results(measured.get(run.name)) for run in runs)


def architecture(run: Run) -> str:
    if 'architecture' in run.encoder:  # of an encoder by name
        return run.encoder.architecture
    name = run.encoder.encoder.type.rpartition('.')[2]
    return 'ViT' if name == 'DINOVisionTransformer' else name


def model_entry(run: Run) -> str:
    return MODEL.format(
        name=run.name,
        folder=run.folder,
        epochs=run.task.train_cfg.max_epochs,
        batch_size=run.task.train_dataloader.batch_size,
        data=run.data,
    ) + (ORIGIN.format(licence=run.encoder.licence, url=run.encoder.url) if 'licence' in run.encoder else '')


def results(measured: Mapping[str, Any] | None) -> str:
    """Results and weights of a model as its entry has them; nothing of one that nobody has run."""
    return indent(yaml.safe_dump(measured, sort_keys=False), ' ' * 4) if measured else ''


def with_table(readme: str, runs: list[Run]) -> str:
    """The text of a README with the table of the runs of its folder, encoders by data sets."""
    runs = [run for run in runs if file(run.encoder).stem not in LAPTOP]
    columns = ['encoder', *dict.fromkeys(run.data for run in runs)]
    rows: dict[Path, list[str]] = {}
    for run in runs:
        rows.setdefault(file(run.encoder), [title(run)]).append(f'[`{run.name}`]({run.name}.py)')
    head, *lines = (f'| {" | ".join(cells)} |\n' for cells in (columns, *rows.values()))
    table = ''.join([head, '|---' * len(columns) + '|\n', *lines])
    return TABLE.sub(lambda _: table, readme)


def title(run: Run) -> str:
    """An encoder's name, by the first line of its file."""
    found = re.match('# (.+?),', file(run.encoder).read_text())
    if not found:
        raise UserError(f'{file(run.encoder)}: begin it with `# NAME OF THE ENCODER, `')
    return found[1]


def wanted_files(configs: Path) -> dict[Path, str]:
    """What the files are to be."""
    runs = make_runs(configs)
    measured = yaml.safe_load((configs / '_base_/measured.yml').read_text())
    files = {configs / run.folder / f'{run.name}.py': config_text(run) for run in runs}
    for name in FOLDERS.values():
        folder, own = configs / name, [run for run in runs if run.folder == name]
        files[folder / 'metafile.yml'] = metafile(own, measured)
        files[folder / 'README.md'] = with_table((folder / 'README.md').read_text(), own)
    return files


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='change nothing; exit with 2 if something would change')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    args = parse_args()
    root = Path(__file__).resolve().parents[1]
    if not (root / 'setup.py').is_file():
        raise UserError(f'{root} is no checkout: run tools/make_configs.py in a clone of the repository')
    files = wanted_files(root / 'configs')
    drifted = [path for path, text in files.items() if not path.is_file() or path.read_text() != text]
    for path in drifted:
        print(path.relative_to(root))
        if not args.check:
            path.write_text(files[path])
    if args.check and drifted:
        raise UserError(f'{len(drifted)} files drifted from configs/_base_: run `python tools/make_configs.py`')
    folders = [root / 'configs' / name for name in FOLDERS.values()]
    if stray := [str(path) for folder in folders for path in folder.glob('*.py') if path not in files]:
        raise UserError(f'{", ".join(stray)}: no encoder and data set have it: delete it or move it elsewhere')


if __name__ == '__main__':
    main()
