"""JPEG, as a corruption and as a defence."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def after_jpeg(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) of 8 bits after Pillow's JPEG of a quality from 1 to 95."""
    file = BytesIO()
    Image.fromarray(levels).save(file, 'JPEG', quality=quality)
    return np.array(Image.open(file))
