"""The modes of the limit equation: the eigenfunctions of f ↦ ∫ K f dμ, and how much of each is learned by a time.

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
from typing import Any

import numpy as np

from rnnkernel._jit import jit
from rnnkernel._types import Array
from rnnkernel.kernel import TangentKernel
from rnnkernel.stationary import StationaryLaw

_EXACT, _EMPIRICAL = 1e-14, 1e-10  # share of the kernel's diagonal that is left out, on a chain and on a sequence
_CANDIDATES = 300  # points among which directions are looked for in one round
_BLOCK = 8_000_000  # features that are held at a time


class Modes:
    """The modes of a kernel under an invariant law; points are (n, d) and memories (n,), already checked.

    Parameters
    ----------
    kernel : TangentKernel
        The kernel K.
    mu : StationaryLaw
        The invariant law μ.
    learning_rate : float
        The rate α.

    Attributes
    ----------
    eigenvalues : ndarray, shape (n_modes,)
        Those of f ↦ ∫ K f dμ, descending, as far as they stand out of rounding.
    coefficients : ndarray, shape (n_modes,)
        ⟨E[Y|·], e_i⟩_μ, made positive by the sign of e_i.
    """

    def __init__(self, kernel: TangentKernel, mu: StationaryLaw, learning_rate: float) -> None:
        self.kernel, self.mu, self.learning_rate = kernel, mu, learning_rate
        tolerance = _EMPIRICAL if mu.is_empirical else _EXACT
        self._factor = _Factor(kernel, mu.points, mu.memory, tolerance)
        L = self._factor.at_nodes
        S = (L.T * mu.weights) @ L
        eigenvalues, V = np.linalg.eigh((S + S.T) / 2)
        kept = np.flatnonzero(np.abs(eigenvalues) > 10 * tolerance * self._factor.scale)[::-1]
        self.eigenvalues = eigenvalues[kept]
        along = V[:, kept].T @ (L.T @ (mu.weights * mu.targets))
        signs = np.where(along < 0, -1.0, 1.0)
        self._directions = V[:, kept] * signs
        self.projections = along * signs  # E_μ[Y L]·v_i = √λ_i ⟨E[Y|·], e_i⟩
        self.coefficients = self.projections / np.sqrt(np.abs(self.eigenvalues))

    def predict(self, t: Array, points: Array, m: Array) -> Array:
        """Return g_t, shape (…, n) for times of shape (…)."""
        modes = self._factor.coordinates(points, m) @ self._directions
        return np.asarray((self.integral(t) * self.projections) @ modes.T)

    def shares(self, t: Any) -> Array:
        """1 − e^{−αλ_i t}, shape (…, n_modes)."""
        return np.asarray(-np.expm1(-self.learning_rate * np.asarray(t)[..., None] * self.eigenvalues))

    def integral(self, t: Array) -> Array:
        """(1 − e^{−αλ_i t})/λ_i = ∫_0^{αt} e^{−λ_i s} ds, also where αλ_i t is tiny, shape (…, n_modes)."""
        return np.asarray(self.shares(t) / self.eigenvalues)

    def eigenfunctions(self, points: Array, m: Array) -> Array:
        """Return e_i at the points, shape (n, n_modes)."""
        scale = np.sqrt(np.abs(self.eigenvalues))
        return np.asarray(self._factor.coordinates(points, m) @ self._directions / scale)


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
