"""Functions of (state, memory) on a finite chain, by their values at Chebyshev nodes, and the kernel P̂ on them.

One step of the joint chain leads from (s, m) to (j, φ(x_s, m)) with probability P_sj,

    P̂u(s, m) = Σ_j P_sj u(j, φ(x_s, m)) = (Pu)(s, φ(x_s, m)).

All states share the Chebyshev nodes of one interval that memory never leaves.  P̂ then is a matrix T: first P at each
node, then for each state the interpolation at φ(x_s, ·), and neither needs more than the square of the number of states
or of nodes.  Its left null vector ω(I − T) = 0, Σ ω = 1, is a quadrature rule for the invariant law.

A function splits into its means over the nodes and the rest, u(s, m) = a(s) + w(s, m).  P̂ takes constants in m to
constants in m, so that T is block triangular: with Q, which takes the means away, u − P̂u = f − μ(f) is

    w − QTw = Qf,    a − Pa = g − π(g),    g = means of f + Tw,    μ(f) = π(g).

The first equation knows nothing of the chain's spectral gap, as memory contracts; the second is the Poisson equation of
the chain itself, which is solved without subtractions.  Arrays of values have the nodes on their first axis.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebinterpolate

from rnnkernel import _checks
from rnnkernel._axis import Axis
from rnnkernel._immutable import Immutable, cached, read_only
from rnnkernel._types import Array
from rnnkernel.memory import MemoryMap

_FINEST = 128  # most nodes that are chosen without being asked for
_DENSE = 1000  # nodes of all states up to which equations are solved by factorisation
_MOST_BYTES = 1 << 30  # of a transition operator that is asked for
_BLOCK = 1_000_000  # entries of cardinal polynomials that are held at a time
_AT_ONCE = 250_000  # entries of right-hand sides that GMRES takes as one vector


class Collocation(Immutable):
    """Nodes in memory, the same for each state of a chain, cos((2k + 1)π/2n) on an interval, and what is solved there.

    The chain, a `MarkovChain` or a `Continuum`, has one stationary law; `input_vectors`, (n_states, d), are the inputs
    of its states.  There are `n_each` nodes per state; if None, as many as φ needs to be resolved to rounding.
    """

    def __init__(self, chain: Any, input_vectors: Array, memory_map: MemoryMap, n_each: int | None) -> None:
        self._stationary = chain.stationary_distribution
        self.chain, self.input_vectors, self.memory_map = chain, input_vectors, memory_map
        self.intervals = self._reachable()
        ends = self.intervals[:, 0].min(), self.intervals[:, 1].max()
        low, high = invariant_interval(input_vectors, memory_map, *ends)
        self.n_each = self._needed(low, high) if n_each is None else n_each
        self._axis = Axis(self.n_each, low, high)
        self.states = np.repeat(np.arange(chain.n_states), self.n_each)
        self.memory = np.tile(self._axis.nodes, chain.n_states)
        self._interpolation = self._axis.cardinals(self._images(memory_map, self._axis.nodes))

    @cached
    def weights(self) -> Array:
        """The weights ω of the invariant law at the nodes, with sum one; signed.

        ω = π/n + β, where β has sum zero in each state and β − QTᵀβ = QTᵀ(π/n).
        """
        even = np.repeat(self._stationary, self.n_each)[:, None] / self.n_each
        beta = self._solve_in_memory(self._centred(self._step_back(even)), back=True)
        return np.asarray((even + beta)[:, 0])

    @cached
    def transition_operator(self) -> Array:
        """T[(i, k), (j, l)] = P_ij ℓ_l(φ(x_i, m_k)); refused (``MemoryError``) beyond 1 GiB."""
        size = len(self.memory)
        if 8 * size**2 > _MOST_BYTES:
            raise MemoryError(
                f"transition_operator would be a matrix of {size} rows and {8 * size**2 / 2**30:.0f} GiB; up to "
                f"{int((_MOST_BYTES / 8) ** 0.5)} nodes it is made"
            )
        T = self.chain.transition[:, None, :, None] * self._interpolation[:, :, None, :]
        return np.asarray(T.reshape(size, size))

    def step(self, values: Array, matrix: Array | None = None) -> Array:
        """Σ_j A_sj u(j, φ(x_s, m)) at the nodes for a matrix A: without one, for P, the mean of u one step later."""
        P = self.chain.transition if matrix is None else matrix
        ahead = (P @ self._table(values).reshape(len(P), -1)).reshape(len(P), self.n_each, -1)
        return np.asarray((self._interpolation @ ahead).reshape(values.shape))

    def solve(self, values: Array) -> Array:
        """Solve u − P̂u = f − μ(f), μ(u) = 0, at the nodes."""
        f = values.reshape(len(self.memory), -1)
        w = self._solve_in_memory(self._centred(f))
        g = self._table(f + self.step(w)).mean(axis=1)
        u = w + np.repeat(self.chain.solve_poisson(g), self.n_each, axis=0)
        return np.asarray((u - self.weights @ u).reshape(values.shape))

    def derivative(self, values: Array) -> Array:
        """∂u/∂m at the nodes."""
        return np.asarray((self._differentiation @ self._table(values)).reshape(values.shape))

    def inputs_at(self, states: Any) -> Array:
        """Return the inputs of states, shape (n, d)."""
        return np.asarray(self.input_vectors[states])

    def at(self, values: Array, states: Any, memory: Any) -> Array:
        """Return u at joint states, by interpolation between the nodes."""
        s, m = self.joint_states(states, memory)
        return self._interpolated(values, m, partial(self._held, s))

    def mean_at_start(self, values: Array) -> Array:
        """E u(s, 0) for a state in its law: memory starts at zero."""
        chances = np.outer(self._stationary, self._axis.cardinals(np.zeros(1))[0])
        return np.asarray(np.tensordot(chances.ravel(), values, axes=1))

    def step_at(self, values: Array, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states, for u given at the nodes."""
        s, m = self.joint_states(states, memory)
        ahead = np.tensordot(self.chain.transition, self._table(values), axes=1).reshape(values.shape)
        return self.at(ahead, s, self.memory_map(self.inputs_at(s), m))

    def step_finely(self, values: Array, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states, as exactly as can be had."""
        return self.step_at(values, states, memory)

    def joint_states(self, states: Any, memory: Any) -> tuple[Any, Array]:
        """Return states and memories, checked; a single one is repeated."""
        s = np.atleast_1d(_checks.integers("states", states, ndim=(0, 1)))
        m = np.atleast_1d(_checks.array("memory", memory, ndim=(0, 1)))
        if s.size and not 0 <= s.min() <= s.max() < self.chain.n_states:
            raise ValueError(f"states must be from 0 to {self.chain.n_states - 1}, not {_checks.described(states)}")
        if len(s) != len(m) and 1 not in (len(s), len(m)):
            raise ValueError(f"states and memory must have the same length, not {len(s)} and {len(m)}")
        n = np.broadcast_shapes(s.shape, m.shape)
        return np.broadcast_to(s, n), np.broadcast_to(m, n)

    def between(self) -> tuple[Any, Array]:
        """Joint states on a finer grid of the memories that each state can hold, ends included."""
        t = np.cos(np.linspace(0, np.pi, 2 * self.n_each + 1))
        low, high = self.intervals.T[:, :, None]
        return np.repeat(np.arange(self.chain.n_states), len(t)), ((low + high) / 2 + (high - low) / 2 * t).ravel()

    def _held(self, states: Any, table: Array, rows: Any) -> Array:
        """Return what a table (n_states, n_each, n_functions) holds in some of the given states."""
        return np.asarray(table[states[rows]])

    def _interpolated(self, values: Array, m: Array, held: Callable[[Array, Any], Array]) -> Array:
        """Interpolate in memory what `held` returns of a table for some rows, (n_rows, n_each, n_functions)."""
        low, high = self._axis.low, self._axis.high
        beyond = np.maximum(low - m, m - high)
        if beyond.max(initial=0.0) > 5e-10 * (high - low):
            raise ValueError(
                f"memory must be within [{low:.6g}, {high:.6g}], which holds every memory that is reached from 0, not "
                f"{m[int(beyond.argmax())]:.6g}"
            )
        table = self._table(values)
        out = np.empty((len(m), table.shape[2]))
        for rows in np.array_split(np.arange(len(m)), 1 + len(m) * table[0].size // _BLOCK):
            out[rows] = np.einsum("rk,rkc->rc", self._axis.cardinals(m[rows]), held(table, rows))
        return np.asarray(out.reshape(len(m), *values.shape[1:]))

    def _reachable(self) -> Array:
        """Return the memories that each state can hold, starting from 0: rows [low, high]."""
        return reachable(self.chain.transition > 0, self.input_vectors, self.memory_map, 0.0, 0.0)

    def _solve_in_memory(self, f: Array, back: bool = False) -> Array:
        """Solve w − QTw = f, or with `back` w − QTᵀw = f, for columns that have mean zero in each state."""
        if len(self.memory) <= _DENSE:
            from scipy.linalg import lu_solve

            return np.asarray(lu_solve(self._factors, f, trans=int(back)))
        step = self._step_back if back else self.step
        basis, shares = _spanning(f)
        blocks = np.array_split(np.arange(basis.shape[1]), 1 + basis.size // _AT_ONCE)
        solved = [_iterated(lambda w: w - self._centred(step(w)), basis[:, columns]) for columns in blocks]
        return np.asarray(np.hstack(solved) @ shares)

    @cached
    def _factors(self) -> Any:
        """The factors of I − QTQ."""
        from scipy.linalg import lu_factor

        T = self._centred(self._centred(self.transition_operator).T).T
        return lu_factor(np.eye(len(T)) - T)

    def _step_back(self, weights: Array) -> Array:
        """Weights one step later, ωT."""
        P = self.chain.transition
        moved = self._interpolation.swapaxes(1, 2) @ self._table(weights)
        return np.asarray((P.T @ moved.reshape(len(P), -1)).reshape(weights.shape))

    def _table(self, values: Array) -> Array:
        """Values as (n_states, n_each, n_functions)."""
        return values.reshape(self.chain.n_states, self.n_each, -1)

    def _centred(self, values: Array) -> Array:
        """Qu: in each state its mean over the nodes is taken away."""
        table = self._table(values)
        return np.asarray((table - table.mean(axis=1, keepdims=True)).reshape(values.shape))

    @cached
    def _differentiation(self) -> Array:
        """The derivatives of the cardinal polynomials at the reference nodes; each row sums to zero."""
        m, weights = self._axis.nodes, self._axis.barycentric
        D = weights / weights[:, None] / (m[:, None] - m + np.eye(len(m)))
        return np.asarray(D - np.diag(D.sum(axis=1)))

    def _images(self, function: Callable[[Array, Array], Any], m: Array) -> Array:
        """φ(x_i, ·) or another function of (x, m) at some memories, (n_states, len(m))."""
        x = np.repeat(self.input_vectors, len(m), axis=0)
        return np.asarray(function(x, np.tile(m, len(self.input_vectors)))).reshape(-1, len(m))

    def _needed(self, low: float, high: float) -> int:
        """Return how many nodes resolve φ and ∂φ/∂m to rounding, from the decay of their Chebyshev coefficients."""

        def both(t: Array) -> Any:
            m = (low + high) / 2 + (high - low) / 2 * t
            return np.vstack([self._images(each, m) for each in (self.memory_map, self.memory_map.derivative)]).T

        for n in (32, 64, _FINEST):
            sizes = np.abs(chebinterpolate(both, n - 1)).max(axis=1)
            large = np.flatnonzero(sizes > 1e-14 * sizes.max())
            if not len(large) or large[-1] < 0.75 * n:
                break
        return min(max(16, 5 + int(large.max(initial=0))), _FINEST)


def _spanning(f: Array) -> tuple[Array, Array]:
    """Return few columns and their shares, whose product is f to rounding: many right-hand sides span little."""
    from scipy.linalg import qr

    q, r, order = qr(f, mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    rank = max(1, int((size > 1e-16 * size.max(initial=0.0)).sum()))
    shares = np.empty((rank, f.shape[1]))
    shares[:, order] = r[:rank]
    return q[:, :rank], shares


def _iterated(apply: Callable[[Array], Array], b: Array) -> Array:
    """Solve apply(w) = b for columns of length one, by GMRES for all as one vector; what is left of b, once more.

    Raises ``ArithmeticError`` if that leaves more than 1e-9 of some column.
    """
    from scipy.sparse.linalg import LinearOperator, gmres

    operator, w = LinearOperator((b.size, b.size), lambda w: apply(w.reshape(b.shape)).ravel(), dtype=float), 0 * b
    for _ in range(2):
        w += gmres(operator, (b - apply(w)).ravel(), rtol=1e-8, restart=100, maxiter=3)[0].reshape(b.shape)
    worst = np.linalg.norm(b - apply(w), axis=0).max(initial=0.0)
    if worst > 1e-9:
        raise ArithmeticError(
            f"the Poisson equation is solved to a share of {worst:.1g} only: memory hardly contracts on this chain"
        )
    return w


def evaluate(f: Callable[[Array, Array], Any], input_vectors: Array, memory: Array) -> Array:
    """Return a function that a user wrote at points, checked."""
    _checks.function("f", f, "inputs and memories", 2)
    values = _checks.call("f", f, inputs(read_only(input_vectors)), read_only(memory))
    given = _checks.array("f", values, ndim=(0, 1, 2))
    if given.shape not in ((), (len(memory),)):
        raise ValueError(
            f"f must return one value for each of {len(memory)} points, not an array of shape {given.shape}"
        )
    return np.broadcast_to(given, (len(memory),))


def inputs(input_vectors: Array) -> Array:
    """Return inputs as users give them: (n,) if d = 1 and (n, d) otherwise."""
    return input_vectors[:, 0] if input_vectors.shape[1] == 1 else input_vectors


def reachable(leads: Any, input_vectors: Array, memory_map: MemoryMap, low: float, high: float) -> Array:
    """Return intervals I_j that hold [low, high], with φ(x_i, I_i) ⊂ I_j wherever input i leads to j, (n, 2).

    If `leads` has a single column there is one I, for all inputs.  Intervals grow to what is reached, with a small
    margin, so that they end after finitely many steps.
    """
    t, n = np.cos(np.linspace(0, np.pi, 9)), len(input_vectors)
    x = np.repeat(input_vectors, len(t), axis=0)
    lows, highs = np.full((2, leads.shape[1]), [[low], [high]])
    for _ in range(10_000):
        centre, half = (lows + highs) / 2, (highs - lows) / 2
        m = np.broadcast_to(centre[:, None] + half[:, None] * t, (n, len(t)))
        after = np.asarray(memory_map(x, m.ravel())).reshape(n, -1)
        least = np.where(leads, after.min(axis=1)[:, None], np.inf).min(axis=0)
        most = np.where(leads, after.max(axis=1)[:, None], -np.inf).max(axis=0)
        if (lows <= least).all() and (most <= highs).all() and half.min() > 0:
            return np.column_stack([lows, highs])
        margin = 1e-3 * 2 * half.max() + 1e-6
        lows, highs = np.minimum(lows, least - margin), np.maximum(highs, most + margin)
    raise ValueError("memory does not stay in any bounded interval")


def invariant_interval(input_vectors: Array, memory_map: MemoryMap, low: float, high: float) -> tuple[float, float]:
    """Return the ends of an interval that holds [low, high], and that φ(x, ·) maps into itself for every input x."""
    everywhere = np.ones((len(input_vectors), 1), np.bool_)
    low, high = reachable(everywhere, input_vectors, memory_map, low, high)[0]
    return float(low), float(high)
