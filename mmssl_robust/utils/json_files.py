"""JSON files that are whole or not there."""

import hashlib
import json
import math
import os
from typing import Any

from .files import whole_file


def write_json(report: dict[str, Any] | list[Any], path: str | os.PathLike[str]) -> None:
    """Write a report whole or not at all; what is not finite becomes null.

    Args:
        report: Values that JSON knows, and numbers of NumPy and PyTorch.
        path: File to write; its folder is made.
    """
    text = json.dumps(_plain(report), indent=2, allow_nan=False)
    with whole_file(path) as partial:
        partial.write_text(text + '\n')


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
