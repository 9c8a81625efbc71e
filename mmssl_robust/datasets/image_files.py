"""Images, label maps and depth maps to and from the bytes of their files."""

import io

import cv2
import numpy as np
from PIL import Image

from mmssl_robust.utils.errors import UserError


def decoded_image(content: bytes, name: str) -> np.ndarray:
    """Decode an image (H, W, 3), RGB of 8 bits.

    Raises:
        UserError: If it is none, damaged, or one of more pixels than any camera has.
    """
    return np.asarray(_opened(content, name).convert('RGB'))


def decoded_depth(content: bytes, name: str) -> np.ndarray:
    """Decode a depth map (H, W) of 16 bits.

    Raises:
        UserError: If it is none: a colour image, one of fewer bits, or of more pixels than any camera has.
    """
    _opened(content, name)
    return _of_one_channel(_decoded(content, name), name, 'depth map', np.uint16)


def decoded_labels(content: bytes, name: str) -> np.ndarray:
    """Decode a label map (H, W) of one byte a pixel.

    Raises:
        UserError: If it is none: a colour image, one of more bits, or of more pixels than any camera has.
    """
    if _opened(content, name).format == 'JPEG':
        raise UserError(f'{name} is a JPEG, which does not keep labels: download the data set again')
    return _of_one_channel(_decoded(content, name), name, 'label map', np.uint8)


def check_one_size(image: np.ndarray, name: str, annotation: np.ndarray, other: str) -> None:
    """Check that an annotation has the size of its image.

    Raises:
        UserError: If it has not.
    """
    (rows, columns), (own_rows, own_columns) = image.shape[:2], annotation.shape[:2]
    if (rows, columns) != (own_rows, own_columns):
        raise UserError(
            f'{other} is {own_columns}x{own_rows}, its image {name} {columns}x{rows}: download the data set again'
        )


def _opened(content: bytes, name: str) -> Image.Image:
    """An image that is whole: of a torn one OpenCV before 5 makes up the rest, and says so to the terminal."""
    try:
        image = Image.open(io.BytesIO(content))  # which a small file may have made up
        image.load()
    except Image.DecompressionBombError as error:
        raise UserError(f'{name} says that it has too many pixels: download the data set again') from error
    except Exception as error:  # Pillow raises what it likes on damaged files
        raise UserError(f'{name} is no image, or damaged: download the data set again') from error
    return image


def _decoded(content: bytes, name: str) -> np.ndarray:
    """As it is stored, of which Pillow makes other types."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UserError(f'{name} is no image, or damaged: download the data set again')
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
