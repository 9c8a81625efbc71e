"""Data sets out of anyone's folders: what is an image, what belongs to it, what is for training."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.file_backend import is_no_data
from mmssl_robust.utils.wording import counted

IMAGES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')
_UNREAD = (
    '.gif',
    '.heic',
    '.heif',
    '.avif',
    '.jfif',
    '.jp2',
    '.jxl',
    '.dng',
    '.cr2',
    '.cr3',
    '.nef',
    '.arw',
    '.raw',
    '.svg',
)
"""Endings of images that nothing here reads."""
LABELS = ('.png', '.npy', '.tif', '.tiff', '.pgm', '.bmp')
_TRAIN = ('train', 'training')
_TEST = ('test', 'testing', 'val', 'valid', 'validation')
_TEST_SHARE = 0.3
_TRIED = 20  # images by whose names those of labels are understood
_SHOWN = 3  # files that a message names

Entry = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What was found in folders.

    Attributes:
        root: The folder of the images, absolute.
        test: Samples to evaluate: ``img_path`` below ``root``, and what the task wants.
        train: Samples for a head.
        prefixes: Key of a path -> the folder below which it is.
        labels: Of label maps, those in the files by the class that they are; others do not count.
        metainfo: ``classes``, ``palette``, thresholds.
        notes: What a person should know of how it was understood.
    """

    root: Path
    test: list[Entry]
    train: list[Entry] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=lambda: dict(img_path=''))
    labels: tuple[int, ...] = ()
    metainfo: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def noted(self, *notes: str) -> 'Found':
        """The same with more to know."""
        return replace(self, notes=(*self.notes, *notes))


def photographs(folder: str | os.PathLike[str]) -> Found:
    """Find images without labels, in a folder and all that are in it.

    Raises:
        UserError: If there are none.
    """
    root = _folder(folder)
    return Found(root, [dict(img_path=name) for name in files_in(root, IMAGES)], notes=_unread(root))


def class_folders(folder: str | os.PathLike[str], classes: Sequence[str] | None = None, seed: int = 0) -> Found:
    """Find images in a folder for each class; below ``train`` and ``test`` (or ``val``) where there are such.

    Args:
        folder: The folder.
        classes: Those to take, in this order; None for all, by name.
        seed: Of the split into training and test images, class by class, where the folders do not say it.

    Raises:
        UserError: If there are fewer than two classes, or a class has no image for training or none for testing.
    """
    root = _folder(folder)
    train, test = _split_folders(root)
    parts = {part: _by_class(root / part if part else root) for part in dict.fromkeys((train, test))}
    names = list(classes or sorted(set().union(*parts.values())))
    if len(names) < 2:
        raise UserError(
            f'{root} has {len(names)} folder with images: classification needs a folder for each of at least two '
            'classes, with its images in it'
        )
    for name in names:
        for part, found in parts.items():
            if name not in found:
                known = ', '.join(sorted(found)) or 'none'
                raise UserError(f'the class {name!r} has no image in {root / part}: there are {known}')
    notes = _unread(root)
    entries = {part: _labelled(found, names, part) for part, found in parts.items()}
    if train != test:
        chosen = Found(root, entries[test], entries[train], notes=notes)
    else:
        kept, tested = _stratified(entries[train], seed)
        note = f'no folders train and test: {len(kept)} images train the head, {len(tested)} others are evaluated'
        chosen = Found(root, tested, kept, notes=(note, *notes))
    return replace(chosen, metainfo=dict(classes=names))


def pairs(images: str | os.PathLike[str], labels: str | os.PathLike[str], key: str, seed: int = 0) -> Found:
    """Find images with a label map or depth map each, which has the image's name but for its ending.

    Args:
        images: Folder of the images.
        labels: Folder of the maps; names may have an ending of their own that all share, such as ``_mask``.
        key: ``'seg_map_path'`` or ``'depth_map_path'``.
        seed: Of the split into training and test images, where no folders ``train`` and ``test`` say it.

    Raises:
        UserError: If there are no images, or no map belongs to any, or there are too few.
    """
    root, other = _folder(images), _folder(labels)
    names = files_in(root, IMAGES)
    if root == other:
        raise UserError(f'images and labels are in one folder, {root}: give the labels one of their own')
    found, alone = _paired(names, files_in(other, LABELS), root, other)
    entries = [{'img_path': image, key: label} for image, label in found.items()]
    train, test = _split_folders(root)
    if train != test:
        kept = [entry for entry in entries if entry['img_path'].startswith(f'{train}/')]
        tested = [entry for entry in entries if entry['img_path'].startswith(f'{test}/')]
        notes: list[str] = []
    else:
        kept, tested = _split(entries, seed)
        notes = [f'no folders train and test: {len(kept)} images train the head, {len(tested)} others are evaluated']
    if not kept or not tested:
        raise UserError(f'{root} has {len(kept)} labelled images for training and {len(tested)} to evaluate: add some')
    if alone:
        notes.append(f'{len(alone)} images without a label in {other} are left out: {shown(alone)}')
    return Found(root, tested, kept, {'img_path': '', key: str(other)}, notes=(*notes, *_unread(root)))


def files_in(root: Path, suffixes: Sequence[str]) -> list[str]:
    """Paths below a folder of the files with certain endings, sorted; hidden files and folders are left out.

    Raises:
        UserError: If there are none, or a name is none that a record can hold.
    """
    names = sorted(path.relative_to(root).as_posix() for path in _walk(root) if path.suffix.lower() in suffixes)
    if not names:
        raise UserError(f'no file in {root} ends in {", ".join(suffixes)}: give the folder that holds them')
    for name in names:
        if any('\ud800' <= letter <= '\udfff' for letter in name):  # bytes that are no text
            raise UserError(f'the name {name!r} of a file in {root} is no UTF-8: give it another one')
    return names


def _unread(root: Path) -> tuple[str, ...]:
    """A note of images that are left out because their kind is not read."""
    names = sorted(path.relative_to(root).as_posix() for path in _walk(root) if path.suffix.lower() in _UNREAD)
    if not names:
        return ()
    return (f'{counted(len(names), "file")} of a kind that is not read left out, {shown(names)}: convert them to PNG',)


def shown(names: Iterable[str]) -> str:
    """Some names, for a message."""
    names = list(names)
    return ', '.join(names[:_SHOWN]) + (', ...' if len(names) > _SHOWN else '')


def _walk(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if is_no_data(path.name):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _folder(path: str | os.PathLike[str]) -> Path:
    try:
        folder = Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link that leads to itself, a home that is not known
        raise UserError(f'the folder {path} cannot be looked into ({first_line(error)}): give another one') from error
    if not folder.is_dir():
        what = 'is a file' if folder.exists() else 'is not there'
        raise UserError(f'the folder {path} {what}: give the folder that holds the images or their labels')
    return folder


def _split_folders(root: Path) -> tuple[str, str]:
    """Folders of training and test images below one, both empty where there are no such."""
    below = {path.name.lower(): path.name for path in root.iterdir() if path.is_dir()}
    train = next((below[name] for name in _TRAIN if name in below), '')
    test = next((below[name] for name in _TEST if name in below), '')
    return (train, test) if train and test else ('', '')


def _by_class(root: Path) -> dict[str, list[str]]:
    """Class -> paths of its images below the folder that holds its own."""
    found: dict[str, list[str]] = {}
    for name in files_in(root, IMAGES):
        label, slash, _ = name.partition('/')
        if slash:
            found.setdefault(label, []).append(name)
    return found


def _labelled(found: Mapping[str, list[str]], classes: Sequence[str], part: str) -> list[Entry]:
    return [
        dict(img_path=str(PurePosixPath(part, name)), gt_label=label)
        for label, kind in enumerate(classes)
        for name in found[kind]
    ]


def _stratified(entries: Sequence[Entry], seed: int) -> tuple[list[Entry], list[Entry]]:
    kept: list[Entry] = []
    tested: list[Entry] = []
    for label in sorted({entry['gt_label'] for entry in entries}):
        own = [entry for entry in entries if entry['gt_label'] == label]
        if len(own) < 2:
            raise UserError(
                f'{own[0]["img_path"]} is the only image of its class: each needs one to train and one to test'
            )
        for whole, part in zip((kept, tested), _split(own, seed), strict=True):
            whole += part
    return kept, tested


def _split(entries: Sequence[Entry], seed: int) -> tuple[list[Entry], list[Entry]]:
    """Training and test samples, by a seed; both in the order that they have."""
    wanted = min(max(round(_TEST_SHARE * len(entries)), 1), len(entries) - 1)
    tested = set(np.random.default_rng(seed).permutation(len(entries))[: max(wanted, 0)].tolist())
    kept = [entry for place, entry in enumerate(entries) if place not in tested]
    return kept, [entries[place] for place in sorted(tested)]


def _paired(names: Sequence[str], labels: Sequence[str], root: Path, other: Path) -> tuple[dict[str, str], list[str]]:
    """Image -> its label, and images without."""
    by_stem: dict[str, list[str]] = {}
    for label in labels:
        by_stem.setdefault(_stem(label), []).append(label)
    by_name = {PurePosixPath(stem).name: found for stem, found in by_stem.items()}
    tails = _tails(names, labels)
    found, alone = {}, []
    for name in names:
        stem = _stem(name)
        short = PurePosixPath(stem).name
        beside = next((by_stem[stem + tail] for tail in tails if stem + tail in by_stem), None)
        own = beside or next((by_name[short + tail] for tail in tails if short + tail in by_name), [])
        if len(own) > 1:
            raise UserError(f'{root / name} has several labels in {other}: {shown(own)}: keep one')
        if own:
            found[name] = own[0]
        else:
            alone.append(name)
    if not found:
        raise UserError(
            f'no file in {other} belongs to an image of {root}: the label of {names[0]} would be called '
            f'{PurePosixPath(_stem(names[0])).name}.png, there is {labels[0]}'
        )
    return found, alone


def _tails(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What labels may have behind the names of their images: nothing, or what those of some images have."""
    tails: dict[str, None] = {'': None}
    for name in names[:_TRIED]:
        stem = PurePosixPath(_stem(name)).name
        own = (PurePosixPath(_stem(label)).name for label in labels)
        # Behind a digit or letter begins another name: 1 is not the image of 10.
        tails |= dict.fromkeys(label[len(stem) :] for label in own if re.match(re.escape(stem) + r'[\W_]', label))
    return sorted(tails, key=len)


def _stem(name: str) -> str:
    return name[: -len(PurePosixPath(name).suffix)]
