"""Images of a size that a network cannot take: said of which file, and what to set."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmpretrain.models import SelfSupDataPreprocessor
from torch import nn

from .errors import UserError, first_line
from .unwrapped import unwrapped

# What timm, MMPretrain and PyTorch say of inputs that a network is not made for.
_WORDS = ('height', 'width', 'divisible', 'image size', 'input size', 'size of tensor')


class SizeError(UserError):
    """An encoder's inputs are no multiple of its patch.

    Args:
        message: What is wrong.
        divisor: Of what height and width have to be multiples.
    """

    def __init__(self, message: str, divisor: int) -> None:
        super().__init__(message)
        self.divisor = divisor


@contextmanager
def named_size_errors(model: nn.Module, data_batch: Mapping[str, Any], training: bool = False) -> Iterator[None]:
    """Say in one line which image a model cannot take, and what to set.

    Args:
        model: The model, with the data preprocessor that decides how images are padded.
        data_batch: What the data loader gives.
        training: Whether it is for training, where padding has settings of its own.

    Raises:
        UserError: In place of what the network raises.
    """
    try:
        yield
    except (SizeError, AssertionError, RuntimeError, ValueError) as error:
        divisor = getattr(error, 'divisor', None)
        if divisor is None and not any(word in str(error).lower() for word in _WORDS):
            raise
        model = unwrapped(model)
        image = _named(data_batch, divisor)
        backbone = type(getattr(model, 'backbone', model)).__name__
        raise UserError(
            f'{image} does not fit {backbone} ({first_line(error)}): {_advice(model, divisor, training)}'
        ) from error


def _named(data_batch: Mapping[str, Any], divisor: int | None) -> str:
    """File and size of the first image that is no multiple, else of the first."""
    sizes = [tuple(image.shape[-2:]) for image in data_batch['inputs']]
    samples = data_batch.get('data_samples') or [{}] * len(sizes)
    wrong = [place for place, size in enumerate(sizes) if divisor and any(side % divisor for side in size)]
    place = wrong[0] if wrong else 0
    file = samples[place].get('img_path') or f'image {samples[place].get("sample_idx", place)}'
    return f'{file}, {sizes[place][1]}x{sizes[place][0]},'


def _advice(model: Any, divisor: int | None, training: bool) -> str:
    """What to set, in the words of the library whose preprocessor the model has."""
    resize = 'resize or crop it in the pipeline'
    preprocessor, test_cfg = model.data_preprocessor, getattr(model, 'test_cfg', None) or {}
    if not divisor:
        return f'{resize} to the size that the network is made for'
    multiple = f'to multiples of {divisor}'
    if not training and test_cfg.get('mode') == 'slide' and any(side % divisor for side in test_cfg['crop_size']):
        return f'set model.test_cfg.crop_size {multiple}'
    if hasattr(preprocessor, 'size_divisor'):  # of mmseg
        padding = preprocessor.size if training else (preprocessor.test_cfg or {}).get('size')
        where = 'model.data_preprocessor' if training else 'model.data_preprocessor.test_cfg'
        setting = f'{where}.size {multiple}' if padding else f'{where}.size_divisor={divisor}'
        return f'{resize} {multiple}, or pad it: set {setting}'
    if hasattr(preprocessor, 'pad_size_divisor') and not isinstance(preprocessor, SelfSupDataPreprocessor):
        return f'{resize} {multiple}, or pad it: set model.data_preprocessor.pad_size_divisor={divisor}'
    return f'{resize} {multiple}'
