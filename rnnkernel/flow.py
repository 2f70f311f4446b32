"""Kernel gradient flow: learning with a kernel K in continuous time, from targets y_j of weight w_j at points z_j.

    d/dt g_t = α Σ_j w_j (y_j − g_t(z_j)) K(·, z_j),    g_0 = 0.

If K(z, z') = L(z)·L(z') for some coordinates L, then g_t(z) = L(z)·c_t with

    ċ = α (b − S c),    S = Σ_j w_j L(z_j) L(z_j)ᵀ = V Λ Vᵀ,    b = Σ_j w_j y_j L(z_j),
    c_t = V (1 − e^{−αΛt})/Λ Vᵀ b.

S is symmetric whatever the signs of the weights, and Λ are the eigenvalues of f ↦ Σ_j w_j K(·, z_j) f(z_j), with
eigenfunctions L(z)·v_i/√λ_i.
"""

from functools import cached_property
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._types import Array

_ROWS = 8192  # of coordinates that are multiplied at a time


def gradient_flow(gram: Any, targets: Any, times: Any, weights: Any = None, learning_rate: float = 1.0) -> Array:
    """Solve kernel gradient flow, d/dt g_t = α Σ_j w_j (y_j − g_t(z_j)) K(·, z_j), g_0 = 0, exactly in time.

    Book: :doc:`real-sequences`.

    Parameters
    ----------
    gram : array_like, shape (n_points, n)
        K(z_i, z_j).  The first n rows are the points that carry targets; further rows are points where g is followed,
        too.  A row that holds 1 in column j and 0 elsewhere follows the coefficient a_j of g_t = Σ_j a_j(t) K(·, z_j).
    targets : array_like, shape (n,)
        The targets y_j.
    times : float or array_like, shape (n_times,)
        Times t ≥ 0.
    weights : array_like, shape (n,), optional
        The weights w_j, which may be negative; 1/n if not given.
    learning_rate : float
        The rate α.

    Returns
    -------
    ndarray, shape (n_times, n_points)
        g_t(z_i); shape (n_points,) for one time given as a number.

    Raises
    ------
    ValueError
        If shapes do not fit, or if the first n rows are not symmetric and positive semi-definite to 1e-8 of their
        largest eigenvalue.

    Examples
    --------
    >>> gradient_flow([[2.0, 1.0], [1.0, 2.0], [2.0, 0.0]], targets=[1.0, -1.0], times=[2.0, 1e9]).round(6)
    array([[ 0.632121, -0.632121,  1.264241],
           [ 1.      , -1.      ,  2.      ]])
    """
    rows, y = _checks.array("gram", gram, ndim=2), _checks.array("targets", targets, ndim=1)
    n = len(y)
    if rows.shape[1] != n or len(rows) < n:
        raise ValueError(
            f"gram must have {n} columns, one for each of targets, and at least {n} rows, not {rows.shape}"
        )
    w = np.full(n, 1 / max(n, 1)) if weights is None else _checks.array("weights", weights, ndim=1)
    if len(w) != n:
        raise ValueError(f"weights must hold one weight for each of {n} targets, not {len(w)}")
    root = np.sqrt(np.abs(w))
    scaled = root[:, None] * rows[:n] * root
    values, U = np.linalg.eigh(scaled)
    largest = values.max(initial=0.0)
    if values.min(initial=0.0) < -1e-8 * largest or (np.abs(scaled - scaled.T) > 1e-8 * largest).any():
        raise ValueError(
            "gram must be symmetric and positive semi-definite in its first rows, whose points carry the targets"
        )
    known = values > n * np.finfo(float).eps * largest
    U, size = U[:, known], np.sqrt(values[known])
    modes = Modes(U * size, np.sign(w), root * y, _checks.number("learning_rate", learning_rate, above=0))
    return np.asarray((rows @ (root[:, None] * U / size) @ modes.learned(check_times(times))).T)


class Modes:
    """The modes of a kernel on points with coordinates L (n, r), signed weights w_j and targets y_j (n,).

    Modes are left out if the absolute value of their eigenvalue is below `least`.  `eigenvalues`, (n_modes,), are those
    of f ↦ Σ_j w_j K(·, z_j) f(z_j), descending; `projections` are b·v_i = √λ_i Σ_j w_j y_j e_i(z_j), made positive by
    the sign of v_i.
    """

    def __init__(self, L: Array, weights: Array, targets: Array, learning_rate: float, least: float = 0.0) -> None:
        self.weights, self.targets, self.learning_rate = weights, targets, learning_rate
        S, b = np.zeros((L.shape[1],) * 2), L.T @ (weights * targets)
        for start in range(0, len(L), _ROWS):
            some, w = L[start : start + _ROWS].T, weights[start : start + _ROWS]
            for sign in (1, -1):
                if (own := sign * w > 0).any():
                    scaled = some * np.where(own, np.sqrt(np.abs(w)), 0.0)
                    S += sign * (scaled @ scaled.T)  # of which BLAS computes one half
        eigenvalues, V = np.linalg.eigh(S)
        kept = np.flatnonzero(np.abs(eigenvalues) >= least)[::-1]
        self.eigenvalues = eigenvalues[kept]
        along = V[:, kept].T @ b
        signs = np.where(along < 0, -1.0, 1.0)
        self._directions = V[:, kept] * signs
        self.projections = along * signs

    @cached_property
    def coefficients(self) -> Array:
        """Σ_j w_j y_j e_i(z_j): the part of the targets in each mode."""
        return np.asarray(self.projections / np.sqrt(np.abs(self.eigenvalues)))

    def learned(self, t: Array) -> Array:
        """Return c_t, with g_t(z) = L(z)·c_t, shape (r, …)."""
        return np.asarray(self._directions @ (self.integral(t) * self.projections).T)

    @property
    def functions(self) -> Array:
        """Coordinates v_i/√λ_i of the eigenfunctions, e_i(z) = L(z)·v_i/√λ_i, shape (r, n_modes)."""
        return np.asarray(self._directions / np.sqrt(np.abs(self.eigenvalues)))

    def shares(self, t: Any) -> Array:
        """1 − e^{−αλ_i t}, shape (…, n_modes)."""
        return np.asarray(-np.expm1(-self.learning_rate * np.asarray(t)[..., None] * self.eigenvalues))

    def integral(self, t: Any) -> Array:
        """(1 − e^{−αλ_i t})/λ_i = ∫_0^{αt} e^{−λ_i s} ds, also where λ_i is tiny or zero, shape (…, n_modes)."""
        from scipy.special import exprel

        s = self.learning_rate * np.asarray(t)[..., None]
        return np.asarray(s * exprel(-s * self.eigenvalues))


def check_times(times: Any, most: float = 1e300) -> Array:  # of which twice is a number
    """Return times as an array of shape () or (n_times,), from 0 to `most`."""
    t = _checks.array("times", times, ndim=(0, 1))
    if t.size and t.min() < 0:
        raise ValueError(f"times must not be negative, but one of them is {t.min():g}")
    if t.size and t.max() > most:
        raise ValueError(f"times must be at most {most:.3g}, but one of them is {t.max():.3g}")
    return t
