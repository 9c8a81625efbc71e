"""A config is laid out once: MMEngine asks yapf anew for each log, file and checkpoint, up to a second every time."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mmengine.config import config as mmengines
from yapf.yapflib import yapf_api

_format = yapf_api.FormatCode


def remember_formatting() -> None:
    """Let yapf, wherever MMEngine calls it from now on, lay the same text out once."""
    yapf_api.FormatCode = _remembered
    if hasattr(mmengines, 'FormatCode'):  # upstream's imports it by name
        mmengines.FormatCode = _remembered


def _remembered(text: str, style_config: Mapping[str, Any], **settings: Any) -> tuple[str, bool]:
    return _formatted(text, tuple(style_config.items()), tuple(settings.items()))


@lru_cache(maxsize=16)
def _formatted(text: str, style: tuple[Any, ...], settings: tuple[Any, ...]) -> tuple[str, bool]:
    formatted: tuple[str, bool] = _format(text, style_config=dict(style), **dict(settings))
    return formatted
