"""Which of :class:`Attack`'s arguments an optimiser passes on as they are.

Its signature says so by ``Unpack``, which ``typing`` has from Python 3.11 on: it is imported for type checkers alone.
"""

from typing import TypedDict


class Settings(TypedDict, total=False):
    """What any attack takes; see :class:`Attack`."""

    seed: int
    eot_samples: int
    active: int | None


class StartSettings(Settings, total=False):
    """And how often and where it starts."""

    random_start: bool
    restarts: int


class StopSettings(Settings, total=False):
    """And when an image leaves it."""

    stop_at_success: bool


class StartStopSettings(StartSettings, StopSettings, total=False):
    """And both."""
