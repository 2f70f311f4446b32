"""Functions of (state, memory) on a finite chain, by their values at Chebyshev nodes, and the kernel P̂ on them.

One step of the joint chain leads from (s, m) to (j, φ(x_s, m)) with probability P_sj,

    P̂u(s, m) = Σ_j P_sj u(j, φ(x_s, m)).

State by state, a function of m is held by its values at Chebyshev nodes of an interval that memory never leaves.  P̂
then is a matrix T, with one row per node, and its left null vector w(I − T) = 0, Σ w = 1, is a quadrature rule for the
invariant law.  Arrays of values have the nodes on their first axis.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebinterpolate

from rnnkernel import _checks
from rnnkernel._types import Array
from rnnkernel.chains import MarkovChain
from rnnkernel.memory import MemoryMap

_FINEST = 128  # most nodes per state that are chosen without being asked for
_BLOCK = 4096  # points at which cardinal polynomials are held at a time


class Collocation:
    """Nodes in memory for each state of a chain, cos((2k + 1)π/2n) on its interval, and what is solved on them.

    Parameters
    ----------
    chain : MarkovChain
        The chain, irreducible.
    input_vectors : ndarray, shape (n_states, d)
        The input of each state.
    memory_map : MemoryMap
        The memory map φ.
    n_each : int, optional
        Nodes per state; if not given, as many as φ needs to be resolved to rounding.
    """

    def __init__(self, chain: MarkovChain, input_vectors: Array, memory_map: MemoryMap, n_each: int | None) -> None:
        self._stationary = chain.stationary_distribution
        self.chain, self.input_vectors, self.memory_map = chain, input_vectors, memory_map
        self._centre, self._half = _reachable(chain, input_vectors, memory_map)
        self.n_each = self._needed() if n_each is None else n_each
        angles = (np.arange(self.n_each) + 0.5) * np.pi / self.n_each
        self._reference = np.cos(angles)
        self._barycentric = np.sin(angles) * (-1.0) ** np.arange(self.n_each)
        self.states = np.repeat(np.arange(chain.n_states), self.n_each)
        self.memory = self._scaled(self._reference).ravel()

    @property
    def intervals(self) -> Array:
        """The memories that each state can hold, starting from 0: rows [low, high], shape (n_states, 2)."""
        return np.column_stack([self._centre - self._half, self._centre + self._half])

    @cached_property
    def weights(self) -> Array:
        """The weights w of the invariant law at the nodes, with sum one; signed."""
        weights = self._start @ self._resolvent
        return np.asarray(weights / weights.sum())

    @cached_property
    def transition_operator(self) -> Array:
        """T[(i, k), (j, l)] = P_ij ℓ_jl(φ(x_i, m_ik))."""
        n_states, n = self.chain.n_states, self.n_each
        after = self._images(self.memory_map, self._reference).ravel()
        T = np.empty((n_states * n, n_states, n))
        for j in range(n_states):
            reached = np.repeat(self.chain.transition[:, j], n)
            t = (after - self._centre[j]) / self._half[j]
            T[:, j] = reached[:, None] * self._cardinals(np.where(reached > 0, t, 0.0))
        return T.reshape(n_states * n, n_states * n)

    def step(self, values: Array, factors: Array | None = None) -> Array:
        """Σ_j P_sj factors_sj u(j, φ(x_s, m)) at the nodes: without factors P̂u, the mean of u one step later."""
        T = self.transition_operator
        if factors is not None:
            shape = self.chain.n_states, self.n_each
            T = (T.reshape(*shape, *shape) * factors[:, None, :, None]).reshape(T.shape)
        return np.asarray(T @ values)

    def solve(self, values: Array) -> Array:
        """Solve u − P̂u = f − μ(f), μ(u) = 0, at the nodes."""
        u = self._resolvent @ (values - self.weights @ values)
        return np.asarray(u - self.weights @ u)

    def derivative(self, values: Array) -> Array:
        """∂u/∂m at the nodes."""
        table = values.reshape(self.chain.n_states, self.n_each, -1)
        return np.asarray((self._differentiation @ table / self._half[:, None, None]).reshape(values.shape))

    def at(self, values: Array, states: Any, memory: Any) -> Array:
        """Return u at joint states, by interpolation between the nodes of each state."""
        s, m = self.joint_states(states, memory)
        t = (m - self._centre[s]) / self._half[s]
        if len(t) and np.abs(t).max() > 1 + 1e-9:
            worst = int(np.abs(t).argmax())
            low, high = self.intervals[s[worst]]
            raise ValueError(
                f"memory must be within [{low:.6g}, {high:.6g}] in state {s[worst]}, which holds every memory that is "
                f"reached from 0, not {m[worst]:.6g}"
            )
        table = values.reshape(self.chain.n_states, self.n_each, *values.shape[1:])
        out = np.empty((len(t), *values.shape[1:]))
        for state in np.unique(s):
            here = np.flatnonzero(s == state)
            for first in range(0, len(here), _BLOCK):
                rows = here[first : first + _BLOCK]
                out[rows] = self._cardinals(t[rows]) @ table[state]
        return out

    def step_at(self, values: Array, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states, for u given at the nodes."""
        s, m = self.joint_states(states, memory)
        after = np.asarray(self.memory_map(self.input_vectors[s], m))
        out = np.zeros(len(s))
        for j, reached in enumerate(self.chain.transition[s].T):
            rows = reached > 0
            out[rows] += reached[rows] * self.at(values, j, after[rows])
        return out

    def joint_states(self, states: Any, memory: Any) -> tuple[Any, Array]:
        """Return states and memories, checked; a single one is repeated."""
        s, m = np.atleast_1d(np.asarray(states)), np.atleast_1d(_checks.array("memory", memory, ndim=(0, 1)))
        if s.dtype.kind not in "iu" or s.ndim != 1:
            raise TypeError(f"states must be integers, one for each memory, not {states!r}")
        if s.size and not 0 <= s.min() <= s.max() < self.chain.n_states:
            raise ValueError(f"states must be from 0 to {self.chain.n_states - 1}, not {states!r}")
        if len(s) != len(m) and 1 not in (len(s), len(m)):
            raise ValueError(f"states and memory must have the same length, not {len(s)} and {len(m)}")
        n = np.broadcast_shapes(s.shape, m.shape)
        return np.broadcast_to(s, n), np.broadcast_to(m, n)

    def between(self) -> tuple[Any, Array]:
        """Joint states on a finer grid, with the ends of the intervals."""
        t = np.cos(np.linspace(0, np.pi, 2 * self.n_each + 1))
        return np.repeat(np.arange(self.chain.n_states), len(t)), self._scaled(t).ravel()

    @property
    def _start(self) -> Array:
        """A probability ν on the nodes: π, spread evenly over the nodes of each state."""
        return np.repeat(self._stationary, self.n_each) / self.n_each

    @cached_property
    def _resolvent(self) -> Array:
        """(I − T + 1νᵀ)⁻¹: applied to f − μ(f), the solution of the Poisson equation up to a constant."""
        return np.asarray(np.linalg.inv(np.eye(len(self.memory)) - self.transition_operator + self._start))

    @cached_property
    def _differentiation(self) -> Array:
        """The derivatives of the cardinal polynomials at the reference nodes; each row sums to zero."""
        difference = self._reference[:, None] - self._reference + np.eye(self.n_each)
        D = self._barycentric / self._barycentric[:, None] / difference
        return np.asarray(D - np.diag(D.sum(axis=1)))

    def _cardinals(self, t: Array) -> Array:
        """Values at t of the polynomials that are one at one reference node and zero at the others, (len(t), n_each).

        SciPy's barycentric interpolator is as exact, no faster for these, and takes a tenth of a second to import.
        """
        difference = t[:, None] - self._reference
        difference[difference == 0] = 1e-300  # at a node, its term outweighs all others
        terms = self._barycentric / difference
        return np.asarray(terms / terms.sum(axis=1, keepdims=True))

    def _scaled(self, t: Array) -> Array:
        """Points of [−1, 1], carried over to the interval of each state, (n_states, len(t))."""
        return self._centre[:, None] + self._half[:, None] * t

    def _images(self, function: Callable[[Array, Array], Any], t: Array) -> Array:
        """φ(x_i, ·) or another function of (x, m) at points of [−1, 1], (n_states, len(t))."""
        x = np.repeat(self.input_vectors, len(t), axis=0)
        return np.asarray(function(x, self._scaled(t).ravel())).reshape(-1, len(t))

    def _needed(self) -> int:
        """Return how many nodes resolve φ and ∂φ/∂m to rounding, from the decay of their Chebyshev coefficients."""

        def both(t: Array) -> Any:
            return np.vstack([self._images(each, t) for each in (self.memory_map, self.memory_map.derivative)]).T

        for n in (32, 64, _FINEST):
            sizes = np.abs(chebinterpolate(both, n - 1)).max(axis=1)
            large = np.flatnonzero(sizes > 1e-14 * sizes.max())
            if not len(large) or large[-1] < 0.75 * n:
                break
        return min(max(16, 5 + int(large.max(initial=0))), _FINEST)


def evaluate(f: Callable[[Array, Array], Any], input_vectors: Array, memory: Array) -> Array:
    """Return a function that a user wrote at points, checked."""
    given = np.asarray(f(inputs(input_vectors), memory), dtype=float)
    if given.shape not in ((), (len(memory),)):
        raise ValueError(
            f"f must return one value for each of {len(memory)} points, not an array of shape {given.shape}"
        )
    if not np.isfinite(given).all():
        raise ValueError("f must be finite at every point")
    return np.broadcast_to(given, (len(memory),))


def inputs(input_vectors: Array) -> Array:
    """Return inputs as users give them: (n,) if d = 1 and (n, d) otherwise."""
    return input_vectors[:, 0] if input_vectors.shape[1] == 1 else input_vectors


def _reachable(chain: MarkovChain, input_vectors: Array, memory_map: MemoryMap) -> tuple[Array, Array]:
    """Return centres and half-widths of intervals I_i with 0 ∈ I_i and φ(x_i, I_i) ⊂ I_j wherever P_ij > 0.

    They grow from {0} to what is reached, with a small margin, so that they end after finitely many steps.
    """
    t = np.cos(np.linspace(0, np.pi, 9))
    x = np.repeat(input_vectors, len(t), axis=0)
    leads = chain.transition > 0
    low, high = np.zeros(chain.n_states), np.zeros(chain.n_states)
    for _ in range(10_000):
        centre, half = (low + high) / 2, (high - low) / 2
        after = np.asarray(memory_map(x, (centre[:, None] + half[:, None] * t).ravel())).reshape(-1, len(t))
        least = np.where(leads, after.min(axis=1)[:, None], np.inf).min(axis=0)
        most = np.where(leads, after.max(axis=1)[:, None], -np.inf).max(axis=0)
        if (low <= least).all() and (most <= high).all() and half.min() > 0:
            return centre, half
        margin = 1e-3 * 2 * half.max() + 1e-6
        low, high = np.minimum(low, least - margin), np.maximum(high, most + margin)
    raise ValueError("memory does not stay in any bounded interval")
