"""Which files a row reads, and what is in them: another image or label of the same name makes another record."""

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from mmssl_robust.datasets.places import info_of
from mmssl_robust.datasets.reading import FILE_KEYS
from mmssl_robust.datasets.tolerant import TolerantDataset
from mmssl_robust.utils.data_check import check_data_folders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.json_files import json_digest
from mmssl_robust.utils.wording import counted


def files_of(dataset: Mapping[str, Any], scope: str, max_images: int | None = None) -> str | None:
    """Say which images and labels a data set reads: how many, and a digest of names, contents and all else it knows.

    Args:
        dataset: Its config.
        scope: In which OpenMMLab looks for its types.
        max_images: See :class:`~mmssl_robust.datasets.tolerant.TolerantDataset`.

    Returns:
        Such as ``'16 images, digest 0123456789abcdef'``; None for images that are no files of their own, or not there.
    """
    try:
        check_data_folders(dataset)  # of CIFAR's the library says in words of its own that they are not there
        with DefaultScope.overwrite_default_scope(scope):
            read = TolerantDataset(copy.deepcopy(dataset), max_images=max_images)
    except UserError:  # whoever needs the images says so
        return None
    if not isinstance(info_of(read.dataset, read.indices[0]).get(FILE_KEYS[0]), str):
        return None
    root, digest = Path(dataset.get('data_root') or ''), hashlib.sha256()
    for index in read.indices:
        known = _known(info_of(read.dataset, index), root)
        digest.update(json.dumps([index, known], sort_keys=True, default=str).encode())
    return f'{counted(len(read.indices), "image")}, digest {digest.hexdigest()[:16]}'


def listed_files_of(dataset: Mapping[str, Any], scope: str) -> str | None:
    """Likewise of someone's own images, which are given as lists; None for published data sets, which are large."""
    inner = dataset
    while 'dataset' in inner:
        inner = inner['dataset']
    return files_of(inner, scope) if inner.get('type') == 'mmssl_robust.ListedDataset' else None


def files_of_image(dataset: Any, index: int, root: Path) -> str | None:
    """A digest of the same of one image.

    Args:
        dataset: The data set, built.
        index: Of the image in it.
        root: Below which files are named.
    """
    info = info_of(dataset, index)
    return json_digest(_known(info, root))[:16] if isinstance(info.get(FILE_KEYS[0]), str) else None


def _known(info: Mapping[str, Any], root: Path) -> dict[str, Any]:
    known = {key: value for key, value in info.items() if key != 'sample_idx'}
    return known | {key: _file(Path(known[key]), root) for key in FILE_KEYS if known.get(key)}


def _file(path: Path, root: Path) -> tuple[str, str | None]:
    name = path.relative_to(root) if path.is_relative_to(root) else path
    return name.as_posix(), sha256(path) if path.is_file() else None


def name_below(path: str | None, root: Path) -> str:
    """A path from the data root on, the same on every machine; elsewhere the name alone, empty for none."""
    if not path:
        return ''
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else Path(path).name
