"""What value a white pixel has, among the images that a preprocessor is given and in the unit of its mean."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError

_OF_TYPE = {'torch.uint8': 255.0, 'torch.uint16': 65535.0}
_LEAST = {1.0: 0.0, 255.0: 2.0, 65535.0: 4096.0}  # of mean or standard deviation, that they may be meant for a white
_DARK = 16  # of 255: what lies below may as well be in another unit
_SET = 'set mean and std of model.data_preprocessor in the unit of the images'


def whites(preprocessor: Any, inputs: Tensor, values: Tensor, images: Sequence[Tensor] | None) -> tuple[float, float]:
    """Return the value of a white pixel before a preprocessor, and in the unit of its mean and standard deviation.

    The former is what the preprocessor says (``white``), else the largest value of the images' unsigned type, else
    what mean and standard deviation can be meant for. Floats without these are in 0..255 if they exceed 16. The latter
    is another one where the preprocessor multiplies.

    Args:
        preprocessor: As for :class:`.pixel_space.PixelSpace`.
        inputs: What it made of the images, (B, C, H, W).
        values: The same with mean and standard deviation undone.
        images: The images before it; None if they are not known.

    Raises:
        UserError: If these contradict each other, or do not say it.
    """
    given = images is not None
    ratio = 1.0 if images is None else _proportion(values, images, preprocessor)
    images = [inputs] if images is None else images
    if ratio is None:  # of black images any is right
        meant, known = _meant_by(preprocessor, 1.0), _known(preprocessor, images)
        ratio = meant / known if meant and known and not _changes_nothing(preprocessor) else 1.0
    before = _white_of(preprocessor, ratio, images)
    if given and _known(preprocessor, images) is None:
        _check_unit(before, preprocessor, images)
    after = before * ratio
    return before, next((white for white in _LEAST if abs(after / white - 1) < 0.01), after)


def of_channels(preprocessor: Any, name: str, otherwise: float) -> Tensor:
    """Return a preprocessor's mean or standard deviation (C, 1, 1), also where it keeps a list or one number."""
    value = getattr(preprocessor, name, None)
    values = torch.as_tensor(otherwise if value is None else value).reshape(-1, 1, 1)
    return values if values.is_floating_point() else values.float()


def _known(preprocessor: Any, images: Sequence[Tensor]) -> float | None:
    said = getattr(preprocessor, 'white', None)
    return _OF_TYPE.get(str(images[0].dtype)) if said is None else float(said)


def _white_of(preprocessor: Any, ratio: float, images: Sequence[Tensor]) -> float:
    known, meant = _known(preprocessor, images), _meant_by(preprocessor, ratio)
    if known is None:
        return _of_floats(preprocessor, images) if meant is None else meant
    settled = hasattr(preprocessor, 'white') or not hasattr(preprocessor, 'mean') or _changes_nothing(preprocessor)
    if settled or meant == known:
        return known
    kind, unit = _name_of(images[0]), 'no known unit' if meant is None else f'0..{meant:g}'
    raise UserError(f'images are {kind}, 0..{known:g}, mean and std are for {unit}: {_SET}')


def _name_of(image: Tensor) -> str:
    return str(image.dtype).removeprefix('torch.')


def _meant_by(preprocessor: Any, ratio: float) -> float | None:
    """White in the images for which mean and standard deviation are meant; None if they do not tell."""
    if not hasattr(preprocessor, 'mean'):
        return None
    largest = max(float(of_channels(preprocessor, name, 1).abs().max()) for name in ('mean', 'std')) / ratio
    return next((white for white, least in _LEAST.items() if least <= largest <= white * 1.001), None)


def _changes_nothing(preprocessor: Any) -> bool:
    return bool((of_channels(preprocessor, 'mean', 0) == 0).all() and (of_channels(preprocessor, 'std', 1) == 1).all())


def _check_unit(white: float, preprocessor: Any, images: Sequence[Tensor]) -> None:
    """Refuse values that are plainly in another unit than mean and standard deviation, in either direction."""
    low, high = _range_of(images)
    fractions = any(bool((image % 1).any()) for image in images)
    if low < -white / 2 or not (high > _DARK > white or (high <= 1.5 < white and fractions)):
        return
    advice = 'load them as uint8' if hasattr(preprocessor, 'mean') and _changes_nothing(preprocessor) else _SET
    raise UserError(f'{_described(images)}, but 0..{white:g} is the unit of mean and std: {advice}')


def _range_of(images: Sequence[Tensor]) -> tuple[float, float]:
    return min(float(image.min()) for image in images), max(float(image.max()) for image in images)


def _described(images: Sequence[Tensor]) -> str:
    low, high = _range_of(images)
    return f'images are {_name_of(images[0])} in [{low:.4g}, {high:.4g}]'


def _of_floats(preprocessor: Any, images: Sequence[Tensor]) -> float:
    """White of images without a type or a normalisation that tells."""
    low, high = _range_of(images)
    normalised = hasattr(preprocessor, 'mean')
    if not normalised and low >= -0.5 and _DARK < high <= 255.5:
        return 255.0
    if normalised or (low >= 0 and high <= _DARK):
        raise UserError(
            f'{_described(images)}, and nothing says what white is: {_SET} '
            '(mean=[0, 0, 0], std=[1, 1, 1] if it is 1), or load them as uint8'
        )
    raise UserError(
        f'pixels lie in [{low:.4g}, {high:.4g}], not in 0..255: normalise in the data_preprocessor (mean, std), not in '
        'the pipeline'
    )


def _proportion(values: Tensor, images: Sequence[Tensor], preprocessor: Any) -> float | None:
    """By what a preprocessor multiplies images before it subtracts its mean, 1 for OpenMMLab's; None if all is black.

    Raises:
        UserError: If one is not a multiple of the other, with channels in any order.
    """
    pairs = [(value[:, : image.shape[-2], : image.shape[-1]], image.to(value)) for value, image in zip(values, images)]
    if len(values) == len(images) and all(value.shape == image.shape for value, image in pairs):
        after, before = (math.sqrt(sum(float(part.double().square().sum()) for part in parts)) for parts in zip(*pairs))
        ratio = after / before if before else 0.0
        ratio = 1.0 if abs(ratio - 1) < 1e-3 else ratio
        unit = float(of_channels(preprocessor, 'std', 1).max())
        if all(_are_near(value, image * ratio, unit) for value, image in pairs):
            return ratio or None
    raise UserError(
        f'{type(preprocessor).__name__} does more to images than to subtract its mean and divide by its std: give it '
        'attributes mean and std that say what it does, and change sizes in the pipeline'
    )


def _are_near(value: Tensor, image: Tensor, unit: float) -> bool:
    # Channels may have changed places.
    apart = float((value.sort(dim=0).values - image.sort(dim=0).values).abs().max())
    return apart <= 1e-3 * max(float(image.abs().max()), unit)
