"""Numbers as people write them."""

from fractions import Fraction
from math import isfinite
from numbers import Integral, Real
from typing import Any

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
        if isinstance(value, bool):
            raise TypeError('a switch')
        if isinstance(value, str):
            above, *below = value.replace(' ', '').split('/')
            number = float(_exact(above) / (_exact(*below) if below else 1))
            if not number and above.lower().split('e')[0].strip('+-0.'):
                raise UserError(f'{name}={value!r} is too small to be told from 0: write 0 or a larger number')
        else:
            number = float(value)
    except (ValueError, TypeError, ZeroDivisionError):
        raise UserError(f"{name}={value!r} is no number: write one like 0.03 or '8/255'") from None
    except OverflowError:
        number = float('inf')
    if not isfinite(number):
        raise UserError(f'{name}={value!r} is not finite: write a finite number')
    return number


def check_number(
    value: Any, name: str, least: float | None = None, above: float | None = None, most: float | None = None
) -> float:
    """Return a number, if it is finite and in its range.

    Args:
        value: Whatever was given.
        name: What the number is, for the error message.
        least: The smallest that means something; None for any.
        above: It must be larger than this; None for any.
        most: The largest that means something; None for any.

    Raises:
        UserError: If it is another one, or none.
    """
    if isinstance(value, Real) and not isinstance(value, (bool, int, float)):  # of NumPy
        value = float(value)
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    bounds = [f'of at least {least:g}'] if least is not None else []
    bounds += [f'above {above:g}'] if above is not None else []
    bounds += [f'of at most {most:g}'] if most is not None else []
    if (
        number is None
        or not isfinite(number)
        or (least is not None and number < least)
        or (above is not None and number <= above)
        or (most is not None and number > most)
    ):
        raise UserError(f'{name}={value!r}: give a finite number {" and ".join(bounds)}'.rstrip())
    return number


def check_integer(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """Return an integer, if it is one and in its range; ``True`` and ``2.0`` are none.

    Args:
        value: Whatever was given.
        name: What the number is, for the error message.
        least: The smallest that means something; None for any.
        most: The largest that means something; None for any.

    Raises:
        UserError: If it is another one, or none.
    """
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or (least is not None and value < least) or (most is not None and value > most):
        bounds = [f'of at least {least}'] if least is not None else []
        bounds += [f'of at most {most}'] if most is not None else []
        raise UserError(f'{name}={value!r}: give an integer {" and ".join(bounds)}'.rstrip())
    return int(value)


def _exact(text: str) -> Fraction | float:
    """A decimal number; as a float where its exact value would have millions of digits."""
    if not text.isascii() or '_' in text:  # Python reads digits of every script
        raise ValueError(text)
    number = float(text)
    return Fraction(text) if number and isfinite(number) else number
