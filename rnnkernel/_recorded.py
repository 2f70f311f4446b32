"""The law of the error around the limit of a record, which stands for a source that is known from it alone.

With v^s_k = (y_k − g_s(z_k)) h_{t−s}(z_k) along the record, and Γ(v) the long-run variance of a sequence,

    V^S = α² ∫_0^t Γ(v^s) ds,    V^R = (α²/n) Γ(∫_0^t v^s ds):

learning meets fresh data of each time once, and the limit of the record the same n steps at all times.  The effect w of
a memory error follows the record backwards, w_k = ∂_m f(z_{k+1}) + ∂_mφ(z_{k+1}) w_{k+1}, as the Poisson equation does.
"""

import numpy as np

from rnnkernel._coordinates import Coordinates
from rnnkernel._response import Response
from rnnkernel._types import Array
from rnnkernel.averages import lags_for, long_run_variance
from rnnkernel.flow import Modes
from rnnkernel.stationary import EmpiricalLaw

_H = 1e-4  # of differences in memory


class RecordResponse(Response):
    """What the output at some points answers to a disturbance, if the data are a record."""

    mu: EmpiricalLaw

    def __init__(
        self,
        mu: EmpiricalLaw,
        modes: Modes,
        coordinates: Coordinates,
        x: Array,
        m: Array,
        *,
        lags: int | None,
        in_cycles: bool,
    ) -> None:
        super().__init__(mu, modes, coordinates, x, m)
        self.lags, self.in_cycles = lags, in_cycles
        above, below = ((mu.input_vectors, mu.memory + step) for step in (_H, -_H))
        high, low = (coordinates.combination(*points, modes.functions) for points in (above, below))
        self.slopes_at_nodes = (high - low) / (2 * _H)
        self.section_slopes = (self.kernel(x, m, *above) - self.kernel(x, m, *below)) / (2 * _H)

    def _disturbances(self, learned: Array, ages: Array, weights: Array) -> tuple[Array, Array, Array]:
        """Return ∫ Γ(v^s) ds, Γ(∫ v^s ds)/n, and w/α, for what is learned in each mode at times s."""
        mu, n = self.mu, len(self.mu.memory)
        known = self.modes.weights / mu.weights
        residual = (known * (self.modes.targets - learned @ self.at_nodes.T))[:, None]
        slope = (known * (learned @ self.slopes_at_nodes.T))[:, None]
        h = self._kernel(ages, self.sections, self.at_nodes)
        moved = residual * self._kernel(ages, self.section_slopes, self.slopes_at_nodes) - slope * h
        memory = self._back(np.tensordot(weights, moved, axes=1))
        if self.in_cycles:
            return np.zeros(len(memory)), np.zeros(len(memory)), memory
        v = residual * h
        lags = lags_for(v) if self.lags is None else self.lags
        total = long_run_variance(np.tensordot(weights, v, axes=1), lags, mu.lengths)
        return weights @ long_run_variance(v, lags, mu.lengths), total / n, memory

    def _back(self, moved: Array) -> Array:
        """Return w along each record, from ∂_m f, shape (n_points, n)."""
        factors = self.mu.memory_map.derivative(self.mu.input_vectors, self.mu.memory)
        w, ends = np.zeros(moved.shape), np.cumsum(self.mu.lengths)
        for start, end in zip(ends - self.mu.lengths, ends, strict=True):
            for k in range(end - 2, start - 1, -1):
                w[:, k] = moved[:, k + 1] + factors[k + 1] * w[:, k + 1]
        return w
