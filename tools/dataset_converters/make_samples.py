"""Choose the photographs that ship with the package, evenly spaced over each set, and copy them unchanged.

Example:
    python tools/dataset_converters/make_samples.py data mmssl_robust/assets/samples
"""

from mmssl_robust.utils.startup import one_line_errors

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError


@dataclass(frozen=True)
class Source:
    """Images of one split, how many to take, and where the annotation of each lies."""

    images: str
    count: int
    annotations: str | None = None


SOURCES = (
    Source('camvid/images/train', 6, 'camvid/annotations/train'),
    Source('camvid/images/test', 12, 'camvid/annotations/test'),
    Source('hololens/images/train', 4, 'hololens/depths/train'),
    Source('hololens/images/test', 12, 'hololens/depths/test'),
)
PER_CLASS = {'cifar10/train': 6, 'cifar10/test': 10}


def all_sources(data_root: Path) -> Iterator[Source]:
    yield from SOURCES
    for split, count in PER_CLASS.items():
        for folder in sorted((data_root / split).iterdir()):
            yield Source(f'{split}/{folder.name}', count)


def chosen_files(data_root: Path, source: Source) -> Iterator[Path]:
    images = sorted((data_root / source.images).glob('*.jpg'))
    if len(images) < source.count:
        raise UserError(f'{data_root / source.images} holds {len(images)} images: {source.count} are needed')
    for index in range(source.count):
        image = images[index * len(images) // source.count]
        yield image
        if source.annotations:
            yield data_root / source.annotations / f'{image.stem}.png'


@one_line_errors
def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument('data_root', type=Path, help='folder that holds cifar10, camvid and hololens')
    parser.add_argument('out', type=Path, help='folder to write to, in the same layout')
    args = parser.parse_args()
    files = [file for source in all_sources(args.data_root) for file in chosen_files(args.data_root, source)]
    for file in files:
        target = args.out / file.relative_to(args.data_root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    print(f'{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.2f} MB, in {args.out}')


if __name__ == '__main__':
    main()
