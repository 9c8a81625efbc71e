"""Which images an attack sees, in which batches, and who makes them."""

from collections.abc import Iterable, Sequence


def units_of(images: Sequence[int], batch_size: int) -> list[list[int]]:
    """Cut images into batches, the units in which work is done, recorded and divided among processes.

    They do not depend on what is done already or on the number of processes, and neither does the rounding of a
    batched matrix product.
    """
    return [list(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]


def share_of(units: Iterable[int], rank: int, processes: int) -> list[int]:
    """Return the numbers of the units that a process takes, every so-manieth of those that are left to do."""
    return sorted(units)[rank::processes]
