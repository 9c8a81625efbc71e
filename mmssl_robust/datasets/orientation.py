"""EXIF's orientation: how an image is turned before it is shown, and whether its annotation is too."""

import os
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmssl_robust.utils.errors import UserError

_TAG = 274
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}


def orientation(image: Image.Image) -> int:
    """EXIF's orientation of an opened image, 1 to 8; 1 where none is given, as where it is none of them."""
    if image.format == 'PNG':  # Pillow would decode the whole image in search of it
        exif = Image.Exif()
        exif.load(image.info.get('exif', b''))
    else:
        exif = image.getexif()
    tag = exif.get(_TAG, 1)
    return tag if tag in _TURNS else 1


def turned(stored: np.ndarray, tag: int) -> np.ndarray:
    """Return an array (H, W, ...) as it is to be shown; its sides are swapped by the orientations 5 to 8."""
    return np.ascontiguousarray(_TURNS[tag](stored)) if tag in _TURNS else stored


def beside_its_image(
    stored: np.ndarray, path: str, image_path: str, image_size: tuple[int, ...], turn: bool | None
) -> np.ndarray:
    """Bring an annotation without an orientation of its own into that of its image, which OpenCV has turned.

    Some tools label what is shown, others what is stored. The sizes tell which where the sides are swapped.

    Args:
        stored: The annotation (H, W).
        path: Its file, for messages.
        image_path: The image's file.
        image_size: Height and width of the image as it was loaded.
        turn: Whether to turn the annotation as the image is; None: where the sizes tell.

    Raises:
        UserError: If that cannot be known, or the sizes differ; names both files.
    """
    height, width = image_size[:2]
    tag, kept = _tag_of(image_path, (width, height))
    if tag > 1 and turn is None:
        if tag < 5 or height == width:
            raise UserError(
                f'{image_path} is turned by its EXIF orientation {tag}; whether {path} belongs to it as shown or as '
                'stored cannot be known: give the loader turn=False or turn=True, or save the image without orientation'
            )
        turn = stored.shape[:2] == (width, height) and not kept
    annotation = turned(stored, tag) if turn else stored
    check_size(annotation, path, image_path, image_size)
    return annotation


def _tag_of(path: str, size: tuple[int, int]) -> tuple[int, bool]:
    """The orientation of an image file, and whether its stored size is this one already; TIFF is turned by Pillow."""
    if not os.path.isfile(path):  # somewhere else than on this machine
        return 1, True
    try:
        with Image.open(path) as image:
            tag = orientation(image) if opencv_turns(image.format or '') else 1
            return tag, image.format != 'TIFF' and image.size == size
    except UnidentifiedImageError:
        return 1, True


@lru_cache
def opencv_turns(kind: str) -> bool:
    """Whether the installed OpenCV turns images of one of Pillow's formats; older ones leave WebP as it is stored."""
    exif, file = Image.Exif(), BytesIO()
    exif[_TAG] = 6
    try:
        Image.new('RGB', (16, 8)).save(file, 'JPEG' if kind == 'MPO' else kind, exif=exif)
    except (KeyError, OSError, ValueError):  # Pillow can read the format, but not write it
        return True
    image = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return image is None or image.shape[:2] == (16, 8)


def check_size(annotation: np.ndarray, path: str, image_path: str, image_size: tuple[int, ...]) -> None:
    """Check that an annotation (H, W) is as large as its image.

    Raises:
        UserError: If it is not; names both files.
    """
    (rows, columns), (height, width) = annotation.shape[:2], image_size[:2]
    if (rows, columns) != (height, width):
        raise UserError(f'{path} is {columns}x{rows}, its image {image_path} {width}x{height}: both must have one size')
