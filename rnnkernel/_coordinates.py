"""Coordinates L of a kernel on given points, K(z, z') = L(z)·L(z') up to a small share of its trace.

On the points of a law nearly all of a kernel lies in few directions.  Their number is its numerical rank there, far
below the number of points, and the cost grows with that only linearly.  Directions are found in rounds of a pivoted
Cholesky factorisation: each adds points where most of K(z, z) is still missing from L(z)·L(z), and, so that these do
not all sit in one place, points drawn in proportion to what is missing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._collocation import inputs
from rnnkernel._hermite import EXACT, Points, diagonal, gram
from rnnkernel._jit import jit
from rnnkernel._types import Array
from rnnkernel.initial import rule_error
from rnnkernel.kernel import TangentKernel

Kernel = Callable[[Any, Any, Any, Any], Any]  # (x1, m1, x2, m2) -> Gram matrix, as `TangentKernel`
_CANDIDATES = 256  # points among which directions are looked for in one round
_BLOCK = 8_000_000  # numbers that are held at a time
_COLUMNS = 8192  # of a product of matrices
_ROUNDING = 1e-14  # of the largest K(z, z)
_PROBES = 500  # points that tell the norm of what is left out


def coordinates(kernel: Kernel, x: Array, m: Array, tolerance: float, most: int) -> "Coordinates":
    """Return coordinates from the columns of a Gram matrix, or from features.

    Columns that are right to rounding give L to the square root of that; features give it to rounding.
    """
    if not isinstance(kernel, TangentKernel):
        return ColumnCoordinates(kernel, x, m, tolerance, most)
    error = rule_error(kernel.law, x, kernel.activation._steepness)
    if kernel._units is None or max(tolerance, error) < 1e-12:
        return FeatureCoordinates(kernel, x, m, max(tolerance, error), most)
    return SeriesCoordinates(kernel, x, m, tolerance, most)


class Coordinates:
    """L at points, inputs (n, d) and memories (n,), found in rounds; elsewhere from K(pivots, z) = L(pivots) L(z).

    There are at most `most` coordinates, and as few as leave out no more than the share `tolerance` of Σ K(z, z).
    `at_nodes`, (n, r), is L at the given points, `scale` the largest K(z, z) there, `left` the share that is left out.
    """

    _prepare: Callable[[Array, Array, float], Array]  # gets ready for the points, and returns K(z, z) there
    _among: Callable[[Any, Array], Array]  # K between some of the points, less what is known (r, n)
    _extend: Callable[[Any, Any, Array, Array, Array], None]  # fills new rows from the factor of what `_among` gave

    def __init__(self, kernel: Kernel, x: Array, m: Array, tolerance: float, most: int) -> None:
        self.kernel: Any = kernel
        left = self._prepare(x, m, tolerance)
        _require_positive(left, tolerance, np.abs(left).max())
        self.scale, trace = left.max(), left.sum()
        rows, pivots = np.empty((min(most, len(m)), len(m))), np.empty(0, dtype=np.int64)
        generator = np.random.default_rng(0)
        while len(pivots) < len(rows) and left.sum() > tolerance * trace:
            missing = left.clip(0)
            missing[pivots] = 0.0
            known, among = rows[: len(pivots)], _candidates(missing, len(pivots), generator)
            least = max(_ROUNDING * self.scale, tolerance * trace / len(m))
            if len(among) < len(m):
                least = max(least, 0.05 * missing.max())
            chosen, factor = _pivots(self._among(among, known), least, len(rows) - len(pivots))
            if not len(chosen):
                break
            new = rows[len(pivots) : len(pivots) + len(chosen)]
            self._extend(among, chosen, factor, known, new)
            left -= np.einsum("rn,rn->n", new, new)
            pivots = np.append(pivots, among[chosen])
            _require_positive(left, tolerance, self.scale)
        self.at_nodes = rows[: len(pivots)].T
        self._pivots = x[pivots], m[pivots]
        self._at_pivots = self.at_nodes[pivots]
        self._finish()
        self.left = float(left.clip(0).sum() / trace) if trace > 0 else 0.0

    def combination(self, x: Array, m: Array, vectors: Array) -> Array:
        """Return L(z)·v at points for vectors v in columns (r, …), shape (n, …): a combination of K(pivots, z)."""
        of_kernel = np.linalg.solve(self._at_pivots.T, vectors)
        out = np.empty((len(m), *vectors.shape[1:]))
        for part in _parts(len(m), _rows(self.kernel)):
            out[part] = self._columns(x[part], m[part]).T @ of_kernel
        return out

    def _columns(self, x: Array, m: Array) -> Array:
        """K(pivots, z)."""
        return _gram(self.kernel, *self._pivots, x, m)

    def norm_left(self, x: Array, m: Array, weights: Array) -> float:
        """Estimate the operator norm of what is left out on L²(μ), from points drawn at random if there are many."""
        n = len(m)
        some = np.random.default_rng(0).choice(n, min(n, _PROBES), replace=False)
        at, root = self.at_nodes[some], np.sqrt(np.abs(weights[some]) * (n / len(some)))
        rest = _gram(self.kernel, x[some], m[some], x[some], m[some]) - at @ at.T
        return float(np.abs(np.linalg.eigvalsh(root[:, None] * rest * root)).max(initial=0.0))

    def _finish(self) -> None:
        """Let go what was needed for the given points only."""


class ColumnCoordinates(Coordinates):
    """From columns of the Gram matrix, by calls of a kernel: L(z) = C⁻¹ K(pivots, z), K(pivots, pivots) = C Cᵀ."""

    def _prepare(self, x: Array, m: Array, tolerance: float) -> Array:  # noqa: ARG002 (as exact as the kernel)
        self._points = x, m
        return np.concatenate([np.diag(self._between(part)) for part in _parts(len(m), 64)])

    def _among(self, some: Any, known: Array) -> Array:
        return np.asarray(self._between(some) - known[:, some].T @ known[:, some])

    def _extend(self, some: Any, chosen: Any, factor: Array, known: Array, new: Array) -> None:
        if len(some) == new.shape[1]:
            new[:] = factor
            return
        # The inverse, of at most 256 rows of like size, as a solver of SciPy's brings a second pool of BLAS threads.
        inverse, pivots = np.linalg.inv(factor[:, chosen].T), some[chosen]
        before = known[:, pivots].T.copy()
        self._fill(pivots, new)
        for part in _parts(new.shape[1], _COLUMNS):
            new[:, part] = inverse @ (new[:, part] - before @ known[:, part])

    def _between(self, some: Any) -> Array:
        """K between some of the points."""
        x, m = (each[some] for each in self._points)
        return _gram(self.kernel, x, m, x, m)

    def _fill(self, pivots: Any, out: Array) -> None:
        """Fill `out` with K between pivots and all points."""
        x, m = self._points
        for part in _parts(len(m), _rows(self.kernel)):
            out[:, part] = _gram(self.kernel, x[pivots], m[pivots], x[part], m[part])


class SeriesCoordinates(ColumnCoordinates):
    """The same by the power series of normal input weights, whose coefficients are kept."""

    def _prepare(self, x: Array, m: Array, tolerance: float) -> Array:
        self._accuracy = max(1e-2 * tolerance, EXACT)
        self._source = Points(self.kernel._units, x, m, 0.0, self._accuracy)
        return diagonal(self.kernel._units, x, m)

    def _finish(self) -> None:
        del self._source

    def _columns(self, x: Array, m: Array) -> Array:
        return gram(self.kernel._units, self._pivots, (x, m), self._accuracy)

    def _between(self, some: Any) -> Array:
        return self._source.among(some)

    def _fill(self, pivots: Any, out: Array) -> None:
        self._source.fill(self._source.rows(pivots), out)


class FeatureCoordinates(Coordinates):
    """From an orthonormal basis of nearly all features of the points: all digits of L that features have."""

    def _prepare(self, x: Array, m: Array, tolerance: float) -> Array:  # noqa: ARG002 (all digits)
        self._x, self._m, self._some = x, m, np.empty(0)
        self._bases = [np.empty((self.kernel.n_features, 0))]
        return np.concatenate([(f**2).sum(axis=1) for f in self._features(x, m)])

    def _among(self, some: Any, known: Array) -> Array:
        self._some = np.vstack(list(self._features(self._x[some], self._m[some])))
        return np.asarray(self._some @ self._some.T - known[:, some].T @ known[:, some])

    def _extend(self, some: Any, chosen: Any, factor: Array, known: Array, new: Array) -> None:  # noqa: ARG002
        directions = self._some[chosen]
        for basis in self._bases * 2:  # twice is enough for orthogonality to rounding
            directions -= (directions @ basis) @ basis.T
        self._bases.append(np.linalg.qr(directions.T)[0])
        new[:] = self._project(self._x, self._m, self._bases[-1]).T

    def _finish(self) -> None:
        del self._some, self._x, self._m

    def combination(self, x: Array, m: Array, vectors: Array) -> Array:
        """Return L(z)·v at points, from their features as far as these are right."""
        if self.kernel._units is not None and rule_error(self.kernel.law, x, self.kernel.activation._steepness) > 1e-12:
            return super().combination(x, m, vectors)
        return self._project(x, m, np.hstack(self._bases) @ vectors)

    def _features(self, x: Array, m: Array) -> Iterator[Array]:
        return (self.kernel.features(x[part], m[part]) for part in _parts(len(m), _rows(self.kernel)))

    def _project(self, x: Array, m: Array, vectors: Array) -> Array:
        out, parts = np.empty((len(m), *vectors.shape[1:])), _parts(len(m), _rows(self.kernel))
        for part, features in zip(parts, self._features(x, m), strict=True):
            out[part] = features @ vectors
        return out


def _require_positive(left: Array, tolerance: float, scale: float) -> None:
    if left.min() < -max(tolerance, 1e-8) * scale:
        raise ValueError(
            "kernel must be symmetric and positive semi-definite, but at some points the square of K(z, z') exceeds "
            "K(z, z) K(z', z')"
        )


def _gram(kernel: Kernel, x1: Array, m1: Array, x2: Array, m2: Array) -> Array:
    found = _checks.array("kernel", _checks.call("kernel", kernel, inputs(x1), m1, inputs(x2), m2), ndim=2)
    if found.shape != (len(m1), len(m2)):
        raise ValueError(f"kernel must return a Gram matrix of shape {(len(m1), len(m2))}, not {found.shape}")
    return found


def _rows(kernel: Kernel) -> int:
    """Points whose Gram matrix, or features, are made at a time."""
    return 1 + _BLOCK // (kernel.n_features if isinstance(kernel, TangentKernel) and kernel._units is None else 2048)


def _parts(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def _candidates(left: Array, known: int, generator: np.random.Generator) -> Any:
    """Return all points, or some: more of them, the more directions are known."""
    if len(left) <= _CANDIDATES:
        return np.arange(len(left))
    half = min(max(known, 16), _CANDIDATES // 2)
    top = np.argpartition(-left, half)[:half]
    share = left.copy()
    share[top] = 0.0
    if np.count_nonzero(share) < half:
        return top
    return np.append(top, generator.choice(len(left), half, replace=False, p=share / share.sum()))


def _pivots(given: Array, least: float, most: int) -> tuple[Any, Array]:
    """Return pivots of a Cholesky factorisation with no diagonal entry above `least` left, and Lᵀ of given ≈ L Lᵀ."""
    pivots, columns = np.empty(len(given), dtype=np.int64), np.empty(given.shape)
    n = min(_factorise(given, least, pivots, columns), most)
    return pivots[:n], columns[:n]


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
