"""Names for types that many signatures share."""

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


Data = Source | tuple[Any, Any]  # or a given sequence (x, y)
