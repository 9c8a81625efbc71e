"""What happens to images without anyone's intent: common corruptions, and edits."""

from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer

from .common import COMMON, common
from .edits import EDITS, MOVING

__all__ = ['COMMON', 'EDITS', 'MOVING', 'check_corruption', 'corrupted']


def check_corruption(name: str, severity: int) -> None:
    """Check that there is such a corruption.

    Raises:
        UserError: If its name is unknown, or the severity not from 1 to 5.

    Examples:
        >>> from mmssl_robust.corruptions import check_corruption
        >>> check_corruption('fog', severity=3)
        >>> check_corruption('mist', severity=3)
        Traceback (most recent call last):
        ...
        mmssl_robust.utils.errors.UserError: unknown corruption 'mist': use one of gaussian_noise, ...
    """
    if name not in (*COMMON, *EDITS):
        raise UserError(f'unknown corruption {name!r}: use one of {", ".join((*COMMON, *EDITS))}')
    check_integer(severity, 'severity', 1, 5)


def corrupted(image: Tensor, name: str, severity: int, seed: int, key: int) -> Tensor:
    """Corrupt an image, which is first rounded to 8 bits, as a file would hold it.

    Args:
        image: (3, H, W) in [0, 1], red first.
        name: Of :data:`COMMON` or :data:`EDITS`.
        severity: From 1 to 5.
        seed: Of its random numbers, which follow from it, the key and the name; those of every severity are the same.
        key: A number for the image.

    Returns:
        The corrupted image, of the same shape.

    Raises:
        UserError: If the library is missing, or the image too small for it.

    Examples:
        >>> import torch
        >>> from mmssl_robust.corruptions import corrupted
        >>> image = torch.full((3, 8, 8), 0.2)
        >>> corrupted(image, 'lighten', severity=5, seed=0, key=0).unique()  # times 2
        tensor([0.4000])
    """
    levels = (image.detach() * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    state = np.random.SeedSequence((seed, key, crc32(name.encode())))
    if name in EDITS:
        found = EDITS[name](levels, severity, np.random.default_rng(state))
    else:
        found = common(levels, name, severity, int(state.generate_state(1)[0]))
    return torch.from_numpy(np.array(found)).permute(2, 0, 1).to(image) / 255
