"""Random draws of the kernels, from one small generator in place of NumPy's: the same bits natively and in the page."""

from math import sqrt
from typing import Any

import numpy as np

from rnnkernel._jit import jit


@jit
def source(seed: Any) -> Any:
    """Return a source of random bits."""
    return np.full(1, seed, np.uint64)


@jit
def units(paired: Any, source: Any, C: Any, W: Any, B: Any) -> None:
    """Draw C ~ U(−1, 1), W ~ N(0.7, 1), B ~ U(0, 1); if `paired`, units i and i + N/2 have ±C and the same W and B."""
    n = len(C) // 2 if paired else len(C)
    for i in range(n):
        C[i] = 2.0 * uniform(source) - 1.0
        W[i] = 0.7 + normal(source)
        B[i] = uniform(source)
    for i in range(n, len(C)):
        C[i], W[i], B[i] = -C[i - n], W[i - n], B[i - n]


@jit
def walk(transition: Any, source: Any, n: Any) -> Any:
    """Return n states of a chain of two states that starts in state 0."""
    states = np.zeros(n, np.int64)
    for k in range(1, n):
        states[k] = step(transition, source, states[k - 1])
    return states


@jit
def step(transition: Any, source: Any, state: Any) -> Any:
    """Draw the state that follows a state."""
    return 0 if uniform(source) < transition[state, 0] else 1


@jit
def choose(masses: Any, u: Any) -> Any:
    """Return the first place at which the sum of the masses so far exceeds u; the last one if none does."""
    total = 0.0
    for j in range(len(masses)):
        total += masses[j]
        if u < total:
            return j
    return len(masses) - 1


@jit
def bits(source: Any) -> Any:
    """Return 64 random bits: Steele, Lea and Flood's SplitMix64, whose state is the one entry of `source`."""
    source[0] += np.uint64(0x9E3779B97F4A7C15)
    z = source[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@jit
def uniform(source: Any) -> Any:
    """Return a number in [0, 1)."""
    return np.float64(bits(source) >> np.uint64(11)) * 1.1102230246251565e-16


@jit
def normal(source: Any) -> Any:
    """Return a standard normal number, by Marsaglia's polar method."""
    while True:
        u, v = 2.0 * uniform(source) - 1.0, 2.0 * uniform(source) - 1.0
        square = u * u + v * v
        if 0.0 < square < 1.0:
            return u * sqrt(-2.0 * log(square) / square)


@jit
def log(x: Any) -> Any:
    """Return ln x of a positive normal number, as FreeBSD's msun computes it: browsers need not agree on theirs."""
    word = np.float64(x).view(np.int64)
    k = (word - 4604544271217802189) >> 52  # the power of two that leaves a number between 1/√2 and √2
    f = np.int64(word - (k << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    R = 0.14798198605116586
    R = R * z + 0.15313837699209373
    R = R * z + 0.1818357216161805
    R = R * z + 0.22222198432149784
    R = R * z + 0.2857142874366239
    R = R * z + 0.3999999999940942
    R = R * z + 0.6666666666666735
    half = 0.5 * f * f
    return k * 0.6931471803691238 - ((half - (s * (half + R * z) + k * 1.9082149292705877e-10)) - f)
