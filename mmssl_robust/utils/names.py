"""What to say of a name that is unknown."""

import difflib
from collections.abc import Iterable


def close_to(name: str, known: Iterable[str]) -> list[str]:
    """The names that were perhaps meant, nearest first."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error's line: the names that were perhaps meant, or all.

    Args:
        name: What was typed.
        known: What there is.
    """
    known = list(known)
    close = close_to(name, known)
    return f': did you mean {" or ".join(close)}?' if close else f': use one of {", ".join(known)}'
