"""The tangent kernel of normal input weights, as a power series in the correlation ρ of u = W·x + m and u' = W·x' + m'.

With u = a + s g and normalised Hermite polynomials h_k, c_k = E[σ(u) h_k(g)], Mehler's formula and Price's give

    E[σ(u) σ(u')] = c_0 c_0' + A(ρ),    E[σ'(u) σ'(u')] = A'(ρ)/(s s'),    A(ρ) = Σ_{k≥1} c_k c_k' ρ^k.

Where σ is analytic in a strip of half width τ, c_k falls like exp(−√k τ/s).  What would need too many terms, where s is
large and |ρ| nearly 1, or s very large, is summed over panels.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _normal
from rnnkernel._jit import jit
from rnnkernel._types import Array
from rnnkernel.activations import Activation

EXACT = 1e-16
_MOST = 8192  # terms of a series
_STORED = 1 << 27  # coefficients that are kept; more are made anew for each use
_NODES = 1 << 22  # values of polynomials that are held at a time
_COLUMNS = 256  # points that share their number of terms
_END = 12.0  # e^{−g²/4} = 2e-16
_TINY = 1e-100
_fast = jit(fastmath={"reassoc", "contract", "nsz"})


class Units(NamedTuple):
    """What the kernel knows of a law: σ, the normal law of W, and E[C²]."""

    activation: Activation
    normal: _normal.Normal
    output_square: float


class Rows(NamedTuple):
    """Some points: inputs, sd(W)·x/s, a, s, c_0, and c_k/s in rows (n, n_terms), k ≥ 1."""

    x: Array
    direction: Array
    a: Array
    s: Array
    first: Array
    coefficients: Array


@cache
def spacing(activation: Activation) -> float:
    """Distance of points in u at which sums of σ'² are integrals to twelve digits; tiny if σ is not analytic."""
    for h in 2.0 ** -np.arange(7):
        u = np.arange(-64, 64, h / 4)
        sums = (activation.prime(u) ** 2 * np.exp(-(u**2) / 72) * h).reshape(-1, 4).sum(axis=0)
        if np.ptp(sums) < 1e-12 * sums.max():
            return float(h)
    return 1e-6


def gram(units: Units, first: tuple[Array, Array], second: tuple[Array, Array], accuracy: float = EXACT) -> Array:
    """Return K between two sets of points, inputs (n, d) and memories (n,), shape (n1, n2)."""
    largest = max(units.normal.reduced(x)[1].max(initial=0.0) for x, _ in (first, second))
    left, right = (Points(units, *each, largest, accuracy) for each in (first, second))
    out = np.empty((len(left.s), len(right.s)))
    for start in range(0, len(out), _COLUMNS):
        part = np.arange(start, min(start + _COLUMNS, len(out)))
        right.fill(left.rows(part), out[part[0] : part[-1] + 1])
    return out


def diagonal(units: Units, x: Array, m: Array) -> Array:
    """Return K((x, m), (x, m)) point by point."""
    sigma = units.activation
    a, s = units.normal.reduced(x)
    values, slopes = (
        _normal.means(f, _normal.panels(sigma), a + m, s, squared=True) for f in (sigma.value, sigma.derivative)
    )
    return np.asarray(values + units.output_square * (x**2).sum(axis=1) * slopes)


class Points:
    """Points (x, m), inputs (n, d) and memories (n,), and their Hermite coefficients.

    `largest` is the largest s of points that these are going to meet, `accuracy` how much of a kernel of size one may
    be missing.
    """

    def __init__(self, units: Units, x: Array, m: Array, largest: float, accuracy: float = EXACT) -> None:
        self.units, self.x, self.m, self.accuracy = units, x, m, accuracy
        a, s = units.normal.reduced(x)
        self.a, self.s = a + m, np.maximum(s, _TINY)
        self.direction = x * units.normal.deviation / self.s[:, None]
        self.first = np.empty(len(m))
        strip, digits = 5.9 * spacing(units.activation), 4 - np.log(accuracy)
        self.reach = 2 * strip * np.sqrt(_MOST) / digits
        near = np.where(self.s > 4 * self.reach, _TINY, self.s)
        self.largest = max(largest, near.max(initial=_TINY))
        self.order = np.argsort(near, kind="stable")
        self.blocks = np.split(self.order, np.arange(_COLUMNS, len(m), _COLUMNS)) if len(m) else []
        self._places = np.argsort(self.order)
        self._tops = [near[block[-1]] for block in self.blocks]
        n_terms = [16 + int((digits * top / strip / (1 + top / self.largest)) ** 2) // 4 * 4 for top in self._tops]
        self._n_terms = [min(each, _MOST) for each in n_terms]
        self._kept: dict[int, Array] = {}
        self._keep = _COLUMNS * sum(self._n_terms) <= _STORED

    def columns(self, i: int) -> Array:
        """c_k/s = E[σ'(u) h_{k−1}(g)]/√k of a block, shape (n_terms, n_points), by the trapezoidal rule in g."""
        if i in self._kept:
            return self._kept[i]
        block, top, n_terms, sigma = self.blocks[i], self._tops[i], self._n_terms[i], self.units.activation
        h = 2 * np.pi / (2 * np.pi * top / spacing(sigma) + np.sqrt(n_terms) + 7)
        g = np.arange(-_END, _END + h, h)
        out, first = np.zeros((n_terms, len(block))), np.zeros(len(block))
        for part in np.array_split(g, 1 + len(g) * n_terms // _NODES):
            u = self.a[block, None] + np.minimum(self.s[block, None], top) * part
            density = np.exp(-(part**2) / 2) * h / np.sqrt(2 * np.pi)
            first += sigma(u) @ density
            polynomials = np.empty((n_terms, len(part)))
            _hermite(part, density, polynomials)
            out += polynomials @ sigma.prime(u).T
        self.first[block] = first
        if self._keep:
            self._kept[i] = out
        return out

    def among(self, chosen: Any) -> Array:
        """K between some of the points."""
        few = Points(self.units, self.x[chosen], self.m[chosen], self.largest, self.accuracy)
        out = np.empty((len(chosen), len(chosen)))
        few.fill(few.rows(np.arange(len(chosen))), out)
        return out

    def rows(self, chosen: Any) -> Rows:
        """Return some of the points."""
        coefficients = np.zeros((len(chosen), max(self._n_terms, default=0)))
        which, where = np.divmod(self._places[chosen], _COLUMNS)
        for i in np.unique(which):
            columns, mine = self.columns(i), which == i
            coefficients[mine, : len(columns)] = columns[:, where[mine]].T
        x, direction, a, s, first = (each[chosen] for each in (self.x, self.direction, self.a, self.s, self.first))
        return Rows(x, direction, a, s, first, coefficients)

    def fill(self, rows: Rows, out: Array) -> None:
        """Fill `out` (n_rows, n_points) with K between given rows and all points."""
        sigma, alike, square = self.units.activation, self.accuracy ** (1 / _MOST), self.units.output_square
        for i, block in enumerate(self.blocks):
            value = np.empty((len(rows.s), len(block)))
            columns, x, direction = self.columns(i), self.x[block].T.copy(), self.direction[block].T.copy()
            others = Rows(x, direction, self.a[block], self.s[block], self.first[block], columns)
            _series(rows, others, square, self.accuracy, value)
            if max(rows.s.max(initial=0.0), others.s.max()) > self.reach:
                size = np.maximum.outer(rows.s, others.s)
                far = (size > self.reach) & (np.abs(rows.direction @ direction) > alike) | (size > 4 * self.reach)
                functions = sigma.value, sigma.derivative, _normal.panels(sigma)
                pairs = rows.a, rows.s, rows.direction, others.a, others.s, direction.T
                _by_panels(*functions, *pairs, square * (rows.x @ x), far, value)
            out[:, _COLUMNS * i : _COLUMNS * i + len(block)] = value
        for row in out:  # one by one, as each then stays in the cache
            row[self.order] = row.copy()


@_fast
def _hermite(g: Any, density: Any, out: Any) -> None:
    """Fill row k − 1 with h_{k−1}(g)/√k times the density."""
    before, now = np.zeros(len(g)), density.copy()
    for k in range(len(out)):
        for i in range(len(g)):
            out[k, i] = now[i] / np.sqrt(k + 1.0)
            after = (g[i] * now[i] - np.sqrt(float(k)) * before[i]) / np.sqrt(k + 1.0)
            before[i], now[i] = now[i], after


@_fast
def _terms(row: Any, bound: Any, w: Any, least: Any) -> Any:
    """How many terms it takes until the rest of Σ k bound_k |c_k| w^k is small: a multiple of four."""
    left, k = 0.0, min(len(row), len(bound)) // 4 * 4
    while k > 4:
        power = w ** (k - 4)
        for j in range(k - 4, k):
            left += (j + 1.0) * bound[j] * abs(row[j]) * power
            power *= w
        if left > least:
            return k
        k -= 4
    return k


@_fast
def _products(one: Any, others: Any, out: Any) -> None:
    """Fill with the products of a vector and others in columns: few coordinates, where BLAS costs more than it does."""
    out[:] = 0.0
    for j in range(len(one)):
        for i in range(len(out)):
            out[i] += one[j] * others[j, i]


@_fast
def _series(left: Any, right: Any, output_square: Any, least: Any, out: Any) -> None:
    """Fill with c_0 c_0' + s s' Σ c_k c_k' ρ^k + E[C²] x·x' Σ k c_k c_k' ρ^{k−1}, c_k in units of s.

    Points on the right stand in columns.
    """
    columns, n = right.coefficients, len(right.s)
    bound, r, weight = np.empty(len(columns)), np.empty(n), np.empty(n)
    for k in range(len(bound)):
        bound[k] = np.abs(columns[k]).max()
    for p in range(len(left.s)):
        row, value, slope = left.coefficients[p], np.zeros(n), np.zeros(n)
        _products(left.direction[p], right.direction, r)
        _products(left.x[p], right.x, weight)
        top = 0.0
        for i in range(n):
            r[i] = min(max(r[i], -1.0), 1.0)
            top = max(top, abs(r[i]))
        for k in range(_terms(row, bound, top, least) - 1, 0, -4):
            a, b, c, d = row[k], row[k - 1], row[k - 2], row[k - 3]
            A, B, C, D = columns[k], columns[k - 1], columns[k - 2], columns[k - 3]
            for i in range(n):
                v, q, x = value[i], slope[i], r[i]
                q = q * x + v
                v = v * x + a * A[i]
                q = q * x + v
                v = v * x + b * B[i]
                q = q * x + v
                v = v * x + c * C[i]
                q = q * x + v
                v = v * x + d * D[i]
                value[i], slope[i] = v, q
        for i in range(n):
            slope[i] = slope[i] * r[i] + value[i]
            series = left.s[p] * right.s[i] * r[i] * value[i] + output_square * weight[i] * slope[i]
            out[p, i] = left.first[p] * right.first[i] + series


@jit
def _by_panels(
    sigma: Any,
    prime: Any,
    rule: Any,
    a: Any,
    s: Any,
    e: Any,
    a_: Any,
    s_: Any,
    e_: Any,
    weight: Any,
    far: Any,
    out: Any,
) -> None:
    for p in range(len(a)):
        for i in np.flatnonzero(far[p]):
            sign = 1.0 if np.sum(e[p] * e_[i]) > 0.0 else -1.0
            apart = 0.5 * np.sum((e[p] - sign * e_[i]) ** 2)  # 1 − |ρ|, with all its digits
            slope, rest = sign * s_[i] * (1.0 - apart), s_[i] * np.sqrt(apart * (2.0 - apart))
            values = _normal.product(sigma, rule, a[p], s[p], a_[i], slope, rest)
            slopes = _normal.product(prime, rule, a[p], s[p], a_[i], slope, rest)
            out[p, i] = values + weight[p, i] * slopes
