"""The Poisson equation u − P̂u = f − μ(f), μ(u) = 0: what an average along one path is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _checks
from rnnkernel._collocation import Collocation, evaluate
from rnnkernel._immutable import Immutable, cached
from rnnkernel._types import Array


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
    """2‖u‖/n, with the norm of L²(μ)."""
    martingale: Any
    """σ_f/√n."""

    @property
    def total(self) -> Any:
        """The sum of both terms."""
        return self.boundary + self.martingale


class PoissonSolution(Immutable):
    """The solution u of u − P̂u = f − μ(f), μ(u) = 0; made by `StationaryLaw.solve_poisson`.

    u = Σ_n (P̂ⁿf − μf).  Called with states, (n,) or (n, k), and memories (n,), it evaluates u there, through one more
    application of the equation, u = f − μ(f) + P̂u, which needs u on the right at the nodes only.
    Book: :doc:`poisson-equation`.

    Parameters
    ----------
    collocation : Collocation
        The nodes of the law, and P̂ on functions given there.
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

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import DataSequence, InitialLaw, MarkovChain, MemoryMap, StationaryLaw
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

    def __init__(self, collocation: Collocation, f: Callable[[Array, Array], Any]) -> None:
        self._nodes = collocation
        self.f = f
        w = collocation.weights
        given = evaluate(f, collocation.input_vectors[collocation.states], collocation.memory)
        self.mean = float(w @ given)
        self.values = collocation.solve(given)
        centred = given - self.mean
        self.asymptotic_variance = max(float(w @ (centred * (2 * self.values - centred))), 0.0)

    def __call__(self, states: Any, memory: Any) -> Array:
        """Return u at joint states, shape (n,)."""
        return self.centred(states, memory) + self.one_step(states, memory)

    def centred(self, states: Any, memory: Any) -> Array:
        """Return f − μ(f) at joint states.

        Parameters
        ----------
        states : array_like, shape (n,) or (n, k)
            States of the chain, or of the recursion.
        memory : array_like, shape (n,)
            Memories held there.

        Returns
        -------
        ndarray, shape (n,)
        """
        s, m = self._nodes.joint_states(states, memory)
        return evaluate(self.f, self._nodes.inputs_at(s), m) - self.mean

    def one_step(self, states: Any, memory: Any) -> Array:
        """Return P̂u at joint states: the mean of u after one more step.

        Parameters
        ----------
        states : array_like, shape (n,) or (n, k)
            States of the chain, or of the recursion.
        memory : array_like, shape (n,)
            Memories held there.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self._nodes.step_at(self.values, states, memory)

    @cached
    def residual(self) -> float:
        """The largest |u − P̂u − (f − μf)| between the nodes: what finitely many nodes, of the noise too, cost."""
        z = self._nodes.between()
        u, after = self._nodes.at(self.values, *z), self._nodes.step_finely(self.values, *z)
        return float(np.abs(u - after - self.centred(*z)).max())

    def decompose(self, states: Any, memory: Any) -> Decomposition:
        """Split a sum along a path of the joint chain into a boundary term and a martingale.

        Σ_{k<n} (f(z_k) − μf) = u(z_0) − u(z_n) + Σ_{k=1}^{n} [u(z_k) − P̂u(z_{k−1})], exact to rounding.

        Parameters
        ----------
        states : array_like, shape (n + 1,) or (n + 1, k)
            The path s_0, …, s_n.
        memory : array_like, shape (n + 1,)
            The memories m_0, …, m_n held along it.

        Returns
        -------
        Decomposition
            ``.total``, ``.boundary``, and the n increments ``.martingale``.
        """
        centred, after = self.centred(states, memory), self.one_step(states, memory)
        if not len(centred):
            raise ValueError("states must hold at least one state, not none")
        u = centred + after
        return Decomposition(float(centred[:-1].sum()), float(u[0] - u[-1]), u[1:] - after[:-1])

    def bound(self, n: Any) -> ErgodicBound:
        """Bound the root mean square of the average over n stationary steps: 2‖u‖/n + σ_f/√n.

        The norm is that of L²(μ), ‖u‖² = μ(u²).

        Parameters
        ----------
        n : int or array_like
            How many steps.

        Returns
        -------
        ErgodicBound
            ``.boundary``, ``.martingale`` and their sum ``.total``, shaped as `n`.
        """
        steps = _checks.array("n", n, ndim=(0, 1, 2))
        if steps.size and steps.min() < 1:
            raise ValueError(f"n must be at least 1, not {steps.min():g}")
        norm = np.sqrt(self._nodes.weights @ self.values**2)
        return ErgodicBound(2 * norm / steps, np.sqrt(self.asymptotic_variance / steps))
