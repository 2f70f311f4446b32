"""High powers of a stochastic matrix P, and what they say: how far its law is from π, and the variance of averages.

A product of stochastic matrices is made stochastic again, so that rounding cannot grow with the number of steps.
P^k − 1π, which tends to zero, is a difference only as long as it is large: once it has halved it is multiplied itself,

    P^{j+k} − 1π = (P^j − 1π)(P^k − 1π),

and keeps its digits down to the smallest double.
"""

from typing import NamedTuple

import numpy as np

from rnnkernel._types import Array

_EPS = 2.0**-52
_LONGEST = 2**60  # steps at which the spectral radius is known to every digit


class _Power(NamedTuple):
    """P^k and P^k − 1π."""

    law: Array
    deviation: Array

    def then(self, other: "_Power", pi: Array) -> "_Power":
        """P^{j+k} from P^j and P^k."""
        law = self.law @ other.law
        law /= law.sum(axis=1, keepdims=True)
        if min(_norm(self.deviation), _norm(other.deviation)) < 0.5:
            return _Power(law, self.deviation @ other.deviation)
        return _Power(law, law - pi)


def power(P: Array, k: int, pi: Array) -> _Power:
    """Return P^k and P^k − 1π, by repeated squaring."""
    total = _Power(np.eye(len(P)), np.eye(len(P)) - pi)
    square = _Power(P, P - pi)
    while k:
        if k % 2:
            total = total.then(square, pi)
        k //= 2
        if k:
            square = square.then(square, pi)
    return total


class _Sum(NamedTuple):
    """S = Σ_{k<n} f(X_k) of the stationary chain, for f of mean zero."""

    variance: float
    """Var S."""
    ahead: Array
    """E[S | X_0 = i]."""
    behind: Array
    """π_i E[S | X_{n−1} = i]."""


def sum_variance(P: Array, pi: Array, f: Array, n: int) -> float:
    """Return Var Σ_{k<n} f(X_k) of the stationary chain, for π(f) = 0, by doubling.

    Two sums in a row have the covariance Σ_i behind_i (P ahead)_i, so nothing is ever divided by the spectral gap.
    """

    def join(first: _Sum, second: _Sum, over_first: Array, over_second: Array) -> _Sum:
        covariance = first.behind @ (P @ second.ahead)
        ahead = first.ahead + over_first @ second.ahead
        behind = second.behind + first.behind @ over_second
        variance = first.variance + second.variance + 2 * float(covariance)
        return _Sum(variance, ahead - pi @ ahead, behind - behind.sum() * pi)

    one = _Sum(float(pi @ f**2), f, pi * f)
    total, steps = one, _Power(P, P - pi)
    for bit in f"{n:b}"[1:]:  # from the leading bit: n ← 2n, then n ← n + 1
        total, steps = join(total, total, steps.law, steps.law), steps.then(steps, pi)
        if bit == "1":
            total, steps = join(total, one, steps.law, P), steps.then(_Power(P, P - pi), pi)
    return max(total.variance, 0.0)


def radius_bounds(A: Array) -> tuple[float, float]:
    """Return bounds of the spectral radius of A: |tr A^m|/n ≤ ρ^m ≤ ‖A^m‖ over all m = 2^j.

    Each counts in what rounding may have done to A^m, and the powers end where that is more than a hundredth.
    """
    n, size = len(A), _norm(A)
    if not size:
        return 0.0, 0.0
    B, log_size, error, m = A / size, np.log(size), 0.0, 1  # A^m = e^{log_size} B up to the share `error`
    low, high = 0.0, np.inf
    while error < 0.01 and m < _LONGEST:
        high = min(high, float(np.exp((log_size + np.log1p(error)) / m)))
        trace = abs(np.trace(B)) / n - error
        if trace > 0:
            low = max(low, float(np.exp((log_size + np.log(trace)) / m)))
        B = B @ B
        size = _norm(B)
        if not size:
            return 0.0, 0.0
        error = (2 * error + error**2 + n * _EPS) / size
        B, log_size, m = B / size, 2 * log_size + np.log(size), 2 * m
    return low, high


def _norm(A: Array) -> float:
    """Return ‖A‖ on bounded functions: the largest sum of absolute values in a row."""
    return float(np.abs(A).sum(axis=1).max(initial=0.0))
