"""The loops that the kernels of the explorables share: memory along inputs, sums over modes, averages along paths."""

from math import sqrt
from typing import Any

import numpy as np

from rnnkernel import _math, memory
from rnnkernel._jit import jit
from rnnkernel.widgets import draws


@jit
def column(values: Any, states: Any) -> Any:
    """Return the value of each state, as the column that loops over inputs take."""
    x = np.empty((len(states), 1))
    for k in range(len(states)):
        x[k, 0] = values[states[k]]
    return x


@jit
def tosses(size: Any, seed: Any, n: Any) -> Any:
    """Return n tosses of a fair coin with the faces −size and size, as such a column."""
    faces = np.empty(2)
    faces[0], faces[1] = -size, size
    return column(faces, draws.walk(np.full((2, 2), 0.5), draws.source(seed), n))


@jit
def meeting(path: Any, other: Any, near: Any) -> Any:
    """Return the first step at which two paths are that near, or −1."""
    for k in range(len(path)):
        if abs(path[k] - other[k]) <= near:
            return k
    return -1


@jit
def remember(value: Any, nodes: Any, weights: Any, x: Any, start: Any) -> Any:
    """Return the memories along the inputs, from the start on."""
    held = np.empty(len(x) + 1)
    held[0] = start
    memory.iterate(value, nodes, weights, x, held)
    return held


@jit
def limit_at(rates: Any, coefficients: Any, modes: Any, time: Any, t: Any) -> Any:
    """Return g = Σ_r (1 − e^{−rates[r] time}) coefficients[r] Σ_d modes[r, d] T_d(t)."""
    total = 0.0
    for r in range(len(rates)):
        total += (1.0 - _math.exp(-rates[r] * time)) * coefficients[r] * chebyshev(modes[r], t)
    return total


@jit
def loss_at(rates: Any, coefficients: Any, rest: Any, time: Any) -> Any:
    """Return rest + ½ Σ_r coefficients[r]² e^{−2 rates[r] time}."""
    total = 0.0
    for r in range(len(rates)):
        total += coefficients[r] ** 2 * _math.exp(-2.0 * rates[r] * time)
    return rest + 0.5 * total


@jit
def mercer(eigenvalues: Any, functions: Any) -> Any:
    """Return Σ_r eigenvalues[r] e_r(z) e_r(z'), the kernel of these modes between all points."""
    n = len(functions)
    kernel = np.zeros((n, n))
    for k in range(n):
        for j in range(n):
            for r in range(len(eigenvalues)):
                kernel[k, j] += eigenvalues[r] * functions[k, r] * functions[j, r]
    return kernel


@jit
def decompose(f: Any, u: Any, centre: Any, half: Any, transition: Any, states: Any, memory: Any) -> Any:
    """Return at each n: Σ_{k<n} f(z_k), and its parts u(z_0) − u(z_n) and Σ_{k≤n} [u(z_k) − P̂u(z_{k−1})].

    Functions of z = (s, m) are given as f(s, m) = Σ_d f[s, d] T_d((m − centre)/half), z_k by states and memory.
    """
    n_states = len(states)
    sums, boundaries, gains = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
    first = chebyshev(u[states[0]], (memory[0] - centre) / half)
    for n in range(1, n_states):
        before, t, forecast = states[n - 1], (memory[n] - centre) / half, 0.0
        for j in range(len(u)):
            forecast += transition[before, j] * chebyshev(u[j], t)
        now = chebyshev(u[states[n]], t)
        sums[n] = sums[n - 1] + chebyshev(f[before], (memory[n - 1] - centre) / half)
        boundaries[n] = first - now
        gains[n] = gains[n - 1] + now - forecast
    return sums, boundaries, gains


@jit
def averages(
    f: Any, u: Any, rule: Any, centre: Any, half: Any, transition: Any, n_warm: Any, stops: Any, n_paths: Any
) -> Any:
    """Return of each path of z = (s, m) averages of f over its first `stops` steps, and u(z_0) − u(z_n) for the last n.

    The states of path i are a walk from seed i + 1, n_warm steps before z_0.  Memory starts at 0 and moves to
    rule(s, m); functions are given as in `decompose`.
    """
    found, boundaries = np.empty((n_paths, len(stops))), np.empty(n_paths)
    states, memory, sums = np.zeros(n_paths, np.int64), np.zeros(n_paths), np.zeros(n_paths)
    sources = np.arange(1, n_paths + 1).astype(np.uint64)
    at = 0
    for k in range(-n_warm, stops[-1]):
        for i in range(n_paths):  # side by side: the steps of one path wait for each other
            t = (memory[i] - centre) / half
            if k == 0:
                boundaries[i] = chebyshev(u[states[i]], t)
            if k >= 0:
                sums[i] += chebyshev(f[states[i]], t)
            memory[i] = chebyshev(rule[states[i]], t)
            states[i] = draws.step(transition, sources[i : i + 1], states[i])
        if k + 1 == stops[at]:
            for i in range(n_paths):
                found[i, at] = sums[i] / stops[at]
            at += 1
    for i in range(n_paths):
        boundaries[i] -= chebyshev(u[states[i]], (memory[i] - centre) / half)
    return found, boundaries


@jit
def distance(a: Any, b: Any) -> Any:
    """Return the root mean square of a − b."""
    total = 0.0
    for k in range(len(a)):
        total += (a[k] - b[k]) ** 2
    return sqrt(total / len(a))


@jit
def correlation(a: Any, b: Any) -> Any:
    """Return the correlation of a and b, whose means are zero; zero if all of one is."""
    product = 0.0
    for k in range(len(a)):
        product += a[k] * b[k]
    zero = np.zeros(len(a))
    sizes = len(a) * distance(a, zero) * distance(b, zero)
    return product / sizes if sizes > 0.0 else 0.0


@jit
def slope(x: Any, y: Any) -> Any:
    """Return the exponent p of y ∝ x^p, by least squares between logarithms."""
    n = len(x)
    u, v = np.empty(n), np.empty(n)
    for k in range(n):
        u[k], v[k] = draws.log(x[k]), draws.log(y[k])
    centre, product, square = u.sum() / n, 0.0, 0.0
    for k in range(n):
        product += (u[k] - centre) * v[k]
        square += (u[k] - centre) ** 2
    return product / square


@jit
def coupled(transition: Any, how: Any, source: Any, state: Any, other: Any) -> Any:
    """Draw the next states of two copies of a chain: each alone, both from one number, or equal as often as may be.

    Copies that have met stay together.
    """
    u = draws.uniform(source)
    if state == other or how == 1:
        return draws.choose(transition[state], u), draws.choose(transition[other], u)
    if how == 0:
        return draws.choose(transition[state], u), draws.choose(transition[other], draws.uniform(source))
    shared = np.minimum(transition[state], transition[other])
    overlap = shared.sum()
    if u < overlap:
        both = draws.choose(shared, u)
        return both, both
    later = (1.0 - overlap) * draws.uniform(source)
    return draws.choose(transition[state] - shared, u - overlap), draws.choose(transition[other] - shared, later)


@jit
def moved(laws: Any, transition: Any) -> Any:
    """Return laws on the states, a row for each, one step later."""
    later = np.zeros(laws.shape)
    for row in range(len(laws)):
        for i in range(len(transition)):
            for j in range(len(transition)):
                later[row, j] += laws[row, i] * transition[i, j]
    return later


@jit
def histogram(values: Any, reach: Any, counts: Any) -> None:
    """Add the values between −reach and reach to the counts of equal bins."""
    for k in range(len(values)):
        if abs(values[k]) < reach:
            counts[int((values[k] + reach) / (2.0 * reach) * len(counts))] += 1.0


@jit
def trimmed(table: Any) -> Any:
    """Return polynomials, a row of coefficients for each, without the degrees that none of them has."""
    n = table.shape[1]
    while n > 1 and not table[:, n - 1].any():
        n -= 1
    return table[:, :n].copy()


@jit
def chebyshev(coefficients: Any, t: Any) -> Any:
    """Return Σ_d coefficients[d] T_d(t), by Clenshaw's recursion."""
    after = before = 0.0
    for d in range(len(coefficients) - 1, 0, -1):
        after, before = 2.0 * t * after - before + coefficients[d], after
    return t * after - before + coefficients[0]
