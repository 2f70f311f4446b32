"""What the explorables compute, natively in a notebook and as WebAssembly in the page: the same source, the same bits.

The loops are those of the package: training, the network's output, the memory map.  Around them stand the draws,
which come from one small generator in place of NumPy's, and sums over the modes of a limit.

`EXPORTS` lists what `rnnkernel.widgets.wasm` compiles, with the types of the arguments.
"""

from math import sqrt
from typing import Any

import numpy as np
from numba import float64, int64, typeof

from rnnkernel import _math, memory, network, training
from rnnkernel._jit import jit
from rnnkernel.activations import activation

_block = training.layout(1)
_LANES = training.LANES


@jit
def walk(seed: Any, transition: Any, states: Any) -> None:
    """Fill `states` with a path of a chain of two states that starts in state 0."""
    _walk(transition, np.full(1, seed, np.uint64), states)


@jit
def train(
    value: Any,
    derivative: Any,
    n_units: Any,
    beta: Any,
    learning_rate: Any,
    paired: Any,
    seed: Any,
    transition: Any,
    inputs: Any,
    at_inputs: Any,
    at_memory: Any,
    stops: Any,
    losses: Any,
    predictions: Any,
    states: Any,
    forecast: Any,
    drawn: Any,
) -> Any:
    """Draw a network and a path, train the one on the other, and forecast; return the step of divergence, or −1.

    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1), and the target is the next input.  `predictions` gets the output at the
    points at each of `stops`, `states` the end of the path, `forecast` the output along it with weights
    frozen, and the rows of `drawn` the weights C, W and B before training.
    """
    source = np.full(1, seed, np.uint64)
    _draw(paired, source, drawn)
    n_steps, n_after = stops[-1], len(forecast)
    path = np.empty(n_steps + n_after + 1, np.int64)
    _walk(transition, source, path)
    x, y = np.empty((len(path), 1)), np.empty(len(path) - 1)
    for k in range(len(y)):
        x[k, 0], y[k] = inputs[path[k]], inputs[path[k + 1]]
    for k in range(len(states)):
        states[k] = path[len(path) - len(states) + k]

    blocks = np.zeros((n_units + _LANES - 1) // _LANES, _block)
    for i in range(n_units):
        block, lane = blocks[i // _LANES], i % _LANES
        block["C"][lane], block["W"][0, lane], block["B"][lane] = drawn[0, i], drawn[1, i], drawn[2, i]
    scale = _math.exp(-beta * log(float(n_units)))
    rate = learning_rate * _math.exp((2 * beta - 2) * log(float(n_units))) * scale
    task, held = training.Task(x, y, scale, rate, np.inf), training.Blocks(blocks, n_units, np.zeros(1))
    weights = np.empty((3, n_units))
    after = np.empty(n_after + 1)
    for r in range(len(losses)):
        bad = training.one_step(value, derivative, held, task, stops[r : r + 2], losses[r : r + 1])
        if bad >= 0:
            return bad
        for i in range(n_units):
            block, lane = blocks[i // _LANES], i % _LANES
            weights[0, i], weights[1, i], weights[2, i] = block["C"][lane], block["W"][0, lane], block["B"][lane]
        network.evaluate(value, weights[0], weights[1:2], at_inputs, at_memory, scale, predictions[r])
    after[0] = held.memory[0]
    network.follow(value, weights[0], weights[1:2], weights[2], x[n_steps:-1], scale, after, forecast)
    return -1


@jit
def limit(
    rates: Any, coefficients: Any, modes: Any, reach: Any, times: Any, states: Any, memory: Any, out: Any
) -> None:
    """Fill `out` with g_t(x, m) = Σ_r (1 − e^{−rates[r] t}) coefficients[r] e_r(x, m), point by point.

    e_r(x, m) = Σ_d modes[state, r, d] T_d(m/reach).
    """
    for k in range(len(out)):
        total = 0.0
        for r in range(len(rates)):
            mode = _chebyshev(modes[states[k], r], memory[k] / reach)
            total += (1.0 - _math.exp(-rates[r] * times[k])) * coefficients[r] * mode
        out[k] = total


@jit
def eigenfunctions(modes: Any, reach: Any, states: Any, memory: Any, out: Any) -> None:
    """Fill `out` (points, modes) with e_r(x, m), as in `limit`."""
    for k in range(len(out)):
        for r in range(out.shape[1]):
            out[k, r] = _chebyshev(modes[states[k], r], memory[k] / reach)


@jit
def mercer(eigenvalues: Any, functions: Any, out: Any) -> None:
    """Fill `out` with Σ_r eigenvalues[r] e_r(z) e_r(z'), the kernel of these modes between all points."""
    for k in range(len(out)):
        for j in range(len(out)):
            total = 0.0
            for r in range(len(eigenvalues)):
                total += eigenvalues[r] * functions[k, r] * functions[j, r]
            out[k, j] = total


@jit
def shares(rates: Any, time: Any, out: Any) -> None:
    """Fill `out` with 1 − e^{−rates[r] time}, how much of each mode is learned."""
    for r in range(len(out)):
        out[r] = 1.0 - _math.exp(-rates[r] * time)


@jit
def loss(rates: Any, coefficients: Any, rest: Any, times: Any, out: Any) -> None:
    """Fill `out` with rest + ½ Σ_r coefficients[r]² e^{−2 rates[r] t}."""
    for k in range(len(out)):
        total = 0.0
        for r in range(len(rates)):
            total += coefficients[r] ** 2 * _math.exp(-2.0 * rates[r] * times[k])
        out[k] = rest + 0.5 * total


@jit
def decompose(
    f: Any,
    u: Any,
    centre: Any,
    half: Any,
    transition: Any,
    states: Any,
    memory: Any,
    sums: Any,
    boundaries: Any,
    gains: Any,
) -> None:
    """Fill entry n of the last three with Σ_{k<n} f(z_k), u(z_0) − u(z_n) and Σ_{k≤n} [u(z_k) − P̂u(z_{k−1})].

    Functions of z = (s, m) are given as f(s, m) = Σ_d f[s, d] T_d((m − centre)/half), z_k by states and memory.
    """
    first = _chebyshev(u[states[0]], (memory[0] - centre) / half)
    sums[0] = boundaries[0] = gains[0] = 0.0
    for n in range(1, len(states)):
        before, t, forecast = states[n - 1], (memory[n] - centre) / half, 0.0
        for j in range(len(u)):
            forecast += transition[before, j] * _chebyshev(u[j], t)
        now = _chebyshev(u[states[n]], t)
        sums[n] = sums[n - 1] + _chebyshev(f[before], (memory[n - 1] - centre) / half)
        boundaries[n] = first - now
        gains[n] = gains[n - 1] + now - forecast


@jit
def averages(f: Any, rule: Any, centre: Any, half: Any, transition: Any, n_warm: Any, stops: Any, out: Any) -> None:
    """Fill row i with the averages of f over the first `stops` steps of a path of (s, m), after `n_warm` steps before.

    Its states are those that `walk` draws from seed i + 1.  Memory starts at 0 and moves to rule(s, m); both functions
    are given as in `decompose`.
    """
    n_paths = len(out)
    states, memory, sums = np.zeros(n_paths, np.int64), np.zeros(n_paths), np.zeros(n_paths)
    sources = np.arange(1, n_paths + 1).astype(np.uint64)
    at = 0
    for k in range(-n_warm, stops[-1]):
        for i in range(n_paths):  # side by side: the steps of one path wait for each other
            t = (memory[i] - centre) / half
            if k >= 0:
                sums[i] += _chebyshev(f[states[i]], t)
            memory[i] = _chebyshev(rule[states[i]], t)
            states[i] = _next(transition, sources[i : i + 1], states[i])
        if k + 1 == stops[at]:
            for i in range(n_paths):
                out[i, at] = sums[i] / stops[at]
            at += 1


@jit
def distance(a: Any, b: Any) -> Any:
    """Return the root mean square of a − b."""
    total = 0.0
    for k in range(len(a)):
        total += (a[k] - b[k]) ** 2
    return sqrt(total / len(a))


@jit
def histogram(values: Any, reach: Any, counts: Any) -> None:
    """Add the values between −reach and reach to the counts of equal bins."""
    for k in range(len(values)):
        if abs(values[k]) < reach:
            counts[int((values[k] + reach) / (2.0 * reach) * len(counts))] += 1.0


@jit
def _draw(paired: Any, source: Any, drawn: Any) -> None:
    """Fill the rows of `drawn` with C, W and B; if `paired`, units i and i + N/2 have opposite C and the same W, B."""
    n_units = drawn.shape[1]
    n = n_units // 2 if paired else n_units
    for i in range(n):
        drawn[0, i] = 2.0 * uniform(source) - 1.0
        drawn[1, i] = 0.7 + normal(source)
        drawn[2, i] = uniform(source)
    for i in range(n, n_units):
        drawn[0, i], drawn[1, i], drawn[2, i] = -drawn[0, i - n], drawn[1, i - n], drawn[2, i - n]


@jit
def _walk(transition: Any, source: Any, states: Any) -> None:
    """Fill `states` with a path that starts in state 0."""
    states[0] = 0
    for k in range(1, len(states)):
        states[k] = _next(transition, source, states[k - 1])


@jit
def _next(transition: Any, source: Any, state: Any) -> Any:
    """Draw the state that follows a state."""
    return 0 if uniform(source) < transition[state, 0] else 1


@jit
def _chebyshev(coefficients: Any, t: Any) -> Any:
    """Return Σ_d coefficients[d] T_d(t), by Clenshaw's recursion."""
    after = before = 0.0
    for d in range(len(coefficients) - 1, 0, -1):
        after, before = 2.0 * t * after - before + coefficients[d], after
    return t * after - before + coefficients[0]


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


TANH = activation("tanh")
_types: Any = typeof
_value, _derivative = _types(TANH.value), _types(TANH.derivative)
_A, _A2, _A3, _I = float64[::1], float64[:, ::1], float64[:, :, ::1], int64[::1]

EXPORTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "averages": (averages, (_A2, _A2, float64, float64, _A2, int64, _I, _A2)),
    "decompose": (decompose, (_A2, _A2, float64, float64, _A2, _I, _A, _A, _A, _A)),
    "distance": (distance, (_A, _A)),
    "eigenfunctions": (eigenfunctions, (_A3, float64, _I, _A, _A2)),
    "histogram": (histogram, (_A, float64, _A)),
    "limit": (limit, (_A, _A, _A3, float64, _A, _I, _A, _A)),
    "loss": (loss, (_A, _A, float64, _A, _A)),
    "mercer": (mercer, (_A, _A2, _A2)),
    "phi": (memory.expectations, (_value, _A2, _A, _A2, _A, _A)),
    "remember": (memory.iterate, (_value, _A2, _A, _A2, _A)),
    "shares": (shares, (_A, float64, _A)),
    "train": (
        train,
        (_value, _derivative, int64, float64, float64, int64, int64, _A2, _A, _A2, _A, _I, _A, _A2, _I, _A, _A2),
    ),
    "walk": (walk, (int64, _A2, _I)),
}
