"""Coordinates L of a kernel on given points, K(z, z') = L(z)·L(z') up to a small share of its diagonal.

On the points of a law nearly all of a kernel lies in few directions.  Their number is its numerical rank there, far
below the number of points, and the cost grows with that only linearly.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnkernel._collocation import inputs
from rnnkernel._jit import jit
from rnnkernel._types import Array
from rnnkernel.kernel import TangentKernel

Kernel = Callable[[Any, Any, Any, Any], Any]  # (x1, m1, x2, m2) -> Gram matrix, as `TangentKernel`
_CANDIDATES = 300  # points among which directions are looked for in one round
_BLOCK = 8_000_000  # features that are held at a time


def coordinates(kernel: Kernel, x: Array, m: Array, tolerance: float) -> "FeatureCoordinates | ColumnCoordinates":
    """Return the coordinates of a kernel, from its features if it has them."""
    if isinstance(kernel, TangentKernel):
        return FeatureCoordinates(kernel, x, m, tolerance)
    return ColumnCoordinates(kernel, x, m, tolerance)


class FeatureCoordinates:
    """The coordinates Qᵀ(features of z), for an orthonormal basis Q of nearly all features of given points.

    Each round adds directions from the points where most of K(z, z) is still missing from L(z)·L(z): a pivoted Cholesky
    factorisation.

    Parameters
    ----------
    kernel : TangentKernel
        The kernel.
    x : ndarray, shape (n, d)
        Inputs of the points.
    m : ndarray, shape (n,)
        Their memories.
    tolerance : float
        The share of the largest K(z, z) that may be left out.

    Attributes
    ----------
    at_nodes : ndarray, shape (n, r)
        L at the given points.
    scale : float
        The largest K(z, z) there.
    """

    def __init__(self, kernel: TangentKernel, x: Array, m: Array, tolerance: float) -> None:
        self.kernel = kernel
        self.at_nodes, left = np.empty((len(m), 0)), np.empty(len(m))
        for rows in self._blocks(len(m)):
            left[rows] = kernel.diagonal(x[rows], m[rows])
        self.scale = left.max()
        least = tolerance * self.scale
        bases = [np.empty((kernel.n_features, 0))]
        top = np.unique(np.linspace(0, len(m) - 1, min(len(m), _CANDIDATES)).astype(int))
        while left.max() > least:
            features, known = kernel.features(x[top], m[top]), self.at_nodes[top]
            enough = least if len(bases) == 1 else max(least, 0.01 * left.max())
            chosen = _pivots(features @ features.T - known @ known.T, enough)
            if not len(chosen):
                break
            new = features[chosen]
            for basis in bases * 2:  # twice is enough for orthogonality to rounding
                new -= (new @ basis) @ basis.T
            bases.append(np.linalg.qr(new.T)[0])
            columns = self._project(x, m, bases[-1])
            self.at_nodes = np.hstack([self.at_nodes, columns])
            left -= np.einsum("nr,nr->n", columns, columns)
            left[top[chosen]] = 0.0
            top = np.argpartition(-left, min(_CANDIDATES, len(m)) - 1)[:_CANDIDATES]
        self._basis = np.hstack(bases)

    def __call__(self, x: Array, m: Array) -> Array:
        """Return L at points (x, m), inputs (n, d) and memories (n,), shape (n, r)."""
        return self._project(x, m, self._basis)

    def _blocks(self, n: int) -> Iterator[slice]:
        size = 1 + _BLOCK // self.kernel.n_features
        return (slice(start, start + size) for start in range(0, n, size))

    def _project(self, x: Array, m: Array, basis: Array) -> Array:
        out = np.empty((len(m), basis.shape[1]))
        for rows in self._blocks(len(m)):
            out[rows] = self.kernel.features(x[rows], m[rows]) @ basis
        return out


class ColumnCoordinates:
    """The same for any kernel, from a few columns of its Gram matrix: a pivoted Cholesky factorisation.

    L(z) = C⁻¹ K(pivots, z), where K(pivots, pivots) = C Cᵀ.

    Parameters
    ----------
    kernel : callable
        The kernel, from two sets of points to their Gram matrix.
    x : ndarray, shape (n, d)
        Inputs of the points.
    m : ndarray, shape (n,)
        Their memories.
    tolerance : float
        The share of the largest K(z, z) that may be left out.

    Attributes
    ----------
    at_nodes : ndarray, shape (n, r)
        L at the given points.
    scale : float
        The largest K(z, z) there.
    """

    def __init__(self, kernel: Kernel, x: Array, m: Array, tolerance: float) -> None:
        self.kernel = kernel
        blocks = np.array_split(np.arange(len(m)), 1 + len(m) // 64)
        left = np.concatenate([np.diag(self._gram(x[rows], m[rows], x[rows], m[rows])) for rows in blocks])
        self.scale = left.max()
        pivots: list[int] = []
        columns = np.empty((0, len(m)))
        while len(pivots) < len(m) and left.max() > tolerance * self.scale:
            p = int(left.argmax())
            column = self._gram(x, m, x[p : p + 1], m[p : p + 1])[:, 0] - columns[:, p] @ columns
            columns = np.vstack([columns, column / np.sqrt(left[p])])
            pivots.append(p)
            left = left - columns[-1] ** 2
            left[pivots] = 0.0
            if left.min() < -1e-8 * self.scale:
                raise ValueError(
                    "kernel must be symmetric and positive semi-definite, but at some points the square of K(z, z') "
                    "exceeds K(z, z) K(z', z')"
                )
        self.at_nodes = columns.T
        self._pivots = x[pivots], m[pivots]
        self._factor = columns[:, pivots].T

    def __call__(self, x: Array, m: Array) -> Array:
        """Return L at points (x, m), inputs (n, d) and memories (n,), shape (n, r)."""
        return np.asarray(np.linalg.solve(self._factor, self._gram(*self._pivots, x, m)).T)

    def _gram(self, x1: Array, m1: Array, x2: Array, m2: Array) -> Array:
        gram = np.asarray(self.kernel(inputs(x1), m1, inputs(x2), m2), dtype=float)
        if gram.shape != (len(m1), len(m2)):
            raise ValueError(f"kernel must return a Gram matrix of shape {(len(m1), len(m2))}, not {gram.shape}")
        return gram


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
