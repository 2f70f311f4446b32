"""Expectations over normal input weights: W·x + m is normal too, so that one dimension does the work of d.

With independent W_i ~ N(w_i, s_i²), u = W·x + m has the law of a + s g, where g ~ N(0, 1) and

    a = w·x + m,    s² = Σ (s_i x_i)²,    ρ = Σ s_i² x_i x'_i/(s s') = Corr(u, u').

Expectations of f(u), and of f(u) f(u'), are Gauss–Legendre sums on panels in g.  Panels end where those of σ do, and so
they are right for every x, however steep σ is in g.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _math
from rnnkernel._jit import jit, slices
from rnnkernel._types import Array
from rnnkernel.activations import Activation
from rnnkernel.initial import InitialLaw

_ORDER = 16  # nodes on a panel
_FAR = 2.0**20  # beyond it σ is taken to be smooth
_FINEST = 1e-7  # width of panels at a kink
_END = 8.5  # P(|g| > 8.5) = 2e-17
_WIDEST = 2.0  # in g
_SLIVER = 1e-9  # in g
_COST = 600  # evaluations of σ for an expectation, about
_DENSITY = float(1 / np.sqrt(2 * np.pi))


class Panels(NamedTuple):
    """Ends of panels in u, ascending, and Gauss–Legendre nodes and weights on [−1, 1]."""

    ends: Array
    nodes: Array
    weights: Array


class Normal(NamedTuple):
    """Means w and standard deviations s of normal input weights, both (d,)."""

    mean: Array
    deviation: Array

    def reduced(self, x: Array) -> tuple[Array, Array]:
        """Return w·x and s for inputs (n, d)."""
        return x @ self.mean, np.sqrt(((x * self.deviation) ** 2).sum(axis=1))


def normal(law: InitialLaw) -> Normal | None:
    """Return means and standard deviations of the input weights of a law, or None if they are not normal."""
    if any(getattr(getattr(each, "dist", None), "name", None) != "norm" for each in law.inputs):
        return None
    mean, variance = np.array([each.stats("mv") for each in law.inputs], dtype=float).T
    return Normal(mean, np.sqrt(variance))


@cache
def panels(activation: Activation) -> Panels:
    """Halve panels until a polynomial of degree 15 gives half of the digits of σ and σ': Gauss's rule gives all."""
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    last = np.polynomial.legendre.legvander(nodes, _ORDER - 1)[:, -2:] * weights[:, None] * (_ORDER - 0.5)
    far = 2.0 ** np.arange(np.log2(_FAR) + 1)
    ends = np.concatenate([-far[::-1], [0.0], far])
    low, high = ends[:-1], ends[1:]
    while len(low):
        middle, half = (low + high) / 2, (high - low) / 2
        values = [f(middle[:, None] + half[:, None] * nodes) for f in (activation, activation.prime)]
        tails = [np.abs(each @ last).max(axis=1) / np.abs(each).max() for each in values]
        rough = (np.maximum(*tails) > 1e-9) & (half > _FINEST)
        ends = np.append(ends, middle[rough])
        low, high = np.append(low[rough], middle[rough]), np.append(middle[rough], high[rough])
    return Panels(np.sort(ends), nodes, weights)


def means(function: Any, rule: Panels, a: Array, s: Array, *, squared: bool = False) -> Array:
    """E f(a + s g), or E f(a + s g)², point by point."""
    out = np.empty(len(a))
    for part in slices(len(out), _COST):
        _fill(function, rule, a[part], s[part], squared, out[part])
    return out


def follow(function: Any, rule: Panels, a: Array, s: Array, scale: float, memory: Array) -> None:
    """Fill `memory` from its first entry on: M_{k+1} = scale E f(a_k + M_k + s_k g)."""
    for part in slices(len(a), _COST):
        _iterate(function, rule, a[part], s[part], scale, memory[part.start : part.stop + 1])


@jit(fastmath={"reassoc", "contract", "nsz"})
def expectation(function: Any, rule: Panels, a: Any, s: Any, squared: Any) -> Any:
    """E f(a + s g), or E f(a + s g)²."""
    if s == 0.0:
        return function(a) ** 2 if squared else function(a)
    ends, nodes, weights = rule
    total, mass, left, i = 0.0, 0.0, -_END, np.searchsorted(ends, a - _END * s)
    while left < _END:
        while i < len(ends) and ends[i] - a <= s * (left + _SLIVER):
            i += 1
        right = min(left + _WIDEST, _END)
        if i < len(ends) and ends[i] - a < s * right:
            right = (ends[i] - a) / s
        half, middle, part, share = (right - left) / 2, (right + left) / 2, 0.0, 0.0
        for q in range(_ORDER):
            g = middle + half * nodes[q]
            value, density = function(a + s * g), weights[q] * _math.exp(-0.5 * g * g)
            part += density * (value * value if squared else value)
            share += density
        total += half * part
        mass += half * share
        left = right
    return total / mass


@jit
def _fill(function: Any, rule: Panels, a: Any, s: Any, squared: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = expectation(function, rule, a[k], s[k], squared)


@jit
def _iterate(function: Any, rule: Panels, a: Any, s: Any, scale: Any, memory: Any) -> None:
    for k in range(len(a)):
        memory[k + 1] = scale * expectation(function, rule, a[k] + memory[k], s[k], False)


@jit(fastmath={"reassoc", "contract", "nsz"})
def product(function: Any, rule: Panels, a: Any, s: Any, a_other: Any, slope: Any, rest: Any) -> Any:
    """E f(a + s g) f(a' + slope g + rest g'), with slope = s'ρ and rest = s'√(1 − ρ²)."""
    ends, nodes, weights = rule
    cuts = np.concatenate((np.arange(-_END, _END, _WIDEST), np.array([_END]), (ends - a) / s, (ends - a_other) / slope))
    cuts = np.sort(cuts[np.abs(cuts) <= _END])
    total = 0.0
    for j in range(len(cuts) - 1):
        half, middle = (cuts[j + 1] - cuts[j]) / 2, (cuts[j + 1] + cuts[j]) / 2
        if half > 0:
            for q in range(_ORDER):
                g = middle + half * nodes[q]
                inner = expectation(function, rule, a_other + slope * g, rest, False)
                total += half * weights[q] * _math.exp(-0.5 * g * g) * function(a + s * g) * inner
    return _DENSITY * total
