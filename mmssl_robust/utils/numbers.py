"""Numbers as people write them."""

from fractions import Fraction
from math import isfinite

from .errors import UserError


def parse_number(value: float | str, name: str) -> float:
    """Read a number that may be written as a fraction.

    Args:
        value: A number, or a string such as ``'8/255'`` or ``'0.03'``.
        name: What the number is, for the error message.

    Returns:
        The number.

    Raises:
        UserError: If it is no finite number.
    """
    try:
        if isinstance(value, str):
            above, *below = value.replace(' ', '').split('/')
            number = float(Fraction(above) / (Fraction(*below) if below else 1))
        else:
            number = float(value)
    except (ValueError, TypeError, ZeroDivisionError):
        raise UserError(f"{name}={value!r} is no number: write one like 0.03 or '8/255'") from None
    if not isfinite(number):
        raise UserError(f'{name}={value!r} is not finite: write a finite number')
    return number
