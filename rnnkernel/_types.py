"""Names for types that many signatures share."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = int | np.random.Generator | np.random.SeedSequence | None
Distribution = Any  # a frozen scipy.stats distribution: scipy has no public type for it


@runtime_checkable
class Source(Protocol):
    """Where data come from: anything that simulates inputs, (n,) or (n, d), and targets, (n,)."""

    def simulate(self, n: int, *, rng: Rng) -> tuple[Array, Array]:
        """Return n successive inputs and targets."""


Pair = tuple[Any, Any] | list[Any]  # a given sequence (x, y), or a list of several
Data = Source | Pair | Iterator[tuple[Any, Any]]  # or successive parts of one
