"""Nodes on an interval or a circle, and the functions that are one at one of them and zero at the others."""

from typing import Any

import numpy as np

from rnnkernel._immutable import Immutable
from rnnkernel._types import Array


class Axis(Immutable):
    """Nodes of one coordinate s between `low` and `high`, and polynomials through values there.

    The nodes are cos((2k + 1)π/2n), carried over; `between` are places between them, ends included.  With a finite
    scale b polynomials are those of t, s = centre + b sinh t: most nodes are near the centre.  On a circle, one turn of
    which goes from `low` to `high`, the nodes are 2πk/n, and polynomials are trigonometric and need an odd number of
    them.
    """

    def __init__(
        self, n: int, low: float, high: float, centre: float = 0.0, scale: float = np.inf, *, circle: bool = False
    ) -> None:
        self.low, self.high, self.centre, self.scale, self.circle = low, high, centre, scale, circle
        k, half = np.arange(n), np.pi / n
        if circle:
            self.reference, between, self.barycentric = 2 * half * k, 2 * half * (k + 0.5), (-1.0) ** k
            self._middle, self._half = low, (high - low) / (2 * np.pi)
        else:
            self.reference, between = np.cos((k + 0.5) * half), np.cos(np.arange(n + 1) * half)
            self.barycentric = np.sin((k + 0.5) * half) * (-1.0) ** k
            first, last = (float(self._straight(np.array(end))) for end in (low, high))
            self._middle, self._half = (first + last) / 2, (last - first) / 2
        self.nodes, self.between = self._placed(self.reference), self._placed(between)

    def cardinals(self, s: Array) -> Array:
        """Values at s of the functions that are one at one node and zero at the others, shape (*s.shape, n).

        SciPy's barycentric interpolator is as exact, no faster for these, and takes a tenth of a second to import.
        """
        apart = ((self._straight(s) - self._middle) / self._half)[..., None] - self.reference
        if self.circle:
            apart = np.sin(apart / 2)
        apart[apart == 0] = 1e-300  # at a node, its term outweighs all others
        terms = self.barycentric / apart
        return np.asarray(terms / terms.sum(axis=-1, keepdims=True))

    def _straight(self, s: Array) -> Array:
        return np.asarray(np.arcsinh((s - self.centre) / self.scale) if self.scale < np.inf else s)

    def _placed(self, t: Any) -> Array:
        z = self._middle + self._half * t
        return np.asarray(self.centre + self.scale * np.sinh(z) if self.scale < np.inf else z)
