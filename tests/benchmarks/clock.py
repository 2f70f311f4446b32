"""A clock: rounds in which everything takes its turn, so that what slows one slows all."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def rounds(
    runs: Mapping[str, Callable[[], Any]], *, n: int, clock: Callable[[], Any] = time.process_time
) -> dict[str, Any]:
    """Time each run once in each of n rounds, after a call that is not counted: it compiles, and fills the caches.

    The default clock counts the processor's time: on one core it is the time that passes, less what others took.
    """
    seconds: dict[str, list[Any]] = {name: [] for name in runs}
    for _ in range(n):
        for name, run in runs.items():
            run()
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return {name: np.array(each) for name, each in seconds.items()}
