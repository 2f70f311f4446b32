"""Solving with I − P for a stochastic matrix P, without a subtraction.

Eliminating the state k leaves the chain as it is seen by whoever looks only while it is in the states after k,

    P_ij ← P_ij + L_ik P_kj,    L_ik = P_ik/s_k,    s_k = Σ_{j>k} P_kj,    i, j > k.

Grassmann, Taksar and Heyman take the sum s_k for the pivot 1 − P_kk.  Then all factors are sums of products and
quotients of positive numbers: each is right to a few units in its own last place, however small it is.  The stationary
law follows from them by π_k = Σ_{j>k} π_j L_jk.  A solution of u − Pu = f follows from below by f_i ← f_i + L_ik f_k,
i > k, and then from above by u_k = (f_k + Σ_{j>k} P_kj u_j)/s_k.

Two entries of π can differ by more than doubles span, so π is computed with an exponent beside each number.  Where the
factors themselves come near the end of that span they are computed so, too, which takes longer.
"""

import math
from typing import Any

import numpy as np

from rnnkernel._jit import jit
from rnnkernel._types import Array

_SMALL, _LARGE = 1e-150, 1e150  # products of two factors between them neither under- nor overflow
_BLOCK = 64  # states that are eliminated together
_NEVER = -(1 << 62)  # below every exponent
_LOST = -1100  # a number so many binary places smaller than another does not change it


def stationary_distribution(P: Array) -> Array:
    """π with πP = π, for a transition matrix in which every state leads to the last one; its diagonal is not used.

    Each entry is right to a few units in its last place, or zero below the smallest double.
    """
    pi = np.empty(len(P))
    if len(P) <= 2 * _BLOCK and _at_once(P.copy(), pi):
        return pi
    return Reduction(P).stationary_distribution()


class Reduction:
    """The factors of I − P, for a chain in which every state leads to the last one; the diagonal of P is not used."""

    def __init__(self, P: Array) -> None:
        A = P.copy()
        np.fill_diagonal(A, 0.0)
        self._factors, self._exits = A.copy(), np.zeros(len(A))
        with np.errstate(all="ignore"):  # what goes wrong is seen below, and done again
            _eliminate(self._factors, self._exits)
        self._mantissas, self._exponents = np.frexp(self._factors)
        if not _within_reach(self._factors, self._exits):
            self._mantissas, self._exponents = np.frexp(A)
            exits, exponents = np.zeros(len(A)), np.zeros(len(A), dtype=np.int64)
            self._exponents = self._exponents.astype(np.int64)
            _eliminate_scaled(self._mantissas, self._exponents, exits, exponents)
            with np.errstate(all="ignore"):  # a factor beyond the doubles makes a solution infinite, which is refused
                self._factors = np.ldexp(self._mantissas, self._exponents)
                self._exits = np.ldexp(exits, exponents)

    def stationary_distribution(self) -> Array:
        """π with πP = π, as the function of this name."""
        pi, exponents = np.empty(len(self._factors)), np.zeros(len(self._factors), dtype=np.int64)
        _back(self._mantissas, self._exponents, pi, exponents)
        return np.ldexp(pi, exponents)

    def solve(self, f: Array) -> Array:
        """Return u with u − Pu = f and u = 0 in the last state, for π(f) = 0; f is (n,) or (n, n_equations).

        Raises ``OverflowError`` where u is beyond the range of doubles.
        """
        u = f.copy()
        with np.errstate(all="ignore"):
            _solve(self._factors, self._exits, u.reshape(len(u), -1))
        if not np.isfinite(u).all():
            raise OverflowError("the solution of the Poisson equation of this chain is beyond the range of doubles")
        return u


def _within_reach(factors: Array, exits: Array) -> bool:
    """Return whether no product of two factors can have under- or overflowed."""
    inside = factors[factors > 0]
    return not len(exits) > 1 or bool(
        np.isfinite(factors).all() and inside.min() > _SMALL and inside.max() < _LARGE and exits[:-1].min() > _SMALL
    )


def _eliminate(A: Array, s: Array) -> None:
    """Turn A into its factors, L below the diagonal and what is left of P above it; most of the work is products."""
    for first in range(0, len(A), _BLOCK):
        last = min(first + _BLOCK, len(A))
        _panel(A[first:, first:last], A[first:last, last:].sum(axis=1), s[first:last])
        if last < len(A):
            _rows(A[first:last, first:last], A[first:last, last:])
            A[last:, last:] += A[last:, first:last] @ A[first:last, last:]


@jit(fastmath={"contract", "reassoc", "nsz"})
def _at_once(A: Any, pi: Any) -> Any:
    """Fill `pi` for a small chain without exponents; return whether all that was met is well inside the doubles."""
    n = len(A)
    least, most = 1.0, 1.0
    for k in range(n - 1):
        s = 0.0
        for j in range(k + 1, n):
            s += A[k, j]
            if A[k, j] > 0.0:
                least, most = min(least, A[k, j]), max(most, A[k, j])
        least = min(least, s)
        for i in range(k + 1, n):
            if A[i, k] > 0.0:
                a = A[i, k] / s
                A[i, k] = a
                least, most = min(least, a), max(most, a)
                for j in range(k + 1, n):
                    A[i, j] += a * A[k, j]
    pi[:] = 0.0
    pi[n - 1] = total = 1.0
    for k in range(n - 1, 0, -1):  # what enters π_j from π_k, row by row
        for j in range(k):
            pi[j] += pi[k] * A[k, j]
        total += pi[k - 1]
        least, most = min(least, pi[k - 1]), max(most, pi[k - 1])
    for k in range(n):
        pi[k] /= total
    return least > _SMALL and most < _LARGE


@jit(fastmath={"contract", "reassoc", "nsz"})
def _panel(A: Any, rest: Any, s: Any) -> None:
    """Eliminate the states of the columns of A; `rest` is the sum of what their rows hold beyond these columns."""
    n, width = A.shape
    for k in range(min(width, n - 1)):
        s[k] = rest[k]
        for j in range(k + 1, width):
            s[k] += A[k, j]
        for i in range(k + 1, n):
            if A[i, k] != 0.0:
                A[i, k] /= s[k]
                for j in range(k + 1, width):
                    A[i, j] += A[i, k] * A[k, j]
                if i < width:
                    rest[i] += A[i, k] * rest[k]


@jit(fastmath={"contract", "reassoc", "nsz"})
def _rows(L: Any, U: Any) -> None:
    """Do to the columns U what `_panel` did to the columns of L."""
    for i in range(1, len(L)):
        for k in range(i):
            for j in range(U.shape[1]):
                U[i, j] += L[i, k] * U[k, j]


@jit
def _total(mantissas: Any, exponents: Any) -> Any:
    """Σ_j mantissas[j] 2^exponents[j] of nonnegative numbers, as mantissa and exponent."""
    top = _NEVER
    for j in range(len(mantissas)):
        if mantissas[j] > 0.0:
            top = max(top, exponents[j])
    total = 0.0
    for j in range(len(mantissas)):
        if mantissas[j] > 0.0 and exponents[j] - top > _LOST:
            total += math.ldexp(mantissas[j], exponents[j] - top)
    mantissa, exponent = math.frexp(total)
    return mantissa, exponent + top


@jit
def _back(L: Any, exponents: Any, pi: Any, out: Any) -> None:
    """Fill `pi` and `out`, mantissas and exponents of π, from the last state to the first."""
    n = len(L)
    pi[n - 1], out[n - 1] = 0.5, 0
    for k in range(n - 2, -1, -1):
        terms, sizes = np.empty(n - 1 - k), np.empty(n - 1 - k, dtype=np.int64)
        for j in range(k + 1, n):
            terms[j - k - 1], sizes[j - k - 1] = pi[j] * L[j, k], out[j] + exponents[j, k]
        pi[k], out[k] = _total(terms, sizes)
    total, exponent = _total(pi, out)
    for k in range(n):
        pi[k] /= total
        out[k] = max(out[k] - exponent, _LOST)


@jit
def _eliminate_scaled(A: Any, E: Any, s: Any, es: Any) -> None:
    """`_eliminate` for the numbers A 2^E, one after the other."""
    n = len(A)
    for k in range(n - 1):
        s[k], es[k] = _total(A[k, k + 1 :], E[k, k + 1 :])
        for i in range(k + 1, n):
            if A[i, k] > 0.0:
                A[i, k], shift = math.frexp(A[i, k] / s[k])
                E[i, k] += shift - es[k]
                for j in range(k + 1, n):
                    if A[k, j] > 0.0 and j != i:
                        pair = np.array([A[i, j], A[i, k] * A[k, j]])
                        A[i, j], E[i, j] = _total(pair, np.array([E[i, j], E[i, k] + E[k, j]]))


@jit
def _solve(A: Any, s: Any, f: Any) -> None:
    """Turn the columns of f into those of u."""
    n = len(A)
    for k in range(n - 1):
        for i in range(k + 1, n):
            if A[i, k] != 0.0:
                f[i] += A[i, k] * f[k]
    f[n - 1] = 0.0
    for k in range(n - 2, -1, -1):
        for j in range(k + 1, n):
            if A[k, j] != 0.0:
                f[k] += A[k, j] * f[j]
        f[k] /= s[k]
