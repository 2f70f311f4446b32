"""The invariant law μ of input and memory: of a finite chain, of a recursion on a continuum, and of one path.

The state z = (s, m) of the joint chain is a state s of the data and the memory m held when its input x_s arrives; one
step leads to (j, φ(x_s, m)) with probability P_sj.  On a finite chain μ is the invariant law of these steps, found by
collocation, and so it is for a recursion whose noise has a known law.  For any other sequence it is the empirical law
of a long trajectory.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from rnnkernel import _checks
from rnnkernel._collocation import Collocation, evaluate, inputs
from rnnkernel._immutable import Immutable
from rnnkernel._types import Array, Rng, Source
from rnnkernel.chains import DataSequence
from rnnkernel.continuum import Continuum, ContinuumCollocation
from rnnkernel.memory import MemoryMap
from rnnkernel.poisson import PoissonSolution

_LENGTH = 10_000  # steps of a simulated sequence that stands for its law
_STARTS = 33  # of memory, when q ≥ 1


class StationaryLaw(Immutable):
    """The invariant law μ of (x, m): input, and memory held when it arrives.

    E_μ[f] ≈ Σ_i weights[i] f(inputs[i], memory[i]).  On a `DataSequence` this is Chebyshev collocation in m, on an
    `Autoregression`, a `NoisyRotation`, or a `RandomRecursion` with an innovation it is collocation in its state, too;
    the weights are signed, and exact for smooth f up to rounding.  On a given sequence (x, y), or on any other object
    whose ``simulate(n, rng=)`` returns (x, y), it is the empirical law of (x_k, M_k), M_0 = 0; on several sequences,
    memory starts from zero in each.  Book: :doc:`stationary-law`.

    Parameters
    ----------
    data : DataSequence, recursion, pair of arrays (x, y), list of pairs, or object with ``simulate``
        Where inputs come from.
    memory_map : MemoryMap
        The memory map φ.
    n_nodes : int or tuple of int, optional
        Nodes in memory; if not given, as many as φ needs to be resolved to rounding.  For a recursion also nodes in
        each coordinate of its state, and in memory.
    n_steps : int, optional
        Steps of a simulated sequence, 10 000 if not given; if given, a recursion is simulated, too.
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
    targets, target_variances : ndarray, shape (n,)
        Mean and variance of the target given the node.

    Raises
    ------
    ValueError
        If the chain is reducible, or if memory has several invariant laws (possible for q ≥ 1 only): averages then
        depend on the start.  A periodic chain is accepted: its averages over time do not.  If a recursion is not
        smooth, its states have no bounded range, or it has more than two state variables.
    TypeError
        From all that needs transition probabilities, if data is a sequence.

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
    >>> sol = mu.solve_poisson(lambda x, m: m)
    >>> round(sol.mean, 12), round(sol.asymptotic_variance, 12), sol.residual < 1e-12
    (-0.12757158164, 0.229144144549, True)
    >>> mu.interpolate(np.exp(mu.memory))([0, 1], [-0.1, 0.1])
    array([0.90483742, 1.10517092])
    """

    input_vectors: Array
    memory: Array
    weights: Array
    targets: Array
    target_variances: Array
    collocation: Collocation
    _deviations: Array  # the matrix of u ↦ Cov(Y, u(s') | s) on functions of the state alone
    _find: Callable[[Any, int | None, Rng], None]  # fills the attributes of the nodes
    _draw: Callable[[int, np.random.Generator], tuple[Array, Array]]
    _path: Callable[[int, np.random.Generator], tuple[Any, Array]]  # states and inputs of a stationary path

    def __new__(
        cls,
        data: Any,
        memory_map: MemoryMap,
        *,
        n_nodes: int | tuple[int, ...] | None = None,
        n_steps: int | None = None,
        rng: Rng = 0,
    ) -> Self:
        """Choose the kind of law: of a chain, of a recursion, or of a path."""
        del memory_map, n_nodes, rng  # for __init__
        kind: type = cls
        if cls is StationaryLaw:
            known = n_steps is None and getattr(data, "_laws", None) is not None
            kind = ChainLaw if isinstance(data, DataSequence) else ContinuumLaw if known else EmpiricalLaw
        return object.__new__(kind)

    def __getnewargs__(self) -> tuple[Any, MemoryMap]:
        """Return what `__new__` needs when a law is copied or unpickled."""
        return self.data, self.memory_map

    def __init__(
        self,
        data: Any,
        memory_map: MemoryMap,
        *,
        n_nodes: int | tuple[int, ...] | None = None,
        n_steps: int | None = None,
        rng: Rng = 0,
    ) -> None:
        self.data = data
        self.memory_map: MemoryMap = _checks.kind("memory_map", memory_map, MemoryMap)
        _checks.generator(rng)
        self._find(n_nodes, n_steps, rng)

    @property
    def inputs(self) -> Array:
        """Inputs at the nodes, shape (n,) if d = 1 and (n, d) otherwise."""
        return inputs(self.input_vectors)

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
        return float(self.weights @ evaluate(f, self.input_vectors, self.memory))

    def sample(self, n: int, *, rng: Rng) -> tuple[Array, Array]:
        """Draw independent points from μ.

        On a chain or recursion each is the end of its own path, long enough to forget its start to 1e-13; on a
        sequence, a step drawn at random.

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
        return self._draw(_checks.integer("n", n, least=0), _checks.generator(rng))

    def simulate(self, n: int, *, rng: Rng) -> tuple[Any, Array, Array]:
        """Return a stationary path of n steps of a chain or recursion.

        Parameters
        ----------
        n : int
            How many steps.
        rng : int or numpy.random.Generator
            Source of randomness; the same seed gives the same path.

        Returns
        -------
        states : ndarray, shape (n,) or (n, k)
        x : ndarray, shape (n,) or (n, d)
        m : ndarray, shape (n,)
            The memory held when each input arrives.
        """
        n = _checks.integer("n", n, least=0)
        lost, _ = self.memory_map.steps_to_forget, self.collocation  # which a path does not have
        states, x = self._path(n + lost, _checks.generator(rng))
        return states[lost:], x[lost:], self.memory_map.trajectory(x)[lost:-1]

    @property
    def states(self) -> Any:
        """The states at the nodes: integers of a chain, (n,), numbers or vectors of a recursion, (n,) or (n, k)."""
        return self.collocation.states

    @property
    def transition_operator(self) -> Array:
        """The matrix T of P̂ on values at the nodes, shape (n, n): rows sum to one, entries may be negative."""
        return self.collocation.transition_operator

    @property
    def intervals(self) -> Array:
        """The memories that each state (of the nodes) can hold, starting from 0: rows [low, high]."""
        return self.collocation.intervals

    def interpolate(self, values: Any) -> Callable[[Any, Any], Array]:
        """Return the function of (states, m) that has the given values at the nodes.

        Parameters
        ----------
        values : array_like, shape (n_nodes,) or (n_nodes, k)
            Values at the nodes, of one function or of k.

        Returns
        -------
        callable
            Function of states and memories (n,) within `intervals`, with values (n,) or (n, k).  The interpolant of the
            identity matrix gives the weights that turn values at the nodes into values there.

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
        return partial(self.collocation.at, self._at_nodes(values))

    def solve_poisson(self, f: Callable[[Array, Array], Any]) -> PoissonSolution:
        """Solve u − P̂u = f − μ(f), μ(u) = 0, for a chain or a recursion.

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
        return PoissonSolution(self.collocation, f)

    @property
    def shows_states(self) -> bool:
        """Whether inputs and mean targets are known to tell the states apart."""
        return False

    def target_covariance(self, values: Array) -> Array:
        """Return Cov(Y, u(z')|z) at the nodes, for u one step later, by its values at the nodes on the first axis."""
        return self.collocation.step(self._at_nodes(values), self._deviations)

    def _at_nodes(self, values: Any) -> Array:
        given = _checks.array("values", values, ndim=(1, 2))
        if len(given) != len(self.memory):
            raise ValueError(f"values must hold one value for each of {len(self.memory)} nodes, not {len(given)}")
        return given


class ChainLaw(StationaryLaw):
    """The law of a chain: its nodes are those of a collocation."""

    def _find(self, n_nodes: Any, n_steps: int | None, rng: Rng) -> None:  # noqa: ARG002 (nothing is random)
        data, phi = self.data, self.memory_map
        if n_steps is not None:
            raise ValueError("n_steps has no meaning for a finite chain, of which nothing is simulated")
        if data.n_inputs != phi.law.n_inputs:
            raise ValueError(
                f"data must have inputs of {phi.law.n_inputs} coordinate(s), as the law of memory has, "
                f"not {data.n_inputs}"
            )
        source = self._collocate(n_nodes)
        nodes = self.collocation
        self.memory, self.input_vectors = nodes.memory, source.input_vectors[nodes.states]
        self.targets, self.target_variances = source.mean_target[nodes.states], source.target_variance[nodes.states]
        if phi.contraction >= 1:
            self._require_one_law()
        self.weights = nodes.weights

    def _steps_to_forget(self) -> int:
        """Return what the bound says, or four times what many starts need along one path if that is less."""
        bound, n = self.memory_map.steps_to_forget, 64
        while 4 * n < bound:
            starts, ends = self._ends(n)
            if np.ptp(ends) <= 1e-13 * np.ptp(starts):
                return 4 * n
            n *= 2
        return bound

    def _ends(self, n: int) -> tuple[Array, Array]:
        """Let memories from many starts see the same n inputs; return the starts, and where they end."""
        x = self.data.simulate(n, rng=0)[0]
        starts = np.linspace(self.intervals[:, 0].min(), self.intervals[:, 1].max(), _STARTS)
        return starts, np.array([self.memory_map.fixed_point(x, start) for start in starts])

    def _require_one_law(self) -> None:
        """Ask whether memory forgets where it starts, and whether the nodes resolve what it does."""
        starts, ends = self._ends(_LENGTH)
        low, high = starts[0], starts[-1]
        if np.ptp(ends) > 1e-9 * (high - low):
            first, other = int(ends.argmin()), int(ends.argmax())
            raise ValueError(
                f"memories that start at {starts[first]:.3g} and at {starts[other]:.3g} are still {np.ptp(ends):.3g} "
                f"apart after {_LENGTH} steps: there may be more than one invariant law, and averages then depend on "
                f"where memory starts (its contraction factor is {self.memory_map.contraction:g})"
            )
        residual = PoissonSolution(self.collocation, lambda _, m: m * m).residual
        if residual > 1e-6 * max(low**2, high**2):
            raise ValueError(
                f"memory_map: {self.collocation.n_each} nodes in memory do not resolve this law (its equation fails by "
                f"{residual:.2g} between them), so that averages would be wrong: phi is too steep, with the "
                f"contraction factor {self.memory_map.contraction:g}; give n_nodes, or data as a sequence"
            )

    def _collocate(self, n_nodes: Any) -> Any:
        """Set `collocation` and `_deviations`; return what has inputs and targets of the states."""
        data = self.data
        if n_nodes is not None:
            n_nodes = _checks.integer("n_nodes, if data is a chain,", n_nodes, least=2)
        self.collocation = Collocation(data.chain, data.input_vectors, self.memory_map, n_nodes)
        self._deviations = data.chain.transition * (data.targets - data.mean_target[:, None])
        return data

    @property
    def shows_states(self) -> bool:
        """Whether no two states with different mean targets share an input."""
        few, which = np.unique(self.data.input_vectors, axis=0, return_inverse=True)
        y, (low, high) = self.data.mean_target, np.full((2, len(few)), [[np.inf], [-np.inf]])
        np.minimum.at(low, which.ravel(), y)
        np.maximum.at(high, which.ravel(), y)
        return bool((high - low).max() <= 1e-13 * np.abs(y).max())

    def _path(self, n: int, generator: np.random.Generator) -> tuple[Any, Array]:
        states = self.data._states(n, generator, None)
        return states, self.data._inputs(states)

    def _draw(self, n: int, generator: np.random.Generator) -> tuple[Array, Array]:
        chain, points = self.data.chain, self.data.input_vectors
        states = generator.choice(chain.n_states, size=n, p=chain.stationary_distribution)
        m = np.zeros(n)
        for _ in range(self._steps_to_forget()):
            m = self.memory_map(points[states], m)
            states = (generator.random(n)[:, None] >= chain._cumulative[states]).sum(axis=1)
        return self.data._inputs(states), m


class ContinuumLaw(ChainLaw):
    """The law of a recursion whose noise has a known law, as that of a chain on nodes of its state."""

    def _collocate(self, n_nodes: Any) -> Any:
        given = n_nodes if isinstance(n_nodes, (tuple, list)) and n_nodes else (n_nodes,)
        *in_state, in_memory = (n if n is None else _checks.integer("n_nodes", n, least=2) for n in given)
        source = Continuum(self.data, self.memory_map, in_state)
        self.collocation = ContinuumCollocation(source, source.input_vectors, self.memory_map, in_memory)
        self._deviations = source.deviations
        return source

    @property
    def states(self) -> Array:
        """The states at the nodes."""
        source: Any = self.collocation.chain
        return np.asarray(source.given(source.states[self.collocation.states]))

    @property
    def shows_states(self) -> bool:
        """Whether the input is the state, or its place on a circle."""
        return getattr(self.data, "inputs", None) is None

    def _draw(self, n: int, generator: np.random.Generator) -> tuple[Array, Array]:
        steps = self._steps_to_forget() + 1
        x = np.empty((n, steps, self.memory_map.law.n_inputs))  # at once, so that too many are refused at once
        for each in x:
            each[:] = self._path(steps, generator)[1].reshape(each.shape)
        m = np.zeros(n)
        for now in x[:, :-1].swapaxes(0, 1):
            m = self.memory_map(now, m)
        return inputs(x[:, -1]), m


class EmpiricalLaw(StationaryLaw):
    """The law of a path, or of several of given `lengths`: its nodes are the steps, each with the same weight."""

    lengths: Any

    def _find(self, n_nodes: Any, n_steps: int | None, rng: Rng) -> None:
        data, burnt = self.data, 0
        if not isinstance(data, (tuple, list, Source)):
            raise TypeError(
                "data must be a DataSequence, a pair of arrays (x, y), a list of pairs, or have a method "
                f"simulate(n, rng=), not {type(data).__name__}"
            )
        if n_nodes is not None:
            raise ValueError("n_nodes has no meaning if data is a sequence, or one by n_steps: each step is a node")
        if not isinstance(data, (tuple, list)):
            burnt = self.memory_map.steps_to_forget
            n = _LENGTH if n_steps is None else _checks.integer("n_steps", n_steps, least=1)
            data = _checks.simulated(data, n + burnt, rng)
        elif n_steps is not None:
            raise ValueError("n_steps has no meaning for a given sequence: all of its steps are used")
        given = _checks.records(data, self.memory_map.law.n_inputs)
        self.lengths = np.array([len(x) - burnt for x, _ in given])
        if not self.lengths.all():
            raise ValueError("data must hold at least one step in each record, but one of them has none")
        self.input_vectors = np.concatenate([x[burnt:] for x, _ in given])
        self.memory = np.concatenate([self.memory_map.trajectory(x)[burnt:-1] for x, _ in given])
        self.targets = np.concatenate([y[burnt:] for _, y in given])
        self.target_variances = np.zeros(len(self.targets))
        self.weights = np.full(len(self.memory), 1 / len(self.memory))

    @property
    def collocation(self) -> Collocation:  # type: ignore[override]
        """A path has none."""
        raise TypeError(
            "data is a sequence, of which only the empirical law is known: P̂, its Poisson equation, and functions of "
            "its states need the transition probabilities of a finite chain, or the law of a recursion's noise"
        )

    def _draw(self, n: int, generator: np.random.Generator) -> tuple[Array, Array]:
        chosen = generator.integers(len(self.memory), size=n)
        return self.inputs[chosen], self.memory[chosen]
