"""Which pixels of a ground truth count: one word for each data set, which all that read it are told."""

from collections.abc import Mapping

from .errors import UserError

USUAL_THRESHOLDS: dict[str, float] = dict(ignore_index=255, min_depth=1e-3, max_depth=10.0)
"""Label of pixels that do not count; depths in metres up to which, and from which on, a target does not."""

EVERY_TARGET: dict[str, float] = dict(ignore_index=-1, min_depth=0.0, max_depth=float('inf'))
"""Where targets are a model's own predictions, of which each counts."""


class HasThresholds:
    """What is built with thresholds of its own, or is told those of the data set.

    Attributes:
        untold: Names of those that nobody has set yet; the usual ones hold meanwhile.
    """

    untold: frozenset[str] = frozenset()

    def keep_thresholds(self, **given: float | None) -> None:
        """Keep thresholds as attributes.

        Args:
            **given: Name -> value, None where nothing was set.

        Raises:
            UserError: If they are no range.
        """
        self.untold = frozenset(name for name, value in given.items() if value is None)
        for name, value in given.items():
            setattr(self, name, USUAL_THRESHOLDS[name] if value is None else value)
        if 'max_depth' in given:
            check_depth_range(self.min_depth, self.max_depth)  # type: ignore[attr-defined]  # just set

    def take_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Take those of the data set.

        Args:
            thresholds: Name -> value; those that it does not have are none of its business.

        Raises:
            UserError: If it was built with another one, unless they are :data:`EVERY_TARGET`.
        """
        for name, value in thresholds.items():
            own = getattr(self, name, value)
            if own != value and name not in self.untold and thresholds is not EVERY_TARGET:
                raise UserError(
                    f'{type(self).__name__} is told {name}={own:g}, but elsewhere it is {value:g}: set it once, in the '
                    "data set's metainfo"
                )
            if own != value:
                setattr(self, name, value)


def check_depth_range(min_depth: float, max_depth: float) -> None:
    """Raise a UserError unless ``0 <= min_depth < max_depth``."""
    if not 0 <= min_depth < max_depth:
        raise UserError(f'min_depth={min_depth} and max_depth={max_depth}: give 0 <= min_depth < max_depth')
