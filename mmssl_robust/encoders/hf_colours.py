"""Mean and standard deviation of a model of transformers, by the settings of its own image or video processor."""

import json
import logging
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmssl_robust.utils.errors import UserError, first_line

from .info import IMAGENET_MEAN, IMAGENET_STD
from .spec import EncoderSpec

Colours = tuple[tuple[float, ...], tuple[float, ...]]

# Where transformers looks for them; the last holds those of several processors.
_FILES = ('preprocessor_config.json', 'video_preprocessor_config.json', 'processor_config.json')
# Of a model that is given pixels in [0, 1].
_AS_THEY_ARE: Colours = ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))


def colours_of(spec: EncoderSpec, place: str, model: Any) -> Colours:
    """Mean and standard deviation of pixels in [0, 255].

    Args:
        spec: Of the encoder.
        place: Its folder or repository.
        model: Of transformers; one that normalises images itself, as RADIO does, is given them in [0, 1].

    Raises:
        UserError: If the settings cannot be read, or swap the colours.
    """
    settings = _settings_of(spec, place)
    usual = _AS_THEY_ARE if hasattr(model, 'input_conditioner') else (IMAGENET_MEAN, IMAGENET_STD)
    if settings is None and usual is not _AS_THEY_ARE:
        print_log(f"{spec} says nothing of mean and std: ImageNet's are taken", 'current', logging.WARNING)
    settings = settings or {}
    if settings.get('do_flip_channel_order'):
        raise UserError(f'{spec} takes blue before red: give a FILE.py:FUNCTION that returns a module which swaps them')
    try:
        return _stated(settings) or usual
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f'{spec}: cannot read how images are prepared ({first_line(error)[:200]})') from error


def _stated(settings: dict[str, Any]) -> Colours | None:
    """What the settings of a processor say; None if they leave it to its class."""
    white = round(1 / settings.get('rescale_factor', 1 / 255), 6) if settings.get('do_rescale', True) else 1.0
    if not settings.get('do_normalize', True):
        return (0.0, 0.0, 0.0), (white,) * 3
    if not settings.get('image_mean') or not settings.get('image_std'):
        return None
    return _scaled(settings['image_mean'], white), _scaled(settings['image_std'], white)


def _scaled(values: float | list[float], white: float) -> tuple[float, ...]:
    """Three numbers, or one for all colours, in units of white."""
    colours = values if isinstance(values, list) else [values] * 3
    if len(colours) != 3:
        raise ValueError(f'{len(colours)} colours')
    return tuple(round(white * float(value), 6) for value in colours)


def _settings_of(spec: EncoderSpec, place: str) -> dict[str, Any] | None:
    """Settings of the first processor that there is; None if there is none."""
    from transformers.utils import cached_file

    for name in _FILES:
        try:
            file = cached_file(place, name, _raise_exceptions_for_missing_entries=False)
            found = json.loads(Path(file).read_text()) if file else None
        except Exception as error:
            raise UserError(f'{spec}: cannot read how images are prepared ({first_line(error)[:200]})') from error
        if found is not None and name == _FILES[-1]:
            found = found.get('image_processor') or found.get('video_processor')
        if found is not None:
            return dict(found)
    return None
