"""The one exception that tools turn into a single line for the person at the terminal."""


class UserError(Exception):
    """Something the user can mend: says what was wrong and what to do, in one line."""
