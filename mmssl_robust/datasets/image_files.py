"""Images, label maps and depth maps to and from the bytes of their files."""

import io

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmssl_robust.utils.errors import UserError


def decoded_image(content: bytes, name: str) -> np.ndarray:
    """Decode an image (H, W, 3), RGB of 8 bits.

    Raises:
        UserError: If it is none, or one of more pixels than any camera has.
    """
    return _decoded(content, name, cv2.IMREAD_COLOR)[..., ::-1]


def decoded_depth(content: bytes, name: str) -> np.ndarray:
    """Decode a depth map (H, W) of 16 bits.

    Raises:
        UserError: If it is none: a colour image, one of fewer bits, or of more pixels than any camera has.
    """
    return _of_one_channel(_decoded(content, name, cv2.IMREAD_UNCHANGED), name, 'depth map', np.uint16)


def decoded_labels(content: bytes, name: str) -> np.ndarray:
    """Decode a label map (H, W) of one byte a pixel.

    Raises:
        UserError: If it is none: a colour image, one of more bits, or of more pixels than any camera has.
    """
    if _format_of(content, name) == 'JPEG':
        raise UserError(f'{name} is a JPEG, which does not keep labels: download the data set again')
    return _of_one_channel(_decoded(content, name, cv2.IMREAD_UNCHANGED), name, 'label map', np.uint8)


def _format_of(content: bytes, name: str) -> str | None:
    """What a file's header, which a small file may have made up, says that it is."""
    try:
        with Image.open(io.BytesIO(content)) as header:
            return header.format
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f'{name} is no image: download the data set again') from error
    except Image.DecompressionBombError as error:
        raise UserError(f'{name} says that it has too many pixels: download the data set again') from error


def _decoded(content: bytes, name: str, flag: int) -> np.ndarray:
    _format_of(content, name)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    if image is None:
        raise UserError(f'{name} is no image: download the data set again')
    return image


def _of_one_channel(image: np.ndarray, name: str, what: str, dtype: type) -> np.ndarray:
    if image.ndim != 2 or image.dtype != dtype:
        channels = 1 if image.ndim == 2 else image.shape[2]
        bits = 8 * np.dtype(dtype).itemsize
        raise UserError(f'{name} has {channels} channels of {8 * image.itemsize} bits: a {what} has one of {bits}')
    return image


def encoded(image: np.ndarray, suffix: str = '.png') -> bytes:
    """Encode an image, RGB or of one channel: PNG, or JPEG of the highest quality without subsampled colours."""
    settings = []
    if suffix == '.jpg':
        settings = [cv2.IMWRITE_JPEG_QUALITY, 100]
        settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    content = image[..., ::-1] if image.ndim == 3 else image
    return cv2.imencode(suffix, np.ascontiguousarray(content), settings)[1].tobytes()
