"""The common corruptions of Hendrycks & Dietterich, ICLR 2019, by the library ``imagecorruptions``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmssl_robust.utils.errors import UserError

COMMON = (
    *('gaussian_noise', 'shot_noise', 'impulse_noise', 'defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'),
    *('snow', 'frost', 'fog', 'brightness', 'contrast', 'elastic_transform', 'pixelate', 'jpeg_compression'),
)
"""Names of the 15, in the order of their paper."""
_LEAST = 32  # pixels, of height and width
_SEEDED = ('glass_blur', 'impulse_noise')  # by an argument: the others draw from NumPy's own state


def common(image: NDArray[np.uint8], name: str, severity: int, seed: int) -> NDArray[np.uint8]:
    """Corrupt an image.

    Args:
        image: (H, W, 3), 8 bits.
        name: Of :data:`COMMON`.
        severity: From 1 to 5.
        seed: Below 2**32.

    Raises:
        UserError: If the library is missing, or the image too small for it.
    """
    height, width = image.shape[:2]
    if min(height, width) < _LEAST:
        raise UserError(
            f'{name} is made for images of at least {_LEAST}x{_LEAST} pixels, not of {width}x{height}: resize them in '
            'the pipeline, or use the preset edits'
        )
    arguments = dict(seed=seed) if name in _SEEDED else {}
    with _drawn_from(seed):
        found: NDArray[np.uint8] = _library().corrupt(image, severity, name, **arguments)
    return found


def _library() -> Any:
    try:
        import imagecorruptions
    except ImportError as error:
        raise UserError(
            'common corruptions need the package imagecorruptions-imaug: run `pip install imagecorruptions-imaug`'
        ) from error
    return imagecorruptions


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Let NumPy's own state follow from a seed, for a while."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
