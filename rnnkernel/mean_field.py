"""The limit at β = 1: a flow of the law of the units, driven by the stationary law of the memory that they make.

At β = 1 a step moves every weight by O(1/N): weights stand still while memory forgets, and N steps move them by O(1).
With the law λ_t of the units at time t = k/N and u = W·x + m,

    g_t(x, m) = E_{λ_t}[C σ(u)],    φ_t(x, m) = E_{λ_t}[B σ(u)],    q_t(x, m) = E_{λ_t}[C σ'(u)],

each unit follows the mean of its steps in `train` with τ = 1, over two successive points (x', m') and (x, m) that are
stationary under φ_t, with e = y − g_t(x, m):

    dC/dt = α E[e σ(W·x + m)]
    dW/dt = α E[e C σ'(W·x + m) x]
    dB/dt = α E[e q_t(x, m) σ(W·x' + m')] = α E[P̂_t(e q_t)(x', m') σ(W·x' + m')].

B drives nothing but φ_t, in which it is linear, and what moves it are C and W: it is enough to follow E[B | C_0, W_0].
Weighted particles stand for the law, and the flow is a system of ordinary differential equations.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._collocation import Collocation
from rnnkernel._immutable import Immutable
from rnnkernel._types import Array
from rnnkernel.activations import Activation
from rnnkernel.activations import activation as named_activation
from rnnkernel.chains import DataSequence
from rnnkernel.flow import check_times
from rnnkernel.initial import InitialLaw, Particles, particles
from rnnkernel.memory import expectations

_MOST = 1e5  # the longest αt that a flow is followed


class MeanField(Immutable):
    """The limit g_t of a recurrent network trained online at β = 1, where features and memory move.

    Units with weights follow their mean motion, by a Runge–Kutta method that controls its error; the stationary law
    that drives them is found anew at each of its stages, by collocation.

    If sup|∂φ_t/∂m| over the memories of the chain reaches 1, at the start or before a time that a method is asked for,
    memory need not have one stationary law, and the flow ends with a ValueError.  It is derived, and measured on
    networks; that it is their limit is not proved here.  Book: :doc:`neighbours-in-depth`.

    Parameters
    ----------
    data : DataSequence
        What the network learns from, on a finite chain.
    law : InitialLaw
        Law of a unit's initial parameters; E C need not be zero.
    activation : str or Activation
        The activation σ.
    learning_rate : float
        The rate α.
    refinement : int
        0, 1 or 2: 40, 64 or 96 nodes for each coordinate of W (for d ≤ 3), 16, 24 or 32 for C and for memory, a
        tolerance in time of 1e-6, 1e-7 or 1e-8.  Two refinements differ by about the error of the coarser one.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import MarkovChain
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> limit = MeanField(data, law)
    >>> limit.predict(2.0, x=[-1.0, 1.5], memory=[-0.2, 0.4]).round(3)
    array([-0.549,  0.613])
    >>> round(limit.loss(2.0), 4)
    0.3934
    """

    def __init__(
        self,
        data: DataSequence,
        law: InitialLaw,
        activation: str | Activation = "tanh",
        learning_rate: float = 1.0,
        *,
        refinement: int = 0,
    ) -> None:
        _checks.kind("data", data, DataSequence)
        _checks.kind("law", law, InitialLaw)
        if data.n_inputs != law.n_inputs:
            raise ValueError(f"data must have inputs of {law.n_inputs} coordinate(s), as law has, not {data.n_inputs}")
        self.data, self.law, self.activation = data, law, named_activation(activation)
        self.learning_rate = _checks.number("learning_rate", learning_rate, above=0)
        self.refinement = _checks.integer("refinement", refinement, least=0, most=2)
        self._start = particles(law, self.refinement)
        self._solved: dict[bytes, Array] = {}
        if (slope := self.contraction(0.0)) >= 1:
            raise ValueError(f"law must have a memory map that contracts on its memories, but sup|∂φ/∂m| is {slope:g}")

    def predict(self, times: Any, x: Any, memory: Any) -> Array:
        """Return g_t(x, m); arguments and shapes are those of `KernelLimit.predict`."""
        points = _checks.points(x, memory, self.law.n_inputs)
        values = self._each(times, lambda now: now.output(*points))
        return np.reshape(values, (*np.shape(times), len(points[1])))

    def loss(self, times: Any) -> Any:
        """Return ½ E(Y − g_t(X, M))² under the stationary law at t, with the noise of the target; shape of `times`."""
        return self._each(times, _Moment.loss)

    def contraction(self, times: Any) -> Any:
        """Return sup|∂φ_t/∂m| on the memories of the chain, in the shape of `times`: below one, memory forgets."""
        return self._each(times, _Moment.contraction)

    def units(self, time: float) -> Particles:
        """Return the weighted units that stand for λ_t: E_{λ_t}[h(C, W)] = Σ_q weights[q] h(C_q, W_q).

        A named tuple of `output` (Q,), `inputs` (Q, d), `recurrent` (Q,), which is E[B | C_0, W_0], and `weights` (Q,);
        unit q is at each time what became of unit q at time 0.
        """
        now: _Moment = self._each(_checks.number("time", time, least=0, most=self._longest), lambda now: now)
        return now.units

    @property
    def _longest(self) -> float:
        return _MOST / self.learning_rate

    def _each(self, times: Any, what: Callable[["_Moment"], Any]) -> Any:
        t = check_times(times, self._longest)
        if t.tobytes() not in self._solved:
            self._solved[t.tobytes()] = self._solve(t)
        values = [what(self._at(state)) for state in self._solved[t.tobytes()]]
        return np.array(values) if t.ndim else values[0]

    def _at(self, state: Array) -> "_Moment":
        C, B, W = np.split(state, np.cumsum([self._start.weights.size] * 2))
        units = Particles(C, W.reshape(self._start.inputs.shape), B, self._start.weights)
        return _Moment(self.data, self.activation, units, 16 + 8 * self.refinement)

    def _solve(self, times: Array) -> Array:
        """Return the states at times, shape (n_times, Q (2 + d))."""
        from scipy.integrate import solve_ivp

        def margin(_: float, state: Array) -> float:
            return 1 - self._at(state).contraction()

        margin.terminal = True  # type: ignore[attr-defined]
        start, accuracy = _state(self._start), 1e-6 * 0.1**self.refinement
        if not times.any():
            return np.tile(start, (times.size, 1))
        t, places = np.unique(times, return_inverse=True)
        how: dict[str, Any] = {"t_eval": t, "events": margin, "rtol": accuracy, "atol": accuracy}
        path = solve_ivp(lambda _, state: self.learning_rate * self._at(state).velocity(), (0, t[-1]), start, **how)
        if path.status == 1:
            raise ValueError(
                f"times must be below {path.t_events[0][0]:.6g}: there the slope of the memory map reaches 1, so that "
                "memory need not forget its start, nor have one stationary law to drive the flow"
            )
        if path.status < 0:
            raise ArithmeticError(f"the flow was not solved up to t = {t[-1]:g}: {path.message}")
        return np.asarray(path.y.T[places.ravel()])


class _Moment:
    """The units at one time, the functions of (x, m) that they make, and their stationary law; called, it is φ_t."""

    def __init__(self, data: DataSequence, activation: Activation, units: Particles, n_each: int) -> None:
        self.data, self.activation, self.units, self._n_each = data, activation, units, n_each
        self._nodes = units.inputs.T.copy(order="C")
        self._held, self._said = units.weights * units.recurrent, units.weights * units.output

    def __call__(self, x: Array, m: Array) -> Array:
        return self._sum(self.activation.value, self._held, x, m)

    def output(self, x: Array, m: Array) -> Array:
        """g_t(x, m)."""
        return self._sum(self.activation.value, self._said, x, m)

    @cached_property
    def mu(self) -> Collocation:
        """The stationary law of (state, m)."""
        return Collocation(self.data.chain, self.data.input_vectors, self, self._n_each)  # type: ignore[arg-type]

    def contraction(self) -> float:
        """Return the largest slope |∂φ_t/∂m|, on a grid of the memories that each state can hold."""
        states, m = self.mu.between()
        slopes = self._sum(self.activation.derivative, self._held, self.data.input_vectors[states], m)
        return float(np.abs(slopes).max())

    def loss(self) -> float:
        """½ E(Y − g_t)²."""
        error = self.data.mean_target[self.mu.states] - self.output(self._inputs, self.mu.memory)
        return float(self.mu.weights @ (error**2 + self.data.target_variance[self.mu.states]) / 2)

    def velocity(self) -> Array:
        """Return what moves the state, for α = 1."""
        u = self._inputs @ self._nodes + self.mu.memory[:, None]
        S, D = self.activation(u), self.activation.prime(u)
        error = self.data.mean_target[self.mu.states] - S @ self._said
        now, later = self.mu.weights * error, self.mu.weights * self.mu.step(error * (D @ self._said))
        W = self.units.output[:, None] * (D.T @ (now[:, None] * self._inputs))
        return _state(Particles(now @ S, W, later @ S, self.units.weights))

    @property
    def _inputs(self) -> Array:
        return np.asarray(self.data.input_vectors[self.mu.states])

    def _sum(self, function: Any, weights: Array, x: Array, m: Array) -> Array:
        out = np.empty(len(m))
        expectations(function, self._nodes, weights, x, m, out)
        return out


def _state(units: Particles) -> Array:
    """Return what moves, as one vector."""
    return np.concatenate([units.output, units.recurrent, units.inputs.ravel()])
