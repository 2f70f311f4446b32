"""The limit of a trained network, solved: ∂_t g_t = α ∫ (y − g_t(x', m')) K(·, (x', m')) μ(dx', dy, dm'), g_0 = 0.

The kernel is an inner product of Q(1 + d) features, but on the support of μ nearly all of it lies in few directions.
Points where most of it is still missing are added one by one (a pivoted Cholesky factorisation) until an orthonormal
basis of their features gives, to rounding,

    K(z, z') = L(z)·L(z'),    L(z) = basisᵀ features(z).

The number of these coordinates is the numerical rank of K under μ, far below the number of features and that of the
steps of a sequence, and the cost grows with both only linearly.  Then g_t(z) = L(z)·c_t with

    ċ = α (b − S c),    S = E_μ[L Lᵀ] = V Λ Vᵀ,    b = E_μ[L Y],    c_t = V (1 − e^{−αΛt})/Λ Vᵀ b.

S is symmetric whatever the signs of the weights of μ, and Λ are the eigenvalues of f ↦ ∫ K f dμ, with eigenfunctions
L(z)·v_i/√λ_i.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._jit import jit
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation
from rnnkernel.initial import InitialLaw
from rnnkernel.kernel import TangentKernel
from rnnkernel.memory import MemoryMap
from rnnkernel.stationary import StationaryLaw

if TYPE_CHECKING:
    from rnnkernel.fluctuations import Fluctuations

_EXACT, _EMPIRICAL = 1e-14, 1e-10  # share of the kernel's diagonal that is left out, on a chain and on a sequence
_CANDIDATES = 300  # points among which directions are looked for in one round
_BLOCK = 8_000_000  # features that are held at a time


class KernelLimit:
    """The kernel limit g_t of a recurrent network trained online: the output of infinitely many units at time t = k/N.

    Mode i of the kernel is learned at the rate αλ_i towards E[Y | x, m]:

        g_t = Σ_i (1 − e^{−αλ_i t}) ⟨E[Y|·], e_i⟩_μ e_i,    ∫ K e_i dμ = λ_i e_i.

    Parameters
    ----------
    data : DataSequence, or pair of arrays (x, y), or object with ``simulate``
        What the network learns from, as for `StationaryLaw`.
    law : InitialLaw
        Law of a unit's initial parameters, with E C = 0.
    activation : str or Activation
        The activation σ.
    learning_rate : float
        The rate α.
    n_nodes : int, optional
        As for `StationaryLaw`.
    rng : int or numpy.random.Generator
        As for `StationaryLaw`: for a simulated sequence only.

    Attributes
    ----------
    memory : MemoryMap
        The memory map φ.
    stationary : StationaryLaw
        The invariant law μ.
    kernel : TangentKernel
        The kernel K.
    eigenvalues : ndarray, shape (n_modes,)
        Eigenvalues of f ↦ ∫ K f dμ, descending, as far as they are known: in absolute value more than 1e-13 of the
        largest K(z, z) on a chain, 1e-9 of it on a sequence.  Negative ones say that a chain has too few nodes.
    coefficients : ndarray, shape (n_modes,)
        ⟨E[Y|·], e_i⟩_μ, the part of the target in each mode; eigenfunctions have the sign that makes it positive.

    Raises
    ------
    ValueError
        If E C ≠ 0: the output of a network then diverges as its width grows, and there is no limit.

    Notes
    -----
    Book: *The limit equation*.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import DataSequence, MarkovChain
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> limit = KernelLimit(data, law)
    >>> np.set_printoptions(precision=12)
    >>> limit.predict(2.0, x=[-1.0, -1.0, 1.5, 1.5], memory=[-0.2, 0.1, 0.1, 0.4])
    array([-0.538759582925, -0.504831175078,  0.607596409909,  0.611037623045])
    >>> limit.eigenvalues[:3]
    array([0.669671785767, 0.013500806501, 0.002620293909])
    >>> np.set_printoptions(precision=8)
    >>> round(limit.loss(2.0), 12)
    0.395319461809
    """

    def __init__(
        self,
        data: Any,
        law: InitialLaw,
        activation: str | Activation = "tanh",
        learning_rate: float = 1.0,
        *,
        n_nodes: int | None = None,
        rng: Rng = 0,
    ) -> None:
        self.kernel = TangentKernel(law, activation)
        if abs(law.output_mean) > 1e-12 * np.sqrt(law.output_square):
            raise ValueError(
                f"law must have output weights of mean zero, but E[C] is {law.output_mean:g}: the initial output then "
                "grows as N^(1 - beta) and there is no limit. This is the assumption E C = 0 of the limit theorem"
            )
        self.law = law
        self.learning_rate = _checks.number("learning_rate", learning_rate, above=0)
        self.memory = MemoryMap(law, activation)
        self.stationary = StationaryLaw(data, self.memory, n_nodes=n_nodes, rng=rng)
        self._solve()

    def _solve(self) -> None:
        mu = self.stationary
        tolerance = _EMPIRICAL if mu.is_empirical else _EXACT
        self._factor = _Factor(self.kernel, mu.points, mu.memory, tolerance)
        L = self._factor.at_nodes
        S = (L.T * mu.weights) @ L
        eigenvalues, V = np.linalg.eigh((S + S.T) / 2)
        kept = np.flatnonzero(np.abs(eigenvalues) > 10 * tolerance * self._factor.scale)[::-1]
        self.eigenvalues = eigenvalues[kept]
        self._second_moment = float(mu.weights @ (mu.targets**2 + mu.target_variances))
        along = V[:, kept].T @ (L.T @ (mu.weights * mu.targets))
        signs = np.where(along < 0, -1.0, 1.0)
        self._modes = V[:, kept] * signs
        self._projections = along * signs  # E_μ[Y L]·v_i = √λ_i ⟨E[Y|·], e_i⟩
        self.coefficients = self._projections / np.sqrt(np.abs(self.eigenvalues))

    def predict(self, times: Any, x: Any, memory: Any) -> Array:
        """Return g_t(x, m), the output of the infinitely wide network at given inputs and memories.

        Parameters
        ----------
        times : float or array_like, shape (n_times,)
            Times t = k/N ≥ 0.
        x : array_like, shape (n_points,) or (n_points, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n_points,)
            Memories; one memory is repeated.

        Returns
        -------
        ndarray, shape (n_times, n_points)
            Shape (n_points,) for one time given as a number.
        """
        t = _times(times)
        modes = self._coordinates(x, memory) @ self._modes
        return np.asarray((self._integral(t) * self._projections) @ modes.T)

    def loss(self, times: Any) -> Any:
        """Return ½ E(Y − g_t(X, M))² under μ, with the noise of the target.

        ½ [E Y² − Σ_i ⟨E[Y|·], e_i⟩² (1 − e^{−2αλ_i t})].

        Parameters
        ----------
        times : float or array_like, shape (n_times,)
            Times t = k/N ≥ 0.

        Returns
        -------
        ndarray, shape (n_times,)
            A float for one time given as a number.
        """
        t = _times(times)
        learned = self._integral(2 * t) @ self._projections**2
        loss = (self._second_moment - learned) / 2
        return loss if t.ndim else float(loss)

    def loss_floor(self, eigenvalue: float = 0.0) -> float:
        """Return the loss that is left when every mode with an eigenvalue above the given one is learned.

        ½ [E Y² − Σ_{λ_i > ε} ⟨E[Y|·], e_i⟩²], of which `irreducible_loss` can never be learned.

        Parameters
        ----------
        eigenvalue : float
            The eigenvalue ε; zero for all that stand out of rounding.

        Returns
        -------
        float

        Examples
        --------
        >>> from scipy import stats
        >>> from rnnkernel import DataSequence, MarkovChain
        >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
        >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> limit = KernelLimit(data, law)
        >>> round(limit.loss_floor(0.1), 6), round(limit.loss_floor(), 6), round(limit.irreducible_loss, 6)
        (0.3761, 0.375, 0.375)
        """
        least = _checks.number("eigenvalue", eigenvalue)
        learned = (self.coefficients**2)[self.eigenvalues > least].sum()
        return float((self._second_moment - learned) / 2)

    @property
    def irreducible_loss(self) -> float:
        """½ E Var(Y | X, M), where it is known: on a chain whose states are told apart by their inputs or mean targets.

        NaN for states that share an input but not a mean target, since then it depends on how well memory tells them
        apart, and for a sequence.
        """
        mu = self.stationary
        if mu.is_empirical:
            return float("nan")
        kinds = np.unique(np.column_stack([mu.data.points, mu.data.mean_target]), axis=0)
        if len(np.unique(mu.data.points, axis=0)) < len(kinds):
            return float("nan")
        return float(mu.data.chain.stationary_distribution @ mu.data.target_variance / 2)

    def mode_shares(self, times: Any) -> Array:
        """Return how much of each mode is learned, 1 − e^{−αλ_i t}.

        Parameters
        ----------
        times : float or array_like, shape (n_times,)
            Times t = k/N ≥ 0.

        Returns
        -------
        ndarray, shape (n_times, n_modes)
            Shape (n_modes,) for one time given as a number.
        """
        t = _times(times)
        return np.asarray(-np.expm1(-self.learning_rate * t[..., None] * self.eigenvalues))

    def eigenfunctions(self, x: Any, memory: Any) -> Array:
        """Return the eigenfunctions e_i of f ↦ ∫ K f dμ at any points, orthonormal in L²(μ).

        Those of an eigenvalue λ_i are accurate to about 1e-16 λ_1/λ_i.

        Parameters
        ----------
        x : array_like, shape (n_points,) or (n_points, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n_points,)
            Memories; one memory is repeated.

        Returns
        -------
        ndarray, shape (n_points, n_modes)
        """
        return np.asarray(self._coordinates(x, memory) @ self._modes / np.sqrt(np.abs(self.eigenvalues)))

    def forecast(self, time: float, x: Any) -> Array:
        """Return one-step predictions g_t(x_k, M_k) along a sequence of inputs, M_0 = 0, with learning stopped at t.

        Parameters
        ----------
        time : float
            The time t = k/N at which learning stops.
        x : array_like, shape (n,) or (n, d)
            The inputs in order of time.

        Returns
        -------
        ndarray, shape (n,)
        """
        t = _checks.number("time", time, least=0)
        memory = self.memory.trajectory(x)[:-1]
        return self.predict(t, x, memory) if len(memory) else np.empty(0)

    def fluctuations(self, times: Any, x: Any, memory: Any) -> "Fluctuations":
        """Return the law of the error: variances of a trained network of N units around g_t, for any N and β.

        Var(g^N_t − g_t) ≈ N^{1−2β} V^G_t + (V^S_t + V^I_t)/N, from the initial output, from correlated data, and from
        finitely many units.

        Parameters
        ----------
        times : float or array_like, shape (n_times,)
            Times t = k/N ≥ 0.
        x : array_like, shape (n_points,) or (n_points, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n_points,)
            Memories; one memory is repeated.

        Returns
        -------
        Fluctuations

        Raises
        ------
        TypeError
            If the limit is that of a sequence: the variances need the transition probabilities of a finite chain.
        """
        from rnnkernel.fluctuations import fluctuations  # a shortcut upwards, made when it is taken

        return fluctuations(self, times, x, memory)

    def _coordinates(self, x: Any, memory: Any) -> Array:
        return self._factor.coordinates(*_checks.points(x, memory, self.kernel.n_inputs))

    def _integral(self, t: Array) -> Array:
        """(1 − e^{−αλ_i t})/λ_i = ∫_0^{αt} e^{−λ_i s} ds, also where αλ_i t is tiny, shape (…, n_modes)."""
        return np.asarray(-np.expm1(-self.learning_rate * t[..., None] * self.eigenvalues) / self.eigenvalues)


class _Factor:
    """The coordinates L(z) = Qᵀ(features of z), for an orthonormal basis Q of nearly all features of given points.

    Each round adds directions from the points where most of K(z, z) is still missing from L(z)·L(z).
    """

    def __init__(self, kernel: TangentKernel, points: Array, m: Array, tolerance: float) -> None:
        self.kernel = kernel
        self.at_nodes, left = np.empty((len(m), 0)), np.empty(len(m))
        for rows in self._blocks(len(m)):
            left[rows] = kernel.diagonal(points[rows], m[rows])
        self.scale = left.max()
        least = tolerance * self.scale
        bases = [np.empty((kernel.n_features, 0))]
        top = np.unique(np.linspace(0, len(m) - 1, min(len(m), _CANDIDATES)).astype(int))
        while left.max() > least:
            features, known = kernel.features(points[top], m[top]), self.at_nodes[top]
            enough = least if len(bases) == 1 else max(least, 0.01 * left.max())
            chosen = _pivots(features @ features.T - known @ known.T, enough)
            if not len(chosen):
                break
            new = features[chosen]
            for basis in bases * 2:  # twice is enough for orthogonality to rounding
                new -= (new @ basis) @ basis.T
            bases.append(np.linalg.qr(new.T)[0])
            columns = self._project(points, m, bases[-1])
            self.at_nodes = np.hstack([self.at_nodes, columns])
            left -= np.einsum("nr,nr->n", columns, columns)
            left[top[chosen]] = 0.0
            top = np.argpartition(-left, min(_CANDIDATES, len(m)) - 1)[:_CANDIDATES]
        self.basis = np.hstack(bases)

    def coordinates(self, points: Array, m: Array) -> Array:
        """Return L(z), shape (n, r)."""
        return self._project(points, m, self.basis)

    def _blocks(self, n: int) -> Iterator[slice]:
        size = 1 + _BLOCK // self.kernel.n_features
        return (slice(start, start + size) for start in range(0, n, size))

    def _project(self, points: Array, m: Array, basis: Array) -> Array:
        out = np.empty((len(m), basis.shape[1]))
        for rows in self._blocks(len(m)):
            out[rows] = self.kernel.features(points[rows], m[rows]) @ basis
        return out


def _times(times: Any) -> Array:
    t = _checks.array("times", times, ndim=(0, 1))
    if t.size and t.min() < 0:
        raise ValueError(f"times must not be negative, but one of them is {t.min():g}")
    return t


def _pivots(gram: Array, least: float) -> Any:
    """Return the pivots of a Cholesky factorisation that stops when no diagonal entry is left above `least`."""
    pivots = np.empty(len(gram), dtype=np.int64)
    return pivots[: _factorise(gram, least, pivots, np.empty(gram.shape))]


@jit
def _factorise(gram: Any, least: Any, pivots: Any, columns: Any) -> Any:
    """Fill `pivots`, and `columns` with the rows of Lᵀ in gram ≈ L Lᵀ; return their number."""
    left = np.diag(gram).copy()
    for r in range(len(gram)):
        p = np.argmax(left)
        if left[p] <= least:
            return r
        pivots[r] = p
        column = columns[r]
        column[:] = gram[p]
        for s in range(r):
            factor = columns[s, p]
            for i in range(len(column)):
                column[i] -= factor * columns[s, i]
        scale = np.sqrt(left[p])
        for i in range(len(column)):
            column[i] /= scale
            left[i] -= column[i] ** 2
        left[p] = 0.0
    return len(gram)
