"""Clocks: rounds in which everything takes its turn, so that what slows one slows all; then medians and quartiles."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Spread(NamedTuple):
    """A median and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Any) -> "Spread":
        """Take the median and the quartiles of repeats."""
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(low), float(high))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def rounds(
    runs: Mapping[str, Callable[[], Any]], *, n: int, clock: Callable[[], Any] = time.process_time
) -> dict[str, Any]:
    """Time each run once in each of n rounds; the first call of each, which compiles, is not counted.

    The default clock counts the processor's time: on one core it is the time that passes, less what others took.
    """
    for run in runs.values():
        run()
    seconds: dict[str, list[Any]] = {name: [] for name in runs}
    for _ in range(n):
        for name, run in runs.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: np.array(each) for name, each in seconds.items()}
