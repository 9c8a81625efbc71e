"""Texts as names of files and folders."""

import re


def slug(text: str) -> str:
    """A text as the name of a file or folder: letters, digits, ``_`` and dots that are not at its ends."""
    return re.sub(r'[^A-Za-z0-9_.]+', '_', text).strip('_.') or 'x'
