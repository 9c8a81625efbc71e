"""Numbers as one says them."""


def counted(number: int, noun: str) -> str:
    """A number of things: ``'1 image'``, ``'2 images'``."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def spoken(seconds: float) -> str:
    """A time: ``'40 s'``, ``'3 min'``, ``'2 h 5 min'``."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 60 else f'{minutes // 60} h {minutes % 60} min'


def listed(parts: list[str]) -> str:
    """Several things: ``'a'``, ``'a and b'``, ``'a, b and c'``."""
    return ' and '.join(filter(None, (', '.join(parts[:-1]), *parts[-1:])))
