"""The invariant law μ of input and memory, and averages along one path: the Poisson equation.

The state z = (s, m) of the joint chain is a state s of the data and the memory m held when its input x_s arrives; one
step leads to (j, φ(x_s, m)) with probability P_sj.  Its kernel P̂ acts on functions by

    P̂u(s, m) = Σ_j P_sj u(j, φ(x_s, m)).

On a finite chain functions of m are represented, state by state, by their values at Chebyshev nodes of an interval
that memory never leaves.  P̂ then is a matrix T, with one row per node, and its left null vector w(I − T) = 0, Σ w = 1,
is a quadrature rule for μ: signed, no histogram, but spectrally accurate for smooth functions.  For any other sequence
μ is the empirical law of a long trajectory.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _checks
from rnnkernel._collocation import Grid
from rnnkernel._types import Array, Rng
from rnnkernel.chains import DataSequence
from rnnkernel.memory import MemoryMap

_LENGTH = 10_000  # steps of a simulated sequence that stands for its law


class StationaryLaw:
    """The invariant law μ of (x, m): input, and memory held when it arrives.

    E_μ[f] ≈ Σ_i weights[i] f(inputs[i], memory[i]).  On a `DataSequence` this is Chebyshev collocation in m; the
    weights are signed, and exact for smooth f up to rounding.  On a given sequence (x, y), or on any object whose
    ``simulate(n, rng=)`` returns (x, y), it is the empirical law of (x_k, M_k), M_0 = 0.

    Parameters
    ----------
    data : DataSequence, or pair of arrays (x, y), or object with ``simulate``
        Where inputs come from.
    memory : MemoryMap
        The memory map φ.
    n_nodes : int, optional
        Nodes per state of a chain; if not given, as many as φ needs to be resolved to rounding.  Steps of a simulated
        sequence; 10 000 if not given.
    rng : int or numpy.random.Generator
        Source of randomness for a simulated sequence; nothing else is random.

    Attributes
    ----------
    inputs : ndarray, shape (n,) or (n, d)
        Inputs at the nodes.
    memory : ndarray, shape (n,)
        Memories at the nodes.
    weights : ndarray, shape (n,)
        Weights of the nodes, with sum one.
    states : ndarray of int, shape (n,)
        States of the chain at the nodes; steps k of a sequence.
    targets, target_variances : ndarray, shape (n,)
        Mean and variance of the target given the node.

    Raises
    ------
    ValueError
        If the chain is reducible, or if memory has several invariant laws (possible for q ≥ 1 only): averages then
        depend on the start.  A periodic chain is accepted: its averages over time do not.

    Notes
    -----
    Book: :doc:`stationary-law`.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import InitialLaw, MarkovChain
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> mu = StationaryLaw(data, MemoryMap(law))
    >>> round(mu.mean(lambda x, m: m), 12), round(mu.mean(lambda x, m: x * m), 12)
    (-0.12757158164, 0.186811509496)
    """

    def __init__(self, data: Any, memory: MemoryMap, *, n_nodes: int | None = None, rng: Rng = 0) -> None:
        if not isinstance(memory, MemoryMap):
            raise TypeError(f"memory must be a MemoryMap, not {type(memory).__name__}")
        if n_nodes is not None:
            n_nodes = _checks.integer("n_nodes", n_nodes, least=2)
        self.data = data
        self.memory_map = memory
        self._grid: Grid | None = None
        if isinstance(data, DataSequence):
            if data.n_inputs != memory.n_inputs:
                raise ValueError(
                    f"data must have inputs of {memory.n_inputs} coordinate(s), as the law of memory has, not "
                    f"{data.n_inputs}"
                )
            data.chain.stationary_distribution  # noqa: B018 (refuses a reducible chain, with its own message)
            self._grid = Grid(data.chain, data.input_vectors, memory, n_nodes)
            self.states = np.repeat(np.arange(data.chain.n_states), self._grid.n)
            self.points = data.input_vectors[self.states]
            self.memory = self._grid.nodes.ravel()
            self.targets = data.mean_target[self.states]
            self.target_variances = data.target_variance[self.states]
            if memory.contraction >= 1:
                self._require_one_law()
            self.weights = self._left_null_vector()
        else:
            x, self.targets = self._sequence(data, n_nodes, rng)
            self.points = x
            self.memory = memory.trajectory(x)[:-1]
            if not isinstance(data, (tuple, list)):
                burnt = slice(memory.steps_to_forget, None)
                self.points, self.memory, self.targets = self.points[burnt], self.memory[burnt], self.targets[burnt]
            n = len(self.memory)
            self.states = np.arange(n)
            self.target_variances = np.zeros(n)
            self.weights = np.full(n, 1 / n)
        _warn_of_large_inputs(self.points, memory.law.input_reach)

    @property
    def inputs(self) -> Array:
        """Inputs at the nodes, shape (n,) if d = 1 and (n, d) otherwise."""
        return self.points[:, 0] if self.points.shape[1] == 1 else self.points

    @property
    def is_empirical(self) -> bool:
        """Whether μ is the empirical law of a sequence, and not computed on a finite chain."""
        return self._grid is None

    def mean(self, f: Callable[[Array, Array], Any]) -> float:
        """E_μ[f(X, M)].

        Parameters
        ----------
        f : callable
            Vectorised function of inputs (n,), or (n, d) if d > 1, and memories (n,), with values (n,).

        Returns
        -------
        float
        """
        return float(self.weights @ _values(f, self.points, self.memory))

    def sample(self, n: int, *, rng: Rng) -> tuple[Array, Array]:
        """Draw independent points from μ.

        On a chain each is the end of its own path, long enough to forget its start to 1e-13; on a sequence, a step
        drawn at random.

        Parameters
        ----------
        n : int
            How many.
        rng : int or numpy.random.Generator
            Source of randomness.

        Returns
        -------
        x : ndarray, shape (n,) or (n, d)
        m : ndarray, shape (n,)

        Examples
        --------
        >>> from scipy import stats
        >>> from rnnkernel import InitialLaw, MarkovChain
        >>> data = DataSequence(MarkovChain([[0.5, 0.5], [0.5, 0.5]]), inputs=[-1.0, 1.0], targets=[0.0, 0.0])
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> x, m = StationaryLaw(data, MemoryMap(law)).sample(5, rng=0)
        >>> x.shape, m.shape
        ((5,), (5,))
        """
        n = _checks.integer("n", n, least=0)
        generator = np.random.default_rng(rng)
        if self._grid is None:
            chosen = generator.integers(len(self.memory), size=n)
            return self.inputs[chosen], self.memory[chosen]
        chain, points = self.data.chain, self.data.input_vectors
        states = generator.choice(chain.n_states, size=n, p=chain.stationary_distribution)
        m = np.zeros(n)
        for _ in range(self.memory_map.steps_to_forget):
            m = self.memory_map(points[states], m)
            states = (generator.random(n)[:, None] >= chain.cumulative[states]).sum(axis=1)
        return self.data.inputs[states], m

    def simulate(self, n: int, *, rng: Rng) -> tuple[Any, Array, Array]:
        """Return a stationary path of n steps of a finite chain.

        Parameters
        ----------
        n : int
            How many steps.
        rng : int or numpy.random.Generator
            Source of randomness; the same seed gives the same path.

        Returns
        -------
        states : ndarray of int, shape (n,)
        x : ndarray, shape (n,) or (n, d)
        m : ndarray, shape (n,)
            The memory held when each input arrives.
        """
        self._require_chain("simulate")
        n = _checks.integer("n", n, least=0)
        lost = self.memory_map.steps_to_forget
        states = self.data.chain.simulate(n + lost, rng=rng)
        m = self.memory_map.trajectory(self.data.input_vectors[states])[lost:-1]
        return states[lost:], self.data.inputs[states[lost:]], m

    @cached_property
    def transition_operator(self) -> Array:
        """The matrix T of P̂ on values at the nodes, shape (n, n): rows sum to one, entries may be negative."""
        return self._require_chain("transition_operator").transition_operator

    @property
    def intervals(self) -> Array:
        """The memories that each state can hold, starting from 0: rows [low, high], shape (n_states, 2)."""
        grid = self._require_chain("intervals")
        return np.column_stack([grid.centre - grid.half, grid.centre + grid.half])

    def interpolate(self, values: Any) -> Callable[[Any, Any], Array]:
        """Return the function of (states, m) that has the given values at the nodes.

        Parameters
        ----------
        values : array_like, shape (n_nodes,)
            Values at the nodes.

        Returns
        -------
        callable
            Function of states (n,) and memories (n,) within `intervals`, with values (n,).

        Examples
        --------
        >>> from scipy import stats
        >>> from rnnkernel import InitialLaw, MarkovChain
        >>> data = DataSequence(MarkovChain([[0.5, 0.5], [0.5, 0.5]]), inputs=[-1.0, 1.0], targets=[0.0, 0.0])
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> mu = StationaryLaw(data, MemoryMap(law))
        >>> mu.interpolate(np.exp(mu.memory))([0, 1], [-0.1, 0.1])
        array([0.90483742, 1.10517092])
        """
        grid = self._require_chain("interpolate")
        given = _checks.array("values", values, ndim=1)
        if given.shape != self.memory.shape:
            raise ValueError(f"values must hold one value for each of {len(self.memory)} nodes, not {len(given)}")
        table = given.reshape(-1, grid.n)
        return lambda states, m: grid.interpolate(table, *self._joint_states(states, m))

    def solve_poisson(self, f: Callable[[Array, Array], Any]) -> "PoissonSolution":
        """Solve u − P̂u = f − μ(f), μ(u) = 0, on a finite chain.

        Parameters
        ----------
        f : callable
            Vectorised function of inputs (n,), or (n, d) if d > 1, and memories (n,), with values (n,).

        Returns
        -------
        PoissonSolution

        Examples
        --------
        >>> from scipy import stats
        >>> from rnnkernel import InitialLaw, MarkovChain
        >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
        >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> sol = StationaryLaw(data, MemoryMap(law)).solve_poisson(lambda x, m: m)
        >>> round(sol.mean, 12), round(sol.asymptotic_variance, 12), sol.residual < 1e-12
        (-0.12757158164, 0.229144144549, True)
        """
        self._require_chain("solve_poisson")
        return PoissonSolution(self, f)

    def _joint_states(self, states: Any, m: Any) -> tuple[Any, Array]:
        memory = np.atleast_1d(_checks.array("memory", m, ndim=(0, 1)))
        given = np.atleast_1d(np.asarray(states))
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(f"states must be integers, one for each memory, not {states!r}")
        if len(given) not in (1, len(memory)) and len(memory) != 1:
            raise ValueError(f"states and memory must have the same length, not {len(given)} and {len(memory)}")
        n_states = self.data.chain.n_states
        if given.size and not 0 <= given.min() <= given.max() < n_states:
            raise ValueError(f"states must be from 0 to {n_states - 1}, not {states!r}")
        n = max(len(given), len(memory)) if given.size and memory.size else 0
        return np.broadcast_to(given, n), np.broadcast_to(memory, n)

    def _require_chain(self, what: str) -> Grid:
        if self._grid is None:
            raise TypeError(
                f"{what} needs the transition probabilities of a finite chain; data is a sequence, of which only the "
                "empirical law is known"
            )
        return self._grid

    @cached_property
    def _fundamental(self) -> Array:
        """(I − T + 1νᵀ)⁻¹ for a probability ν: applied to f − μ(f), the solution up to a constant."""
        inverse = np.linalg.inv(np.eye(len(self.memory)) - self.transition_operator + self._reference)
        return np.asarray(inverse, dtype=float)

    def _require_one_law(self) -> None:
        """Let memories from both ends of the intervals see the same inputs: if they meet, the law is unique."""
        low, high = self.intervals[:, 0].min(), self.intervals[:, 1].max()
        states = self.data.chain.simulate(_LENGTH, rng=0)
        apart = self.memory_map.forgetting(self.data.input_vectors[states], low, high)[-1]
        if apart > 1e-9 * (high - low):
            raise ValueError(
                f"memories that start at {low:.3g} and at {high:.3g} are still {apart:.3g} apart after {_LENGTH} "
                "steps: there may be more than one invariant law, and averages then depend on where memory starts "
                f"(its contraction factor is {self.memory_map.contraction:g})"
            )

    @property
    def _reference(self) -> Array:
        grid = self._require_chain("the reference law")
        return np.repeat(self.data.chain.stationary_distribution, grid.n) / grid.n

    def _left_null_vector(self) -> Array:
        weights = self._reference @ self._fundamental
        return np.asarray(weights / weights.sum())

    def _sequence(self, data: Any, n_nodes: int | None, rng: Rng) -> tuple[Array, Array]:
        if not isinstance(data, (tuple, list)):
            if not hasattr(data, "simulate"):
                raise TypeError(
                    "data must be a DataSequence, a pair of arrays (x, y), or an object with simulate(n, rng=), not "
                    f"{type(data).__name__}"
                )
            data = data.simulate((n_nodes or _LENGTH) + self.memory_map.steps_to_forget, rng=rng)
        elif n_nodes is not None:
            raise ValueError("n_nodes has no meaning for a given sequence: every step is a node")
        if len(data) != 2:
            raise ValueError(f"data must be a pair (x, y), not {len(data)} arrays")
        x = _checks.sequence("x", data[0], self.memory_map.n_inputs)
        y = _checks.array("y", data[1], ndim=1)
        if len(x) != len(y) or not len(x):
            raise ValueError(f"x and y must have the same positive length, not {len(x)} and {len(y)}")
        return x, y


class Decomposition(NamedTuple):
    """Σ_{k<n} (f(z_k) − μf) = boundary + Σ martingale, exactly.  Book: :doc:`poisson-equation`."""

    total: float
    """Σ_{k<n} (f(z_k) − μ(f))."""
    boundary: float
    """u(z_0) − u(z_n)."""
    martingale: Array
    """The n increments u(z_k) − P̂u(z_{k−1}), each of mean zero given the past."""


class ErgodicBound(NamedTuple):
    """‖(1/n) Σ_{k<n} (f(z_k) − μf)‖_{L²} ≤ boundary + martingale.  Book: :doc:`poisson-equation`."""

    boundary: Any
    """2‖u‖_∞/n."""
    martingale: Any
    """σ_f/√n."""

    @property
    def total(self) -> Any:
        """The sum of both terms."""
        return self.boundary + self.martingale


class PoissonSolution:
    """The solution u of u − P̂u = f − μ(f), μ(u) = 0; made by `StationaryLaw.solve_poisson`.

    u = Σ_n (P̂ⁿf − μf).  Called with states and memories it evaluates u there, through one more application of the
    equation, u = f − μ(f) + P̂u, which needs u on the right at the nodes only.

    Parameters
    ----------
    law : StationaryLaw
        The invariant law μ, on a finite chain.
    f : callable
        Vectorised function of inputs (n,), or (n, d) if d > 1, and memories (n,), with values (n,).

    Attributes
    ----------
    mean : float
        μ(f).
    values : ndarray, shape (n_nodes,)
        u at the nodes of the law.
    asymptotic_variance : float
        σ_f² = 2⟨u, f − μf⟩_μ − ‖f − μf‖²_μ, the limit of n times the variance of the average over n steps.
    residual : float
        The largest |u − P̂u − (f − μf)| between the nodes: what the representation by finitely many nodes costs.

    Notes
    -----
    Book: :doc:`poisson-equation`.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import InitialLaw, MarkovChain
    >>> data = DataSequence(MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[0.0, 0.0])
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> mu = StationaryLaw(data, MemoryMap(law))
    >>> sol = mu.solve_poisson(lambda x, m: x)
    >>> sol([0, 1], [0.0, 0.0]).round(12)
    array([-1.5625,  4.6875])
    >>> states, x, m = mu.simulate(1001, rng=0)
    >>> parts = sol.decompose(states, m)
    >>> bool(abs(parts.total - parts.boundary - parts.martingale.sum()) < 1e-10)
    True
    """

    def __init__(self, law: StationaryLaw, f: Callable[[Array, Array], Any]) -> None:
        self.law = law
        self.f = f
        given = _values(f, law.points, law.memory)
        self.mean = float(law.weights @ given)
        centred = given - self.mean
        u = law._fundamental @ centred
        self.values = u - law.weights @ u
        self._interpolant = law.interpolate(self.values)
        variance = law.weights @ (centred * (2 * self.values - centred))
        self.asymptotic_variance = max(float(variance), 0.0)

    def __call__(self, states: Any, memory: Any) -> Array:
        """Return u at joint states.

        Parameters
        ----------
        states : array_like of int, shape (n,)
            States of the chain.
        memory : array_like, shape (n,)
            Memories held there.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self.centred(states, memory) + self.one_step(states, memory)

    def centred(self, states: Any, memory: Any) -> Array:
        """Return f − μ(f) at joint states.

        Parameters
        ----------
        states : array_like of int, shape (n,)
            States of the chain.
        memory : array_like, shape (n,)
            Memories held there.

        Returns
        -------
        ndarray, shape (n,)
        """
        s, m = self.law._joint_states(states, memory)
        return _values(self.f, self.law.data.input_vectors[s], m) - self.mean

    def one_step(self, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states: the mean of u after one more step.

        Parameters
        ----------
        states : array_like of int, shape (n,)
            States of the chain.
        memory : array_like, shape (n,)
            Memories held there.

        Returns
        -------
        ndarray, shape (n,)
        """
        s, m = self.law._joint_states(states, memory)
        P = self.law.data.chain.transition
        after = np.asarray(self.law.memory_map(self.law.data.input_vectors[s], m))
        out = np.zeros(len(s))
        for j in range(len(P)):
            reached = P[s, j] > 0
            out[reached] += P[s[reached], j] * self._interpolant(np.full(reached.sum(), j), after[reached])
        return out

    @cached_property
    def residual(self) -> float:
        """The largest |u − P̂u − (f − μf)| between the nodes."""
        s, m = self.law._require_chain("residual").between()
        return float(np.abs(self._interpolant(s, m) - self(s, m)).max())

    def decompose(self, states: Any, memory: Any) -> Decomposition:
        """Split a sum along a path of the joint chain into a boundary term and a martingale.

        Σ_{k<n} (f(z_k) − μf) = u(z_0) − u(z_n) + Σ_{k=1}^{n} [u(z_k) − P̂u(z_{k−1})], exact to rounding.

        Parameters
        ----------
        states : array_like of int, shape (n + 1,)
            The path s_0, …, s_n.
        memory : array_like, shape (n + 1,)
            The memories m_0, …, m_n held along it.

        Returns
        -------
        Decomposition
            ``.total``, ``.boundary``, and the n increments ``.martingale``.
        """
        s, m = self.law._joint_states(states, memory)
        if not len(s):
            raise ValueError("states must hold at least one state, not none")
        centred, after = self.centred(s, m), self.one_step(s, m)
        u = centred + after
        return Decomposition(float(centred[:-1].sum()), float(u[0] - u[-1]), u[1:] - after[:-1])

    def bound(self, n: Any) -> ErgodicBound:
        """Bound the root mean square of the average over n stationary steps: 2‖u‖_∞/n + σ_f/√n.

        Parameters
        ----------
        n : int or array_like
            How many steps.

        Returns
        -------
        ErgodicBound
            ``.boundary``, ``.martingale`` and their sum ``.total``, shaped as `n`.
        """
        steps = np.asarray(n)
        if steps.dtype.kind not in "iuf" or (steps.size and steps.min() < 1):
            raise ValueError(f"n must be at least 1, not {n!r}")
        s, m = self.law._require_chain("bound").between()
        largest = np.abs(self(s, m)).max()
        return ErgodicBound(2 * largest / steps, np.sqrt(self.asymptotic_variance / steps))


def _warn_of_large_inputs(points: Array, reach: Array) -> None:
    largest = np.abs(points).max(axis=0)
    if (largest > reach).any():
        i = int((largest / reach).argmax())
        warnings.warn(
            f"inputs as large as {largest[i]:.3g} in coordinate {i} outrun the quadrature over W, which resolves "
            f"tanh(W·x + m) to three digits up to {reach[i]:.3g}; give the inputs, or the law of W, a smaller scale",
            RuntimeWarning,
            stacklevel=3,
        )


def _values(f: Callable[[Array, Array], Any], points: Array, m: Array) -> Array:
    given = np.asarray(f(points[:, 0] if points.shape[1] == 1 else points, m), dtype=float)
    if given.shape not in ((), (len(m),)):
        raise ValueError(f"f must return one value for each of {len(m)} points, not an array of shape {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("f must be finite at every point")
    return np.broadcast_to(given, (len(m),))
