"""Markov chains on finitely many states, and the data sequences they drive.

A transition matrix P is a square matrix of probabilities whose rows sum to one.  If every state can be reached
from every other (*irreducible*) there is exactly one *stationary distribution* π = πP.  If the chain is moreover
aperiodic, the law of the state tends to π at the rate |λ₂|^k, where λ₂ is the second largest eigenvalue of P in
absolute value, and 1 − |λ₂| is the *spectral gap*.  Averages (1/n) Σ_{k<n} f(X_k) tend to π(f) = Σ_i π_i f_i with a
variance σ_f²/n, σ_f² = 2⟨u, f̄⟩_π − ⟨f̄, f̄⟩_π, where f̄ = f − π(f) and u solves the Poisson equation u − Pu = f̄,
π(u) = 0.
"""

from functools import cached_property
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._jit import jit
from rnnkernel._types import Array, Rng


class MarkovChain:
    """A Markov chain with transition matrix P: from state i to state j with probability P[i, j].

    Parameters
    ----------
    transition : array_like, shape (n_states, n_states)
        Nonnegative, with rows that sum to one.

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
    """

    def __init__(self, transition: Any) -> None:
        P = _checks.array("transition", transition, ndim=2)
        if P.shape[0] != P.shape[1] or not P.size:
            raise ValueError(f"transition must be a square matrix, not of shape {P.shape}")
        if (P < 0).any():
            i, j = (int(a) for a in np.argwhere(P < 0)[0])
            raise ValueError(f"transition must be nonnegative, but transition[{i}, {j}] is {P[i, j]}")
        off = np.abs(P.sum(axis=1) - 1)
        if off.max() > 1e-9:
            i = int(off.argmax())
            raise ValueError(f"transition must have rows that sum to one, but row {i} sums to {P[i].sum():.12g}")
        self.transition: Array = P / P.sum(axis=1, keepdims=True)
        self.transition.flags.writeable = False

    @property
    def n_states(self) -> int:
        """The number of states."""
        return len(self.transition)

    @cached_property
    def is_irreducible(self) -> bool:
        """Whether every state can be reached from every other."""
        return len(self.classes) == 1

    @cached_property
    def classes(self) -> list[list[int]]:
        """The communicating classes: groups of states that can all be reached from one another."""
        from scipy.sparse.csgraph import connected_components

        _, labels = connected_components(self.transition > 0, connection="strong")
        firsts = np.sort(np.unique(labels, return_index=True)[1])
        return [np.flatnonzero(labels == labels[first]).tolist() for first in firsts]

    @cached_property
    def period(self) -> int:
        """The greatest common divisor of the lengths of all cycles (of an irreducible chain)."""
        self._require_irreducible("period")
        from scipy.sparse.csgraph import shortest_path

        depth = shortest_path(self.transition > 0, unweighted=True, indices=0).astype(int)
        i, j = np.nonzero(self.transition)
        cycles: int = np.gcd.reduce(depth[i] + 1 - depth[j])
        return int(cycles)

    @cached_property
    def stationary_distribution(self) -> Array:
        """The unique π with πP = π, by the elimination of Grassmann, Taksar and Heyman, which never subtracts.

        Raises ``ValueError`` for a reducible chain, where π is not unique.
        """
        self._require_irreducible("stationary_distribution")
        A = self.transition.copy()
        n = self.n_states
        for k in range(n - 1):
            A[k + 1 :, k] /= A[k, k + 1 :].sum()
            A[k + 1 :, k + 1 :] += np.outer(A[k + 1 :, k], A[k, k + 1 :])
        pi = np.ones(n)
        for k in range(n - 2, -1, -1):
            pi[k] = pi[k + 1 :] @ A[k + 1 :, k]
        pi /= pi.sum()
        pi.flags.writeable = False
        return pi

    @cached_property
    def spectral_gap(self) -> float:
        """1 − |λ₂|: zero if the law of the state need not tend to one limit, one if states are independent."""
        if self.is_irreducible and self.period > 1:
            return 0.0
        moduli = np.sort(np.abs(np.linalg.eigvals(self.transition)))[::-1]
        return max(0.0, float(1 - moduli[1])) if len(moduli) > 1 else 1.0

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
        return float(self._power(steps).min(axis=0).sum())

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
        return float(np.abs(self._power(steps) - self.stationary_distribution).sum(axis=1).max() / 2)

    def asymptotic_variance(self, values: Any) -> float:
        """Return σ_f² = lim n Var((1/n) Σ_{k<n} f(X_k)) = 2⟨u, f̄⟩_π − ⟨f̄, f̄⟩_π.

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
        centred, weights = self._centred(values)
        u = np.linalg.solve(self._resolvent, centred)
        return float(weights @ (centred * (2 * u - centred)))

    def average_variance(self, values: Any, n: int) -> float:
        """Return the exact Var((1/n) Σ_{k<n} f(X_k)) of the stationary chain.

        With c_j = ⟨f̄, P^j f̄⟩_π it is (1/n²) (n c_0 + 2 Σ_{j<n} (n − j) c_j); the sum is taken in closed form.

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
        centred, weights = self._centred(values)
        n = _checks.integer("n", n, least=1)
        A = self.transition - self.stationary_distribution
        u = np.linalg.solve(self._resolvent, centred)
        v = A @ np.linalg.solve(self._resolvent, u - np.linalg.matrix_power(A, n) @ u)
        # Σ_{j<n} (n − j) A^j f̄ over j ≥ 1 = Σ_{m<n} (A − A^{m+1}) u over m ≥ 1 = n A u − A (I − A)⁻¹ (I − A^n) u
        return float(weights @ (centred * (n * centred + 2 * (n * (A @ u) - v)))) / n**2

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
        generator = np.random.default_rng(rng)
        uniforms = generator.random(n)
        states = np.empty(n, dtype=np.int64)
        if n:
            if start is None:
                first = int(np.searchsorted(_thresholds(self.stationary_distribution), uniforms[0], side="right"))
            else:
                first = _checks.integer("start", start, least=0)
                if first >= self.n_states:
                    raise ValueError(f"start must be a state from 0 to {self.n_states - 1}, not {start}")
            _walk(self.cumulative, first, uniforms, states)
        return states

    @cached_property
    def cumulative(self) -> Array:
        """Cumulative probabilities of each row, infinite from the last state on that can be reached."""
        return np.array([_thresholds(row) for row in self.transition])

    @cached_property
    def _resolvent(self) -> Array:
        """I − P + 1π: invertible for an irreducible chain, periodic or not; it takes u to f̄ if π(u) = 0."""
        return np.eye(self.n_states) - self.transition + self.stationary_distribution

    def _power(self, steps: int) -> Array:
        return np.linalg.matrix_power(self.transition, _checks.integer("steps", steps, least=0))

    def _centred(self, values: Any) -> tuple[Array, Array]:
        f = _checks.array("values", values, ndim=1)
        if len(f) != self.n_states:
            raise ValueError(f"values must hold one number for each of {self.n_states} states, not {len(f)}")
        pi = self.stationary_distribution
        return f - pi @ f, pi

    def _require_irreducible(self, what: str) -> None:
        if self.is_irreducible:
            return
        closed = [c for c in self.classes if not np.delete(self.transition[c], c, axis=1).any()]
        if len(closed) == 1:
            transient = sorted(set(range(self.n_states)) - set(closed[0]))
            why = f"the states {transient} are left for ever after some time: leave them out"
        else:
            why = f"the closed classes {closed} are never left: averages depend on the start"
        raise ValueError(f"{what} needs an irreducible chain, in which transition leads from every state to all; {why}")

    def __repr__(self) -> str:
        return f"MarkovChain({self.transition.tolist()})"


class DataSequence:
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
        if not isinstance(chain, MarkovChain):
            raise TypeError(f"chain must be a MarkovChain, not {type(chain).__name__}")
        n = chain.n_states
        self.chain = chain
        self.inputs = _checks.array("inputs", inputs, ndim=(1, 2))
        if len(self.inputs) != n or not self.inputs.size:
            raise ValueError(f"inputs must hold one input for each of {n} states, not shape {self.inputs.shape}")
        given = _checks.array("targets", targets, ndim=(1, 2))
        if given.shape not in ((n,), (n, n)):
            raise ValueError(f"targets must have shape ({n},) or ({n}, {n}), not {given.shape}")
        self.targets = given if given.ndim == 2 else np.repeat(given[:, None], n, axis=1)
        self.noise = _checks.number("noise", noise, least=0)

    @property
    def n_inputs(self) -> int:
        """The dimension d of an input."""
        return int(self.input_vectors.shape[1])

    @property
    def input_vectors(self) -> Array:
        """The inputs of the states as vectors, shape (n_states, d)."""
        return self.inputs if self.inputs.ndim == 2 else self.inputs[:, None]

    @cached_property
    def mean_target(self) -> Array:
        """f*(i) = E[Y | state i] = Σ_j P_ij y_ij, shape (n_states,)."""
        mean: Array = (self.chain.transition * self.targets).sum(axis=1)
        return mean

    @cached_property
    def target_variance(self) -> Array:
        """Var(Y | state i) = Σ_j P_ij (y_ij − f*(i))² + s², shape (n_states,)."""
        deviation = self.targets - self.mean_target[:, None]
        variance: Array = (self.chain.transition * deviation**2).sum(axis=1) + self.noise**2
        return variance

    def simulate(self, n: int, *, rng: Rng, start: int | None = None) -> tuple[Array, Array]:
        """Return n successive inputs and targets.

        Parameters
        ----------
        n : int
            How many steps.
        rng : int or numpy.random.Generator
            Source of randomness; the same seed gives the same sequence.
        start : int, optional
            The state of the first input; drawn from the stationary distribution if not given.

        Returns
        -------
        x : ndarray, shape (n,) or (n, d)
            Inputs, shaped as `inputs` was given.
        y : ndarray, shape (n,)
            Targets: y[k] belongs to the transition from step k to step k + 1.
        """
        n = _checks.integer("n", n, least=0)
        generator = np.random.default_rng(rng)
        states = self.chain.simulate(n + 1, rng=generator, start=start)
        y = self.targets[states[:-1], states[1:]]
        if self.noise:
            y = y + self.noise * generator.standard_normal(n)
        return self.inputs[states[:-1]], y


def _thresholds(probabilities: Array) -> Array:
    """Cumulative probabilities, with the last positive one set to infinity: no uniform falls beyond it."""
    total = np.cumsum(probabilities)
    total[np.nonzero(probabilities)[0][-1] :] = np.inf
    return total


@jit
def _walk(cumulative: Any, first: Any, uniforms: Any, out: Any) -> None:
    """Fill `out` with a path: the next state is the first whose cumulative probability exceeds the uniform.

    Long rows are halved until 64 entries are left: below that, looking at one after the other is faster.
    """
    state = first
    out[0] = state
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
