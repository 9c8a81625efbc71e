"""Leaving out where files lie on a machine: a submission says what was loaded, not from whose folder."""

import re
from pathlib import Path, PureWindowsPath
from typing import Any

# Not of an address, SCHEME://, but of a spec, hf:/FOLDER.
_FOLDERS = re.compile(r'(?<![\w/.])(?:~?/(?!/)|[A-Za-z]:[\\/])(?:[^\s"\'?,;:]+[\\/])+')


def without_places(value: Any) -> Any:
    """Plain values with the names of files in place of their absolute paths."""
    if isinstance(value, dict):
        return {without_places(key): without_places(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_places(entry) for entry in value]
    return _without_folders(value) if isinstance(value, str) else value


def _without_folders(text: str) -> str:
    if is_absolute(text) and '\n' not in text:
        return re.split(r'[\\/]', text.rstrip('\\/'))[-1]
    for folder in (str(Path.cwd()), str(Path.home())):
        if len(folder) > 1:
            text = text.replace(f'{folder}/', '')
    return _FOLDERS.sub('', text)


def is_absolute(text: str) -> bool:
    """Whether a text is an absolute path, of this system or another, or one from a home."""
    return text.startswith(('/', '~')) or PureWindowsPath(text).is_absolute()
