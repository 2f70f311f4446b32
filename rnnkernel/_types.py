"""Names for types that many signatures share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = int | np.random.Generator | np.random.SeedSequence | None
Distribution = Any  # a frozen scipy.stats distribution: scipy has no public type for it
