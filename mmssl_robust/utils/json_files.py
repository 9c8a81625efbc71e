"""JSON files that are whole or not there."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any, TypeVar

from .files import whole_file
from .terminal import console

Value = TypeVar('Value', dict[str, Any], list[Any])


def write_json(report: dict[str, Any] | list[Any], path: str | os.PathLike[str]) -> None:
    """Write a report whole or not at all; what is not finite becomes null.

    Args:
        report: Values that JSON knows, and numbers of NumPy and PyTorch.
        path: File to write; its folder is made.
    """
    text = json.dumps(_plain(report), indent=2, allow_nan=False)
    with whole_file(path) as partial:
        partial.write_text(text + '\n')


def read_state(path: str | os.PathLike[str], kind: type[Value]) -> Value | None:
    """Read what this package keeps beside its results and can make again.

    Args:
        path: What :func:`write_json` wrote.
        kind: ``dict`` or ``list``.

    Returns:
        What it holds; None if there is no file, or, of which a line tells, an empty, torn or damaged one.
    """
    path = Path(path)
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        value = None
    if isinstance(value, kind):
        return value
    console.print(f'{path} is damaged: what it said is made again', soft_wrap=True, markup=False, highlight=False)
    return None


def json_digest(value: Any) -> str:
    """SHA-256 of a value as JSON, in whatever order its keys are; what JSON does not know counts as its text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, 'item'):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
