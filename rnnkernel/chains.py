"""Markov chains on finitely many states, and the data sequences they drive.

A transition matrix P is a square matrix of probabilities whose rows sum to one.  If every state can be reached from
every other (*irreducible*), or if all states lead into one class that is never left, there is exactly one *stationary
distribution* π = πP.  If the chain is moreover aperiodic, the law of the state tends to π at the rate |λ₂|^k, where λ₂
is the second largest eigenvalue of P in absolute value, and 1 − |λ₂| is the *spectral gap*.  Averages (1/n) Σ_{k<n}
f(X_k) tend to π(f) = Σ_i π_i f_i with a variance σ_f²/n, σ_f² = 2⟨u, f̄⟩_π − ⟨f̄, f̄⟩_π, where f̄ = f − π(f) and u
solves the Poisson equation u − Pu = f̄, π(u) = 0.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnkernel import _checks, _powers, _reduction
from rnnkernel._immutable import Immutable, cached
from rnnkernel._jit import jit, slices, spans
from rnnkernel._types import Array, Rng

_ROUNDING, _ROW_ROUNDING = 1e-12, 1e-6  # what counts as rounding in an entry, and in the sum of a row
_DRAW = 10  # what a step costs, as `slices` counts


class MarkovChain(Immutable):
    """A Markov chain with transition matrix P: from state i to state j with probability P[i, j].

    Entries down to −1e-12 count as zero, and rows whose sums are within 1e-6 of one are scaled to sum to one: so much
    is rounding, in float32 too.

    Parameters
    ----------
    transition : array_like or sparse matrix, shape (n_states, n_states)
        Nonnegative, with rows that sum to one.
    normalize : bool
        Whether to scale rows of any positive sum, such as counts or probabilities of three digits, to sum to one.

    Attributes
    ----------
    transition : ndarray, shape (n_states, n_states)
        P, read-only.
    standard_errors : ndarray, shape (n_states, n_states), or None
        The standard errors of the probabilities, if they were estimated by `from_sequence`.

    Raises
    ------
    ValueError
        If `transition` is not such a matrix.

    Examples
    --------
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> chain.stationary_distribution
    array([0.75, 0.25])
    >>> round(chain.spectral_gap, 12)
    0.4
    >>> MarkovChain([[30, 10], [5, 15]], normalize=True).transition
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """

    standard_errors: Array | None = None

    def __init__(self, transition: Any, *, normalize: bool = False) -> None:
        dense = transition.toarray() if hasattr(transition, "toarray") else transition
        P = _checks.array("transition", dense, ndim=2)
        if P.shape[0] != P.shape[1] or not P.size:
            raise ValueError(f"transition must be a square matrix, not of shape {P.shape}")
        if P.min() < -_ROUNDING:
            i, j = (int(a) for a in np.argwhere(P < -_ROUNDING)[0])
            raise ValueError(f"transition must be nonnegative, but transition[{i}, {j}] is {P[i, j]}")
        P[P < 0] = 0.0
        sums = P.sum(axis=1)
        off = np.abs(sums - 1)
        if not _checks.flag("normalize", normalize) and off.max() > _ROW_ROUNDING:
            i = int(off.argmax())
            raise ValueError(
                f"transition must have rows that sum to one, but row {i} sums to {sums[i]:.12g}; normalize=True scales "
                "the rows"
            )
        if not sums.all():
            i = int(sums.argmin())
            raise ValueError(f"transition must have rows of a positive sum, but row {i} is zero")
        self.transition: Array = P / sums[:, None]

    @classmethod
    def from_sequence(cls, states: Any, n_states: int | None = None) -> "MarkovChain":
        """Estimate a chain from a sequence of its states: the share of the visits to i that j follows.

        P_ij = n_ij/n_i, with the standard error √(P_ij(1 − P_ij)/n_i).

        Parameters
        ----------
        states : array_like of int, shape (n,)
            The states in the order of time, numbered from 0.
        n_states : int, optional
            How many states there are; one more than the largest seen, if not given.

        Returns
        -------
        MarkovChain
            With `standard_errors`.

        Raises
        ------
        ValueError
            If some state is never left, so that nothing is known of what follows it.

        Examples
        --------
        >>> chain = MarkovChain.from_sequence([0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0])
        >>> chain.transition.round(3)
        array([[0.5 , 0.5 ],
               [0.75, 0.25]])
        >>> chain.standard_errors.round(3)
        array([[0.204, 0.204],
               [0.217, 0.217]])
        """
        given = _checks.integers("states", states)
        if len(given) < 2 or given.min() < 0:
            raise ValueError("states must hold at least two states, numbered from 0")
        size = int(given.max()) + 1
        if n_states is not None and _checks.integer("n_states", n_states, least=1) < size:
            raise ValueError(f"n_states must be at least {size}, as states holds {size - 1}, not {n_states}")
        size = size if n_states is None else n_states
        left, visits = np.unique(given[:-1], return_counts=True)
        if len(left) < size:
            missing = int((np.append(left, -1) != np.arange(len(left) + 1)).argmax())
            raise ValueError(
                f"states must leave every state, but state {missing} of n_states = {size} is never left: "
                "number the states that occur without gaps, or leave out the last step"
            )
        counts = np.zeros((size, size))
        np.add.at(counts, (given[:-1], given[1:]), 1.0)
        chain = cls(counts, normalize=True)
        chain.standard_errors = np.sqrt(chain.transition * (1 - chain.transition) / visits[:, None])
        return chain

    @property
    def n_states(self) -> int:
        """The number of states."""
        return len(self.transition)

    @cached
    def is_irreducible(self) -> bool:
        """Whether every state can be reached from every other."""
        return len(self.classes) == 1

    @cached
    def classes(self) -> list[list[int]]:
        """The communicating classes: groups of states that can all be reached from one another."""
        from scipy.sparse.csgraph import connected_components

        labels = connected_components(self.transition > 0, connection="strong")[1]
        _, firsts = np.unique(labels, return_index=True)
        return [np.flatnonzero(labels == labels[first]).tolist() for first in np.sort(firsts)]

    @cached
    def closed_classes(self) -> list[list[int]]:
        """The classes that are never left; with a single one, the chain has one stationary law, zero elsewhere."""
        return [c for c in self.classes if not np.delete(self.transition[c], c, axis=1).any()]

    @cached
    def period(self) -> int:
        """The greatest common divisor of the lengths of all cycles that come again for ever."""
        from scipy.sparse.csgraph import breadth_first_order

        closed = self._closed_class("period")
        inside = self.transition[np.ix_(closed, closed)] > 0
        order, before = breadth_first_order(inside, 0)
        depth = np.zeros(len(closed), dtype=np.int64)
        for state in order[1:]:
            depth[state] = depth[before[state]] + 1
        i, j = np.nonzero(inside)
        return int(np.gcd.reduce(depth[i] + 1 - depth[j]))

    @cached
    def stationary_distribution(self) -> Array:
        """The unique π with πP = π, each entry right to a few units in its own last place, however small it is.

        By the elimination of Grassmann, Taksar and Heyman, which never subtracts.  A state that is left for ever has
        π = 0.  Raises ``ValueError`` for a chain with several closed classes, where π is not unique.
        """
        closed = self._closed_class("stationary_distribution")
        pi = np.zeros(self.n_states)
        pi[closed] = _reduction.stationary_distribution(self.transition[np.ix_(closed, closed)])
        return pi

    @cached
    def spectral_gap(self) -> float:
        """1 − |λ₂|: zero if the law of the state need not tend to one limit, one if states are independent.

        Warns (``RuntimeWarning``) where eigenvalues are so sensitive to rounding that fewer than six digits are known;
        norms of powers of P − 1π then bound |λ₂| from above.
        """
        if self.n_states == 1:
            return 1.0
        if len(self.closed_classes) > 1 or self.period > 1:
            return 0.0
        from scipy.linalg import eig

        A = self.transition[:-1, :-1] - self.transition[-1, :-1]  # P on differences: its eigenvalues without the 1
        values, left, right = eig(A, left=True)
        second = int(np.abs(values).argmax())
        modulus = float(np.abs(values[second]))
        sensitivity = 1 / max(abs(np.vdot(left[:, second], right[:, second])), 1e-300)
        if sensitivity * np.abs(A).sum(axis=1).max() < 1e9:
            return max(0.0, 1 - modulus)
        low, high = _powers.radius_bounds(A)
        if high - low > 1e-6:
            warnings.warn(
                f"spectral_gap is known to be between {1 - high:.6g} and {1 - low:.6g} only: eigenvalues of this chain "
                "are too sensitive to rounding; its least possible value is given",
                RuntimeWarning,
                stacklevel=2,
            )
        return max(0.0, 1 - high)

    def doeblin_coefficient(self, steps: int = 1) -> float:
        """Return ε_r = Σ_j min_i (P^r)_ij, the part of the r-step law that no start can change.

        Any two laws approach each other in total variation by the factor 1 − ε_r in r steps.

        Parameters
        ----------
        steps : int
            The number of steps r.

        Returns
        -------
        float
            From 0 to 1; positive for some r if the chain is irreducible and aperiodic, zero for all r if periodic.

        Examples
        --------
        >>> round(MarkovChain([[0.9, 0.1], [0.3, 0.7]]).doeblin_coefficient(), 12)
        0.4
        """
        steps = _checks.integer("steps", steps, least=0, most=2**62)
        law = _powers.power(self.transition, steps, np.zeros(self.n_states)).law
        return min(1.0, float(law.min(axis=0).sum()))

    def dobrushin_coefficient(self, steps: int = 1) -> float:
        """Return η_r = min over pairs of starts i, i' of Σ_j min((P^r)_ij, (P^r)_i'j), what two r-step laws share.

        Any two laws approach each other in total variation by at least the factor 1 − η_r in r steps.

        Parameters
        ----------
        steps : int
            The number of steps r.

        Returns
        -------
        float
            From ε_r, the Doeblin coefficient, to 1.

        Examples
        --------
        >>> MarkovChain([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]]).dobrushin_coefficient()
        0.5
        """
        steps = _checks.integer("steps", steps, least=0)
        law = _powers.power(self.transition, steps, np.zeros(self.n_states)).law
        return min(1.0, *(float(np.minimum(law, row).sum(axis=1).min()) for row in law))

    def mixing_distance(self, steps: int) -> float:
        """Return max_i ½ Σ_j |(P^k)_ij − π_j|: total variation to the stationary law after k steps, worst start.

        Parameters
        ----------
        steps : int
            The number of steps k.

        Returns
        -------
        float

        Examples
        --------
        >>> round(MarkovChain([[0.9, 0.1], [0.3, 0.7]]).mixing_distance(2), 12)
        0.27
        """
        steps = _checks.integer("steps", steps, least=0, most=2**62)
        deviation = _powers.power(self.transition, steps, self.stationary_distribution).deviation
        return min(1.0, float(np.abs(deviation).sum(axis=1).max() / 2))

    def solve_poisson(self, values: Any) -> Array:
        """Return u with u − Pu = f − π(f) and π(u) = 0.

        Parameters
        ----------
        values : array_like, shape (n_states,) or (n_states, n_functions)
            The value f_i of each state.

        Returns
        -------
        ndarray, shaped as `values`
            The chain may be periodic.

        Examples
        --------
        >>> MarkovChain([[0.9, 0.1], [0.3, 0.7]]).solve_poisson([-1.0, 1.5]).round(12)
        array([-1.5625,  4.6875])
        """
        centred = self._centred(values, ndim=(1, 2))
        order, reduction = self._reduced
        u = np.empty(centred.shape)
        u[order] = reduction.solve(centred[order])
        return u - self.stationary_distribution @ u

    def asymptotic_variance(self, values: Any) -> float:
        """Return σ_f² = lim n Var((1/n) Σ_{k<n} f(X_k)).

        It is computed as E[(u(X_1) − Pu(X_0))²], the variance of a martingale increment, which is a sum of squares.

        Parameters
        ----------
        values : array_like, shape (n_states,)
            The value f_i of each state.

        Returns
        -------
        float
            For two states π₀π₁(f₁ − f₀)²(1 + ρ)/(1 − ρ), ρ = P₀₀ + P₁₁ − 1.  The chain may be periodic.

        Examples
        --------
        >>> round(MarkovChain([[0.9, 0.1], [0.3, 0.7]]).asymptotic_variance([-1.0, 1.5]), 12)
        4.6875
        """
        u, centred = self.solve_poisson(values), self._centred(values)
        increments = u - u[:, None] + centred[:, None]  # u_j − (Pu)_i with Pu = u − f̄
        return float(self.stationary_distribution @ (self.transition * increments**2).sum(axis=1))

    def average_variance(self, values: Any, n: int) -> float:
        """Return the exact Var((1/n) Σ_{k<n} f(X_k)) of the stationary chain.

        With c_j = ⟨f̄, P^j f̄⟩_π it is (1/n²) (n c_0 + 2 Σ_{j<n} (n − j) c_j); the sum is taken by doubling.

        Parameters
        ----------
        values : array_like, shape (n_states,)
            The value f_i of each state.
        n : int
            How many successive states are averaged.

        Returns
        -------
        float

        Examples
        --------
        >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
        >>> round(chain.average_variance([-1.0, 1.5], 2), 12)
        0.9375
        """
        centred = self._centred(values)
        n = _checks.integer("n", n, least=1)
        return _powers.sum_variance(self.transition, self.stationary_distribution, centred, n) / n / n

    def simulate(self, n: int, *, rng: Rng, start: int | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return n successive states.

        Parameters
        ----------
        n : int
            How many states.
        rng : int or numpy.random.Generator
            Source of randomness; the same seed gives the same states.
        start : int, optional
            The first state; drawn from the stationary distribution if not given.

        Returns
        -------
        ndarray of int, shape (n,)

        Examples
        --------
        >>> MarkovChain([[0.0, 1.0], [1.0, 0.0]]).simulate(5, rng=0, start=1)
        array([1, 0, 1, 0, 1])
        """
        n = _checks.integer("n", n, least=0)
        generator = _checks.generator(rng)
        uniforms, states = np.empty(n), np.empty(n, dtype=np.int64)
        for part in slices(n, _DRAW):
            generator.random(out=uniforms[part])
        if n:
            if start is None:
                first = int(np.searchsorted(_thresholds(self.stationary_distribution), uniforms[0], side="right"))
            else:
                first = _checks.integer("start", start, least=0)
                if first >= self.n_states:
                    raise ValueError(f"start must be a state from 0 to {self.n_states - 1}, not {start}")
            states[0] = first
            for part in spans(n, _DRAW):
                _walk(self._cumulative, uniforms[part], states[part])
        return states

    @cached
    def _cumulative(self) -> Array:
        """Cumulative probabilities of each row, infinite from the last state on that can be reached."""
        return np.array([_thresholds(row) for row in self.transition])

    @cached
    def _reduced(self) -> tuple[Any, _reduction.Reduction]:
        """The factors of I − P, and the order of states in which they were made.

        The likeliest state is last: sums until it is met are short, and so are their rounding errors.
        """
        last = int(self.stationary_distribution.argmax())
        order = np.append(np.delete(np.arange(self.n_states), last), last)
        return order, _reduction.Reduction(self.transition[np.ix_(order, order)])

    def _centred(self, values: Any, ndim: int | tuple[int, ...] = 1) -> Array:
        f = _checks.array("values", values, ndim=ndim)
        if len(f) != self.n_states:
            raise ValueError(f"values must hold one number for each of {self.n_states} states, not {len(f)}")
        return f - self.stationary_distribution @ f

    def _closed_class(self, what: str) -> list[int]:
        closed = self.closed_classes
        if len(closed) > 1:
            raise ValueError(
                f"{what} needs a chain with one closed class of states, but transition has {len(closed)}, which are "
                f"never left: averages depend on the start. The first states of two of them are {closed[0][0]} and "
                f"{closed[1][0]}"
            )
        return closed[0]

    def __repr__(self) -> str:
        what = self.transition.tolist() if self.n_states <= 4 else f"n_states={self.n_states}"
        return f"MarkovChain({what})"


class StateSequence(Immutable):
    """What all data sequences share: states become inputs, successive states become targets, with Gaussian noise."""

    noise: float
    _states: Callable[[int, np.random.Generator, Any], Any]  # n states from a start, or in their law if it is None
    _inputs: Callable[[Any], Array]  # of states
    _targets: Callable[[Any, Any], Array]  # of states and the next states, without noise

    def simulate(self, n: int, *, rng: Rng, start: Any = None) -> tuple[Array, Array]:
        """Return n successive inputs, (n,) or (n, d), and targets, (n,); y[k] belongs to the step from k to k + 1.

        `start` is the first state, drawn from the stationary law if not given; the same seed gives the same sequence.
        """
        n = _checks.integer("n", n, least=0)
        generator = _checks.generator(rng)
        states = self._states(n + 1, generator, start)
        y = self._targets(states[:-1], states[1:])
        if self.noise:
            y = y + self.noise * generator.standard_normal(n)
        return self._inputs(states[:-1]), y


class DataSequence(StateSequence):
    """Inputs and targets driven by a Markov chain.

    In state i the input is x_i; on the transition i → j the target is y_ij + s η with η ~ N(0, 1).  States that
    share an input are hidden from whoever sees the inputs alone.

    Parameters
    ----------
    chain : MarkovChain
        The chain of states.
    inputs : array_like, shape (n_states,) or (n_states, d)
        The input x_i of each state.
    targets : array_like, shape (n_states, n_states) or (n_states,)
        Mean target of each transition, or of each state.
    noise : float
        Standard deviation s of the Gaussian noise of the target.

    Examples
    --------
    >>> chain = MarkovChain([[0.0, 1.0], [1.0, 0.0]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.0], targets=[[0.0, 1.0], [-1.0, 0.0]])
    >>> x, y = data.simulate(4, rng=0, start=0)
    >>> x, y
    (array([-1.,  1., -1.,  1.]), array([ 1., -1.,  1., -1.]))
    """

    def __init__(self, chain: MarkovChain, inputs: Any, targets: Any, noise: float = 0.0) -> None:
        self.chain: MarkovChain = _checks.kind("chain", chain, MarkovChain)
        n = chain.n_states
        self.inputs = _checks.array("inputs", inputs, ndim=(1, 2))
        if len(self.inputs) != n or not self.inputs.size:
            raise ValueError(f"inputs must hold one input for each of {n} states, not shape {self.inputs.shape}")
        self.targets = _of_transitions(targets, n)
        self.noise = _checks.number("noise", noise, least=0, most=1e100)

    @classmethod
    def hidden(
        cls, chain: MarkovChain, emissions: Any, inputs: Any, targets: Any = None, noise: float = 0.0
    ) -> "DataSequence":
        """Return the sequence of symbols that a hidden chain shows: in state i symbol a with probability E_ia.

        Its states are the pairs (i, a) with E_ia > 0, in the order of i and then a: (i, a) → (j, b) with probability
        P_ij E_jb.  So law, limit and errors are exact, as for any chain.

        Parameters
        ----------
        chain : MarkovChain
            The chain of hidden states.
        emissions : array_like, shape (n_states, n_symbols)
            The probabilities E, with rows that sum to one.
        inputs : array_like, shape (n_symbols,) or (n_symbols, d)
            The input of each symbol.
        targets : array_like, shape (n_symbols,) or (n_symbols, n_symbols), optional
            Mean target of each symbol, or of each pair of a symbol and the next; the next input if not given.
        noise : float
            Standard deviation of the Gaussian noise of the target.

        Returns
        -------
        DataSequence

        Examples
        --------
        >>> weather = MarkovChain([[0.9, 0.1], [0.2, 0.8]])
        >>> data = DataSequence.hidden(weather, [[0.7, 0.3, 0.0], [0.1, 0.3, 0.6]], inputs=[-1.0, 0.0, 1.0])
        >>> data.chain.n_states, data.simulate(6, rng=0)[0]
        (5, array([ 0., -1., -1., -1.,  0.,  0.]))
        """
        _checks.kind("chain", chain, MarkovChain)
        E, x = _checks.array("emissions", emissions, ndim=2), _checks.array("inputs", inputs, ndim=(1, 2))
        if len(E) != chain.n_states or E.min(initial=0) < 0 or np.abs(E.sum(axis=1) - 1).max() > _ROW_ROUNDING:
            raise ValueError(
                f"emissions must hold probabilities with rows that sum to one, one row for each of {chain.n_states} "
                f"states, not {_checks.described(emissions)}"
            )
        if len(x) != E.shape[1]:
            raise ValueError(f"inputs must hold one input for each of {E.shape[1]} symbols, not {len(x)}")
        if targets is None:
            targets = np.tile(x if x.ndim == 1 else x[:, 0], (len(x), 1))
        i, a = np.nonzero(E)
        pairs = MarkovChain(chain.transition[np.ix_(i, i)] * E[i, a], normalize=True)
        return cls(pairs, x[a], _of_transitions(targets, len(x))[np.ix_(a, a)], noise)

    @property
    def n_inputs(self) -> int:
        """The dimension d of an input."""
        return int(self.input_vectors.shape[1])

    @property
    def input_vectors(self) -> Array:
        """The inputs of the states as vectors, shape (n_states, d)."""
        return self.inputs if self.inputs.ndim == 2 else self.inputs[:, None]

    @cached
    def mean_target(self) -> Array:
        """f*(i) = E[Y | state i] = Σ_j P_ij y_ij, shape (n_states,)."""
        return np.asarray((self.chain.transition * self.targets).sum(axis=1))

    @cached
    def target_variance(self) -> Array:
        """Var(Y | state i) = Σ_j P_ij (y_ij − f*(i))² + s², shape (n_states,)."""
        deviation = self.targets - self.mean_target[:, None]
        return np.asarray((self.chain.transition * deviation**2).sum(axis=1) + self.noise**2)

    def _states(self, n: int, generator: np.random.Generator, start: Any) -> Any:
        return self.chain.simulate(n, rng=generator, start=start)

    def _inputs(self, states: Any) -> Array:
        return np.asarray(self.inputs[states])

    def _targets(self, states: Any, after: Any) -> Array:
        return np.asarray(self.targets[states, after])


def _of_transitions(targets: Any, n: int) -> Array:
    """Return the targets of n states, or of their transitions, as those of transitions (n, n)."""
    given = _checks.array("targets", targets, ndim=(1, 2))
    if given.shape not in ((n,), (n, n)):
        raise ValueError(f"targets must have shape ({n},) or ({n}, {n}), not {given.shape}")
    return given if given.ndim == 2 else np.repeat(given[:, None], n, axis=1)


def _thresholds(probabilities: Array) -> Array:
    """Cumulative probabilities, with the last positive one set to infinity: no uniform falls beyond it."""
    total = np.cumsum(probabilities)
    total[np.nonzero(probabilities)[0][-1] :] = np.inf
    return total


@jit
def _walk(cumulative: Any, uniforms: Any, out: Any) -> None:
    """Fill `out` with a path from its first entry on; the first uniform is not used.

    The next state is the first whose cumulative probability exceeds the uniform.  Long rows are halved until 64 entries
    are left: below that, looking at one after the other is faster.
    """
    state = out[0]
    for k in range(1, len(out)):
        row = cumulative[state]
        state = 0
        length = len(row)
        while length > 64:
            half = length // 2
            if uniforms[k] >= row[state + half - 1]:
                state += half
            length -= half
        while uniforms[k] >= row[state]:
            state += 1
        out[k] = state
