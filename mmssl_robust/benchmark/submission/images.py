"""The images of a row: named and hashed when it is packed, found again in another copy of the data."""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from torch.utils.data import Dataset

from mmssl_robust.datasets.folders import IMAGES
from mmssl_robust.datasets.places import info_of
from mmssl_robust.datasets.reading import FILE_KEYS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

IMAGE = FILE_KEYS[0]
Entry = dict[str, Any]
"""``index`` in the data set; ``files``: key -> ``path`` and ``sha256``; ``info``: what else the data set knows."""


def entries_of(dataset: Any, indices: Iterable[int], root: Path) -> list[Entry]:
    """Say which images these are.

    Args:
        dataset: The data set.
        indices: Which of its samples.
        root: The data root, below which files are named; others from the folder on that they share.

    Raises:
        UserError: If an image is no file of its own.
    """
    infos = {index: dict(info_of(dataset, index)) for index in indices}
    if not all(info.get(IMAGE) for info in infos.values()):
        raise UserError(
            'the images of this data set are no files of their own, by which another copy could be compared: '
            '`mmssl-robust convert` makes files of CIFAR-10, CIFAR-100 and STL-10'
        )
    roots = {key: _root([info[key] for info in infos.values() if info.get(key)], root) for key in FILE_KEYS}
    return [_entry(index, info, roots) for index, info in infos.items()]


def digest_of(entries: Sequence[Entry]) -> str:
    """SHA-256 of images and ground truth, wherever they lie: the same for all who were evaluated on the same."""
    known = [
        [entry['index'], {key: file['sha256'] for key, file in entry['files'].items()}, entry['info']]
        for entry in entries
    ]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def by_word_alone(entries: Sequence[Entry]) -> tuple[list[str], bool]:
    """Compare labels of images with those of the others in their folders.

    Returns:
        Paths of images whose label is not that of their folder; whether folders are classes here at all, so that
        these are few.
    """
    labelled = [entry for entry in entries if isinstance(entry['info'].get('gt_label'), int)]
    folders: dict[str, Counter[int]] = defaultdict(Counter)
    for entry in labelled:
        folders[_folder(entry)][entry['info']['gt_label']] += 1
    usual = {folder: labels.most_common(1)[0][0] for folder, labels in folders.items()}
    odd = [entry['files'][IMAGE]['path'] for entry in labelled if entry['info']['gt_label'] != usual[_folder(entry)]]
    return odd, len(folders) > 1 and 5 * len(odd) < len(labelled) and len(set(usual.values())) == len(usual)


class Copy:
    """Someone's copy of the data.

    Args:
        roots: Folders of images and of their labels.

    Raises:
        UserError: If one is not there.

    Examples:
        >>> from mmssl_robust.benchmark.submission import Copy
        >>> from mmssl_robust.utils.assets import ASSETS
        >>> copy = Copy([f'{ASSETS}/samples/camvid'])
        >>> found = copy.named('elsewhere/images/test/0001TP_008550.jpg')  # as the submission calls it
        >>> found[0].relative_to(ASSETS).as_posix()
        'samples/camvid/images/test/0001TP_008550.jpg'
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = [Path(root).expanduser().resolve() for root in roots]
        for root in self.roots:
            if not root.is_dir():
                raise UserError(f'the folder {root} is not there: give your copy of the images, and of their labels')

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for root in self.roots:
            for folder, _, names in os.walk(root):
                for name in names:
                    found[name].append(Path(folder) / name)
        return found

    def named(self, path: str) -> list[Path]:
        """Files of the name, those first whose folders are called the same."""
        wanted = PurePosixPath(path).parts
        return sorted(self._by_name.get(wanted[-1], []), key=lambda file: -_shared(file.parts, wanted))

    def find(self, file: Mapping[str, str]) -> Path | None:
        """The file of a path and a hash; None if there is none."""
        return next((found for found in self.named(file['path']) if sha256(found) == file['sha256']), None)

    def missing(self, entry: Entry) -> list[str]:
        """Paths of those files of an image of whose name there is none."""
        return [file['path'] for file in entry['files'].values() if not self.named(file['path'])]

    def found(self, entry: Entry) -> dict[str, Any] | None:
        """What a pipeline begins with, of an image whose files are all there and the same; else None."""
        files = {key: self.find(file) for key, file in entry['files'].items()}
        if not all(files.values()):
            return None
        return {key: str(file) for key, file in files.items()} | _info(entry)

    def images_beside(self, entries: Sequence[Entry]) -> int:
        """How many images lie in the folders in which these are."""
        folders = {found[0].parent for entry in entries if (found := self.named(entry['files'][IMAGE]['path']))}
        return sum(path.suffix.lower() in IMAGES for folder in folders for path in folder.iterdir())


class FoundImages(Dataset):
    """Images of a copy as a data set of MMEngine gives them.

    Args:
        infos: What the pipeline begins with, of each.
        pipeline: Config of its transforms.
        metainfo: Of the data set.
        scope: In which their types are looked for.
    """

    def __init__(
        self, infos: Sequence[Mapping[str, Any]], pipeline: Sequence[Any], metainfo: Mapping[str, Any], scope: str
    ) -> None:
        self.infos, self.metainfo = infos, dict(metainfo)
        with DefaultScope.overwrite_default_scope(scope):
            self.pipeline = Compose(list(pipeline))

    def get_data_info(self, index: int) -> dict[str, Any]:
        """What is known of an image before it is read."""
        return dict(self.infos[index], sample_idx=index)

    def __len__(self) -> int:
        return len(self.infos)

    def __getitem__(self, index: int) -> Any:
        return self.pipeline(self.get_data_info(index))


def _entry(index: int, info: Mapping[str, Any], roots: Mapping[str, Path]) -> Entry:
    files = {}
    for key in (key for key in FILE_KEYS if info.get(key)):
        path = Path(info[key]).resolve()
        if not path.is_file():
            raise UserError(f'{info[key]} is not there: pack where the images are')
        files[key] = dict(path=path.relative_to(roots[key]).as_posix(), sha256=sha256(path))
    rest = {key: value for key, value in info.items() if key not in (*FILE_KEYS, 'sample_idx')}
    return dict(index=index, files=files, info=json.loads(json.dumps(rest, default=_number)))


def _info(entry: Entry) -> dict[str, Any]:
    """What else is known, of which JSON has made the numbers of labels strings."""
    info = dict(entry['info'])
    if isinstance(info.get('label_map'), dict):
        info['label_map'] = {int(old): new for old, new in info['label_map'].items()}
    return info


def _number(value: Any) -> Any:
    if hasattr(value, 'tolist'):  # of NumPy or PyTorch
        return value.tolist()
    raise UserError(f'the data set says {value!r} of an image, which no file can hold: leave it out to pack the row')


def _root(paths: Sequence[str], root: Path) -> Path:
    """The folder from which files are named."""
    places = [Path(path).resolve() for path in paths]
    root = root.resolve()
    if not places or all(place.is_relative_to(root) for place in places):
        return root
    return Path(os.path.commonpath([place.parent for place in places]))


def _folder(entry: Entry) -> str:
    return str(PurePosixPath(entry['files'][IMAGE]['path']).parent)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the last parts of two paths are the same."""
    pairs = zip(reversed(one), reversed(other))
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
