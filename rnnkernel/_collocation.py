"""Functions of memory on a finite chain, by their values at Chebyshev nodes, and the transition operator on them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from rnnkernel._types import Array
from rnnkernel.chains import MarkovChain
from rnnkernel.memory import MemoryMap

_FINEST = 128  # most nodes per state that are chosen without being asked for


class Grid:
    """Chebyshev nodes in memory, for each state of a chain: cos((2k + 1)π/2n) on its interval."""

    def __init__(self, chain: MarkovChain, points: Array, memory: MemoryMap, n: int | None) -> None:
        self.chain, self.points, self.memory = chain, points, memory
        self.centre, self.half = _reachable(chain, points, memory)
        self.n = self._needed() if n is None else n
        angles = (np.arange(self.n) + 0.5) * np.pi / self.n
        self.reference = np.cos(angles)
        self.barycentric = np.sin(angles) * (-1.0) ** np.arange(self.n)
        self.nodes = self.scaled(self.reference)

    def scaled(self, t: Array) -> Array:
        """Points of [−1, 1], carried over to the interval of each state, (n_states, len(t))."""
        return self.centre[:, None] + self.half[:, None] * t

    def images(self, function: Callable[[Array, Array], Any], t: Array) -> Array:
        """φ(x_i, ·) or another function of (x, m) at points of [−1, 1], (n_states, len(t))."""
        x = np.repeat(self.points, len(t), axis=0)
        return np.asarray(function(x, self.scaled(t).ravel())).reshape(-1, len(t))

    def _needed(self) -> int:
        """Return how many nodes resolve φ and ∂φ/∂m to rounding, from the decay of their Chebyshev coefficients."""
        functions: list[Callable[[Array, Array], Any]] = [self.memory, self.memory.derivative]
        for n in (32, 64, _FINEST):
            angles = (np.arange(n) + 0.5) * np.pi / n
            transform = np.cos(np.outer(angles, np.arange(n)))
            sizes = np.vstack([np.abs(self.images(each, np.cos(angles)) @ transform) for each in functions])
            large = np.flatnonzero(sizes.max(axis=0) > 1e-14 * sizes.max())
            if not len(large) or large[-1] < 0.75 * n:
                break
        return min(max(16, 5 + int(large.max(initial=0))), _FINEST)

    def cardinals(self, t: Array) -> Array:
        """Values at t of the polynomials that are one at one reference node and zero at the others, (len(t), n)."""
        difference = t[:, None] - self.reference
        hit = difference == 0
        difference[hit] = 1.0
        terms = self.barycentric / difference
        rows = hit.any(axis=1)
        terms[rows] = hit[rows]
        return np.asarray(terms / terms.sum(axis=1, keepdims=True))

    @cached_property
    def transition_operator(self) -> Array:
        """T[(i, k), (j, l)] = P_ij ℓ_jl(φ(x_i, m_ik))."""
        n_states = self.chain.n_states
        after = self.images(self.memory, self.reference)
        T = np.empty((n_states * self.n, n_states, self.n))
        for j in range(n_states):
            t = (after.ravel() - self.centre[j]) / self.half[j]
            reached = np.repeat(self.chain.transition[:, j], self.n)
            T[:, j] = reached[:, None] * self.cardinals(np.where(reached > 0, t, 0.0))
        return T.reshape(n_states * self.n, n_states * self.n)

    def interpolate(self, table: Array, states: Any, memory: Array) -> Array:
        """Values of the interpolants of `table`, (n_states, n), at joint states."""
        t = (memory - self.centre[states]) / self.half[states]
        if len(t) and np.abs(t).max() > 1 + 1e-9:
            worst = int(np.abs(t).argmax())
            low, high = self.centre - self.half, self.centre + self.half
            i = int(states[worst])
            raise ValueError(
                f"memory must be within [{low[i]:.6g}, {high[i]:.6g}] in state {i}, which holds every memory that is "
                f"reached from 0, not {memory[worst]:.6g}"
            )
        out = np.empty(len(t))
        for part in np.array_split(np.arange(len(t)), 1 + len(t) // 4096):
            out[part] = (self.cardinals(t[part]) * table[states[part]]).sum(axis=1)
        return out

    def derivative(self, values: Array) -> Array:
        """∂/∂m at the nodes of functions given by their values there, (…, n_states · n)."""
        table = values.reshape(*values.shape[:-1], len(self.half), self.n)
        return np.asarray((table @ self._differentiation.T / self.half[:, None]).reshape(values.shape))

    @cached_property
    def _differentiation(self) -> Array:
        """The derivatives of the cardinal polynomials at the reference nodes; each row sums to zero."""
        difference = self.reference[:, None] - self.reference + np.eye(self.n)
        D = self.barycentric / self.barycentric[:, None] / difference
        return np.asarray(D - np.diag(D.sum(axis=1)))

    def between(self) -> tuple[Any, Array]:
        """Joint states on a finer grid, with the ends of the intervals."""
        t = np.cos(np.linspace(0, np.pi, 2 * self.n + 1))
        return np.repeat(np.arange(self.chain.n_states), len(t)), self.scaled(t).ravel()


def _reachable(chain: MarkovChain, points: Array, memory: MemoryMap) -> tuple[Array, Array]:
    """Return centres and half-widths of intervals I_i with 0 ∈ I_i and φ(x_i, I_i) ⊂ I_j wherever P_ij > 0.

    They grow from {0} to what is reached, with a small margin, so that they end after finitely many steps.
    """
    t = np.cos(np.linspace(0, np.pi, 9))
    x = np.repeat(points, len(t), axis=0)
    leads = chain.transition > 0
    low, high = np.zeros(chain.n_states), np.zeros(chain.n_states)
    for _ in range(10_000):
        centre, half = (low + high) / 2, (high - low) / 2
        after = np.asarray(memory(x, (centre[:, None] + half[:, None] * t).ravel())).reshape(-1, len(t))
        least = np.where(leads, after.min(axis=1)[:, None], np.inf).min(axis=0)
        most = np.where(leads, after.max(axis=1)[:, None], -np.inf).max(axis=0)
        if (low <= least).all() and (most <= high).all() and half.min() > 0:
            return centre, half
        margin = 1e-3 * 2 * half.max() + 1e-6
        low, high = np.minimum(low, least - margin), np.maximum(high, most + margin)
    raise ValueError("memory does not stay in any bounded interval")
