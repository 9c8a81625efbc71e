"""Times of things that are compared, so that what disturbs the machine disturbs all of them alike."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Run = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """How often one takes as long as the other: median of the paired ratios, their 10 % and 90 % quantiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Times:
    """Seconds of each contender, repetition by repetition."""

    seconds: Mapping[str, list[float]]

    @property
    def repeats(self) -> int:
        """How many repetitions there are."""
        return min(map(len, self.seconds.values()))

    def median(self, name: str) -> float | None:
        """Return the median seconds of a contender, None if it did not take part."""
        return float(np.median(self.seconds[name])) if name in self.seconds else None

    def over(self, name: str, rival: str) -> Ratio | None:
        """Return how many times faster ``name`` is than ``rival``, None unless both took part."""
        if name not in self.seconds or rival not in self.seconds:
            return None
        low, median, high = np.quantile(np.divide(self.seconds[rival], self.seconds[name]), [0.1, 0.5, 0.9])
        return Ratio(float(median), float(low), float(high))


def interleave(
    runs: Mapping[str, Run],
    budget: float = 0.0,
    least: int = 3,
    seed: int = 0,
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Run all contenders again and again, each time in another order.

    Args:
        runs: The contenders by name.
        budget: Seconds after which no further repetition is begun that would not end within them.
        least: Repetitions that are made in any case.
        seed: Of the orders.
        synchronise: Waits for a device.
        clock: Seconds.
    """
    shuffled, seconds = random.Random(seed), {name: [] for name in runs}
    begin, longest = clock(), 0.0
    while _repeats(seconds) < least or clock() - begin + longest < budget:
        start = clock()
        for name in shuffled.sample(list(runs), len(runs)):
            synchronise()
            before = clock()
            runs[name]()
            synchronise()
            seconds[name].append(clock() - before)
        longest = max(longest, clock() - start)
    return Times(seconds)


def _repeats(seconds: Mapping[str, list[float]]) -> int:
    return min(map(len, seconds.values()))
