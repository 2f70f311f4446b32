"""Recursions on a continuum as chains on nodes of the state, with probabilities that may be negative.

A step s' = F(s, ξ) takes a function u of the state back to Pu(s) = E u(F(s, ξ)).  Nothing is asked of the law of s,
which may live on a Cantor set; but where F is smooth in s, P takes smooth functions to smooth functions, which few
values hold:

    (Pu)(s_i) ≈ Σ_j P_ij u(s_j),    P_ij = Σ_r p_r ℓ_j(F(s_i, ξ_r)),

with functions ℓ_j that are one at the node s_j and zero at the others, and a rule Σ_r p_r f(ξ_r) for E f(ξ): a sum over
atoms, where the noise has some.  The rows of P sum to one, and its left null vector π(I − P) = 0, Σ π = 1, is a
quadrature rule for the law of s.  To a `Collocation` P is a transition matrix like any other.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._axis import Axis
from rnnkernel._collocation import Collocation, invariant_interval
from rnnkernel._immutable import Immutable, cached
from rnnkernel._quadrature import combinations, rule, tensor_product
from rnnkernel._types import Array
from rnnkernel.memory import MemoryMap

_SIZES = {1: (16, 24, 32, 48, 64, 96, 128, 192), 2: (12, 16, 20, 24, 32, 40, 48)}  # nodes, by the number of coordinates
_NOISE = {1: (256, 20), 2: (64, 4)}  # nodes, or panels, for the law of each of so many random numbers
_STRETCH = 4.0  # the ends of an unbounded range are b sinh of it away from its centre
_WANTED = {1: 1e-12, 2: 1e-10}  # the share that interpolation may miss where nodes are enough
_ACCEPTED = 1e-6  # the share that it may miss at most
_BLOCK = 2_000_000  # values of the functions ℓ_j that are held at a time
_INSTEAD = "; give n_steps to simulate it instead"


class Continuum(Immutable):
    """A recursion whose noise has a known law, on nodes of one or two state variables, which resolve the memory map φ.

    `n_nodes` has the nodes of each coordinate of the state; if empty, there are as many as are needed.  At the nodes
    stand `states` (n_states, k), `input_vectors` (n_states, d), `mean_target` E[Y | s] and `target_variance` Var(Y |
    s), and the matrices `transition` of u ↦ E[u(s') | s] and `deviations` of u ↦ Cov(Y, u(s') | s).
    """

    def __init__(self, data: Any, memory_map: MemoryMap, n_nodes: Sequence[int | None]) -> None:
        self.data, self.memory_map = data, memory_map
        self._scalar, self._centre = np.ndim(data._origin) == 0, np.atleast_1d(data._origin).astype(float)
        k, n_laws = len(self._centre), len(data._laws)
        if k not in _SIZES or n_laws not in _NOISE:
            raise ValueError(
                "data must have one or two state variables, driven by one or two random numbers, for its law to be "
                f"computed, not {k} and {n_laws}{_INSTEAD}"
            )
        if len(n_nodes) not in (0, k):
            raise ValueError(
                f"n_nodes must hold {k} number(s) for the state of data and one for memory, not {len(n_nodes) + 1}"
            )
        self._low, self._high = self._reach()
        self.axes = tuple(self._axis(i, n) for i, n in enumerate(n_nodes or [None] * k))
        self.states = combinations([axis.nodes for axis in self.axes])
        self.input_vectors = self.inputs_at(self.states)
        noise, p = self._rule(1)
        after, y = self._after(self.states, noise)
        self.mean_target = y @ p
        away = y - self.mean_target[:, None]
        self.target_variance = away**2 @ p + data.noise**2
        self.transition, self.deviations = self._expected(after, p), self._expected(after, p * away)

    @property
    def n_states(self) -> int:
        """The number of nodes."""
        return len(self.states)

    @cached
    def stationary_distribution(self) -> Array:
        """The weights π of the nodes, with sum one; signed."""
        weights = self._resolvent.sum(axis=0)
        return np.asarray(weights / weights.sum())

    def solve_poisson(self, f: Array) -> Array:
        """Return u with u − Pu = f − π(f) and π(u) = 0, for functions on the first axis."""
        pi = self.stationary_distribution
        u = self._resolvent @ (f - pi @ f)
        return np.asarray(u - pi @ u)

    @cached
    def _resolvent(self) -> Array:
        """(I − P + J)⁻¹, where J takes the mean over the nodes."""
        n = self.n_states
        try:
            inverse = np.linalg.inv(np.eye(n) - self.transition + 1 / n)
        except np.linalg.LinAlgError:
            inverse = np.full((n, n), np.inf)
        if not np.abs(inverse).max() < 1e10:
            raise ValueError("data must have one stationary law, but averages along it depend on the start")
        return np.asarray(inverse)

    def given(self, states: Array) -> Array:
        """Return states (n, k) as the recursion has them: (n,), if its state is a number."""
        return states[:, 0] if self._scalar else states

    def inputs_at(self, states: Array) -> Array:
        """Return the inputs of states (n, k), shape (n, d)."""
        return np.asarray(self.data._inputs(self.given(states))).reshape(len(states), -1)

    def cardinals(self, states: Array) -> Array:
        """Weights that turn values at the nodes into values at states (n, k), shape (n, n_states)."""
        return self._expected(states[:, None], np.ones(1))

    def ahead(self, states: Array) -> Array:
        """Weights that turn values at the nodes into means one step after states (n, k), shape (n, n_states).

        They use twice as many nodes for the noise as P does.
        """
        noise, p = self._rule(2)
        return self._expected(self._after(states, noise)[0], p)

    def between(self) -> Array:
        """States between the nodes, shape (n, k)."""
        return combinations([axis.between for axis in self.axes])

    def within(self, states: Array, what: str = "states must be") -> Array:
        """Return states (…, k), if all are in the range of the nodes."""
        beyond = np.maximum(self._low - states, states - self._high).max(initial=0.0)
        if self.data._period is None and beyond > 1e-9 * (self._high - self._low).max():
            raise ValueError(f"{what} from {self._low} to {self._high}, but one is beyond by {beyond:.2g}")
        return states

    def _expected(self, after: Array, weights: Array) -> Array:
        """Σ_r weights_r ℓ_j(after_r), from states after (n, R, k) and weights (R,) or (n, R)."""
        weights = np.broadcast_to(weights, after.shape[:2])
        out = np.empty((len(after), len(self.states)))
        size = after.shape[1] * max(len(axis.nodes) for axis in self.axes)
        for rows in np.array_split(np.arange(len(after)), min(len(after), 1 + len(after) * size // _BLOCK)):
            first, *others = (axis.cardinals(after[rows, :, i]) for i, axis in enumerate(self.axes))
            other = others[0] if others else np.ones((*after[rows].shape[:2], 1))
            out[rows] = ((weights[rows, :, None] * first).swapaxes(1, 2) @ other).reshape(len(rows), -1)
        return out

    def _after(self, states: Array, noise: Array) -> tuple[Array, Array]:
        """Return the states after each state with each noise, (n, R, k), and the targets of these steps, (n, R)."""
        before = self.given(np.repeat(states, len(noise), axis=0))
        after = self.data._next(before, np.tile(noise, (len(states), 1)))
        y = self.data._targets(before, after)
        after = self.within(after.reshape(len(states), len(noise), -1), "data must have smooth steps, here to states")
        return after, y.reshape(len(states), -1)

    def _rule(self, fineness: float) -> tuple[Array, Array]:
        """Return nodes (R, n_laws) and weights (R,) for the noise of a step."""
        laws = self.data._laws
        n, panels = (int(fineness * each) for each in _NOISE[len(laws)])
        if self.data._period is not None:  # a jitter of many turns needs as many nodes in each
            n = max(n, int(fineness * 64 * (laws[0].isf(1e-17) - laws[0].ppf(1e-17)) / self.data._period))
        return tensor_product([rule("innovation", law, n, panels) for law in laws])

    def _reach(self) -> tuple[Array, Array]:
        """Return the ends of a range of each coordinate which together no step leaves."""
        low = high = self._centre
        if self.data._period is not None:
            return np.zeros(1), np.array([self.data._period])
        noise, t = combinations([_some(law) for law in self.data._laws]), (1 - np.cos(np.linspace(0, np.pi, 9))) / 2
        for _ in range(10_000):
            grid = combinations([a + (b - a) * t for a, b in zip(low, high, strict=True)])
            after = self.data._next(self.given(np.repeat(grid, len(noise), axis=0)), np.tile(noise, (len(grid), 1)))
            least, most = (f(after.reshape(-1, len(low)), axis=0) for f in (np.min, np.max))
            if not np.abs([least, most]).max() < 1e9:
                break
            if (low <= least).all() and (most <= high).all() and (low < high).all():
                return low, high
            margin = 1e-3 * (high - low) + 1e-6
            low, high = np.minimum(low, least - margin), np.maximum(high, most + margin)
        raise ValueError(
            "data must keep its states in a bounded range, whatever combination of its coordinates they start from: "
            f"choose other coordinates of the state{_INSTEAD}"
        )

    def _axis(self, i: int, n: int | None) -> Axis:
        """Return the axis of a coordinate, with as many nodes as functions along some paths need."""
        ends = self._low[i], self._high[i]
        if self.data._period is not None:
            how: dict[str, Any] = {"circle": True}
        elif np.isfinite([law.support() for law in self.data._laws]).all():
            how = {}
        else:
            how = {"centre": self._centre[i], "scale": (ends[1] - ends[0]) / 2 / np.sinh(_STRETCH)}
        odd = int(self.data._period is not None)
        if n is not None:
            return Axis(n | odd, *ends, **how)
        for size in _SIZES[len(self._low)]:
            axis = Axis(size | odd, *ends, **how)
            at_nodes, between = self._seen(i, axis.nodes), self._seen(i, axis.between)
            middle = between[size // 4 : -(size // 4)]  # far out, where hardly a state is, all may grow
            scale = np.abs(middle).max(axis=0)
            missed = np.abs(axis.cardinals(axis.between) @ at_nodes - between).max(axis=0)
            error = (missed / np.maximum(scale, 1e-6 * scale.max())).max()
            if error < _WANTED[len(self._low)]:
                break
        if error > _ACCEPTED:
            raise ValueError(
                f"data has steps, inputs or targets that {size} nodes in the state do not resolve: they miss a "
                f"share of {error:.1g}{_INSTEAD}, or n_nodes"
            )
        return axis

    def _seen(self, i: int, values: Array) -> Array:
        """Return what steps from states on a line show, in the mean over their noise, shape (n, n_functions).

        These are inputs, memories and their slopes now and after a step, targets, and fourth powers of all: the
        variance of a square is the mean of one.
        """
        states = np.tile(self._centre, (len(values), 1))
        states[:, i] = values
        noise, p = self._rule(0.25)
        after, y = self._after(states, noise)
        x, ahead = self.inputs_at(states), self.inputs_at(after.reshape(-1, after.shape[2]))
        now = self._remembered(x, np.zeros(len(x)))
        later = self._remembered(ahead, np.repeat(now[:, 0], len(p))).reshape(len(x), len(p), -1)
        seen = np.hstack([x, now, (y @ p)[:, None], p @ later])
        return np.hstack([seen, seen**4])

    def _remembered(self, x: Array, m: Array) -> Array:
        """φ and ∂φ/∂m at points, shape (n, 2)."""
        return np.column_stack([self.memory_map(x, m), self.memory_map.derivative(x, m)])


class ContinuumCollocation(Collocation):
    """Nodes of state and memory for a recursion on a continuum; states are arrays (n, k)."""

    def inputs_at(self, states: Any) -> Array:
        """Return the inputs of states, shape (n, d)."""
        return np.asarray(self.chain.inputs_at(states))

    def joint_states(self, states: Any, memory: Any) -> tuple[Any, Array]:
        """Return states (n, k) and memories (n,), checked; a single one is repeated."""
        s, m = _checks.points(states, memory, len(self.chain.axes), ("states", "memory"))
        return self.chain.within(s), m

    def step_finely(self, values: Array, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states, with a rule of its own for the noise from each."""
        s, m = self.joint_states(states, memory)
        return self._interpolated(values, self.memory_map(self.inputs_at(s), m), partial(self._held, s, finely=True))

    def between(self) -> tuple[Any, Array]:
        """Joint states between the nodes."""
        s, m = self.chain.between(), self._axis.between
        return np.repeat(s, len(m), axis=0), np.tile(m, len(s))

    def _held(self, states: Any, table: Array, rows: Any, finely: bool = False) -> Array:
        distinct, which = np.unique(states[rows], axis=0, return_inverse=True)
        weights = (self.chain.ahead if finely else self.chain.cardinals)(distinct)
        return np.asarray(np.tensordot(weights, table, axes=1)[which.reshape(-1)])

    def _reachable(self) -> Array:
        x = self.inputs_at(np.vstack([self.chain.states, self.chain.between()]))
        return np.tile(invariant_interval(x, self.memory_map, -1e-6, 1e-6), (self.chain.n_states, 1))


def _some(law: Any) -> Array:
    """Return some values of a random number, the least and the largest among them."""
    nodes = rule("innovation", law, *_NOISE[1]).nodes
    some = nodes[np.unique(np.linspace(0, len(nodes) - 1, 17).astype(int))]
    return np.concatenate([[law.ppf(1e-17)], some, [law.isf(1e-17)]])
