"""exp, tanh, logistic and erf in plain arithmetic: one source for native code and for WebAssembly.

A library call in a loop keeps the compiler from vectorising it.  These functions have no calls and no branches.
All four rest on one reduction.  With n the integer nearest to 2h/ln 2 and r = h − n ln2/2, so |r| ≤ ln2/4,

    e^{2h} = 2ⁿ (1 + tanh r)/(1 − tanh r),    tanh r = r P(r²)/Q(r²),

where P and Q are of degree 2, equal at 0, and have the smallest largest relative error in tanh r, 6e-18.  They are done
sooner than one polynomial of degree 5, for neither waits for the other, and each function ends in a division anyhow:
it takes r P and Q, here `over` and `under`.  Both P and Q stay just below 1, where rounding is finest.
The error is at most 3 units in the last place everywhere; NaN gives NaN, and the limits at ±∞ are exact.
"""

from typing import Any

import numpy as np

from rnnkernel._jit import jit

_ROUND = 6755399441056767.0  # 1.5 · 2⁵² + 1023: adding it leaves the nearest integer, plus 1023, in the low bits
_ROUND_BITS = 4843621399236969471  # the bits of _ROUND itself
_PER_HALF_LN2 = 2.885390081777926815  # 2/ln 2
_HALF_LN2 = 0.34657359027997265471
_HALF_LN2_HIGH = 0.3465728759765625  # ln2/2 as a short number, so that n times it is exact, ...
_HALF_LN2_LOW = 7.14303410154708616e-7  # ... and the rest

_arithmetic = jit(fastmath={"contract"}, forceinline=True)  # fused multiply-adds, and vectorised where it is called


@_arithmetic
def _nearest(h: Any) -> Any:
    """Return the integer nearest to 2h/ln 2, as a float and as an int."""
    shifted = h * _PER_HALF_LN2 + _ROUND
    return shifted - _ROUND, np.float64(shifted).view(np.int64) - _ROUND_BITS


@_arithmetic
def _small_tanh(r: Any) -> Any:
    """Numerator and denominator of tanh r for |r| ≤ ln2/4."""
    z = r * r
    P = (0.0010408975546491264 * z + 0.10936345500886095) * z + 0.984375
    Q = (0.01562038255943489 * z + 0.4374884550088553) * z + 0.984375
    return r * P, Q


@_arithmetic
def _reduce(h: Any) -> Any:
    """Return the integer n and two numbers with e^{2h} = 2ⁿ (under + over)/(under − over)."""
    n, exponent = _nearest(h)
    over, under = _small_tanh(h - n * _HALF_LN2_HIGH - n * _HALF_LN2_LOW)
    return exponent, over, under


@_arithmetic
def _power_of_two(n: Any) -> Any:
    """2ⁿ for −1022 ≤ n ≤ 1023, written straight into the exponent."""
    return np.int64((n + 1023) << 52).view(np.float64)


@_arithmetic
def exp(x: Any) -> Any:
    """e^x, zero below −745.2 and infinite above 709.8."""
    n, over, under = _reduce(0.5 * min(max(x, -746.0), 710.0))
    half = n >> 1  # two factors, so that neither overflows before the product does
    return (under + over) / (under - over) * _power_of_two(half) * _power_of_two(n - half)


@_arithmetic
def tanh(x: Any) -> Any:
    """(e^{2x} − 1)/(e^{2x} + 1)."""
    h = min(max(x, -20.0), 20.0)
    n, exponent = _nearest(h)
    over, under = _small_tanh(h - n * _HALF_LN2)  # where n is large, tanh is flat: ln2/2 need not be split
    s = _power_of_two(exponent)
    return ((s + 1.0) * over + (s - 1.0) * under) / ((s - 1.0) * over + (s + 1.0) * under)


@_arithmetic
def logistic(x: Any) -> Any:
    """e^x/(e^x + 1)."""
    n, over, under = _reduce(0.5 * min(max(x, -746.0), 40.0))
    top = (under + over) * _power_of_two(n + 54) * 5.551115123125783e-17  # times 2ⁿ, also where 2ⁿ underflows
    return top / (top + (under - over))


@_arithmetic
def erf(x: Any) -> Any:
    """2/√π ∫₀ˣ e^{−t²} dt, by W. J. Cody's two rational approximations as Cephes gives them."""
    c = min(max(x, -6.0), 6.0)
    a, z = abs(c), c * c
    t = 9.60497373987051638749
    t = t * z + 9.00260197203842689217e1
    t = t * z + 2.23200534594684319226e3
    t = t * z + 7.00332514112805075473e3
    t = t * z + 5.55923013010394962768e4
    u = z + 3.35617141647503099647e1
    u = u * z + 5.21357949780152679795e2
    u = u * z + 4.59432382970980127987e3
    u = u * z + 2.26290000613890934246e4
    u = u * z + 4.92673942608635921086e4
    p = 2.46196981473530512524e-10
    p = p * a + 5.64189564831068821977e-1
    p = p * a + 7.46321056442269912687
    p = p * a + 4.86371970985681366614e1
    p = p * a + 1.96520832956077098242e2
    p = p * a + 5.26445194995477358631e2
    p = p * a + 9.34528527171957607540e2
    p = p * a + 1.02755188689515710272e3
    p = p * a + 5.57535335369399327526e2
    q = a + 1.32281951154744992508e1
    q = q * a + 8.67072140885989742329e1
    q = q * a + 3.54937778887819891062e2
    q = q * a + 9.75708501743205489753e2
    q = q * a + 1.82390916687909736289e3
    q = q * a + 2.24633760818710981792e3
    q = q * a + 1.65666309194161350182e3
    q = q * a + 5.57535340817727675546e2
    n, over, under = _reduce(-0.5 * z)
    bottom = (under - over) * q
    top = bottom - _power_of_two(n) * (under + over) * p
    near, small, large = a <= 1.0, c * t, top if c >= 0.0 else -top
    return (small if near else large) / (u if near else bottom)
