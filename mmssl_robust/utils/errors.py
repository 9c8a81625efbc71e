"""The one exception that tools turn into a single line for the person at the terminal, and what others say."""

import re
import traceback
from typing import Any

_MOST = 200  # letters of what another library says


class UserError(Exception):
    """Something the user can mend: says what was wrong and what to do, in one line."""


def first_line(error: BaseException) -> str:
    """What another library's error says, in one line; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def reason_of(error: BaseException) -> str:
    """What an error of any kind says, in one line; where it says but a word or nothing, what it is and by which code.

    The line of the code stands for the words that an ``assert`` without any lacks.
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else first_line(error)
    text = in_one_line(text)
    text = text if len(text) <= _MOST else f'{text[:_MOST]}...'
    if ' ' in text:
        return text
    code = [place.line for place in traceback.extract_tb(error.__traceback__) if place.line][-1:]
    words = f'{type(error).__name__} {text}' if text and text != type(error).__name__ else type(error).__name__
    return f'{words} in `{code[0]}`' if code else words


def in_one_line(text: Any) -> str:
    """A text without control signs, also those that turn the direction of writing or move the cursor."""
    return re.sub(r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+', ' ', str(text))
