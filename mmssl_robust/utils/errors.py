"""The one exception that tools turn into a single line for the person at the terminal."""


class UserError(Exception):
    """Something the user can mend: says what was wrong and what to do, in one line."""


def first_line(error: BaseException) -> str:
    """What another library's error says, in one line; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
