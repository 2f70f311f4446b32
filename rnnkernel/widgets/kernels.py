"""What the explorables compute: one kernel for each, native code in a notebook and WebAssembly in the page.

A kernel takes by name the values of its explorable's sliders, their places in their lists (``which_`` and the name of
the slider), and its explorable's data.  It gives a named tuple.  Both stand in its signature; `tools/wasm.py` writes
the types and names into ``kernels.json``, beside the module.

The loops are those of the package: training, the network's output, the memory map.
"""

from collections.abc import Callable
from functools import cache
from math import sqrt
from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np
from numba import float64, int64, typeof

from rnnkernel import _math, memory, network, training
from rnnkernel._jit import jit
from rnnkernel.activations import activation
from rnnkernel.widgets import draws, loops

_TANH = activation("tanh")
_types: Any = typeof
Value = Annotated[Any, _types(_TANH.value)]
Derivative = Annotated[Any, _types(_TANH.derivative)]
Vector = Annotated[Any, float64[::1]]
Matrix = Annotated[Any, float64[:, ::1]]
Matrices = Annotated[Any, float64[:, :, ::1]]
MatrixGrid = Annotated[Any, float64[:, :, :, ::1]]
Places = Annotated[Any, int64[::1]]

N_HISTORY, N_BINS, N_BEFORE_BINS, N_TOWARDS_END = 24, 200, 100, 300  # of `fixed_point`; the last reach the end
DURATION, N_RECORDS, N_BEFORE, N_AFTER = 4, 40, 40, 40  # of `train`; steps before and after the end of learning
N_WARM, N_PATHS, N_SHOWN = 200, 100, 20  # of `poisson`

_block = training.layout(1)
_LANES = training.LANES


@cache
def takes(kernel: Callable[..., Any]) -> dict[str, Any]:
    """Return numba's type of each parameter of a kernel."""
    hints = get_type_hints(getattr(kernel, "py_func", kernel), include_extras=True)
    scalars = {int: int64, float: float64}
    return {name: scalars.get(hint) or hint.__metadata__[0] for name, hint in hints.items() if name != "return"}


def run(kernel: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Call a kernel on those of the values given that it takes, with tanh; return what it gives, by name."""
    given = {"value": _TANH.value, "derivative": _TANH.derivative} | given
    return dict(kernel(*(given[name] for name in takes(kernel)))._asdict())


class FixedPointResult(NamedTuple):
    """What `fixed_point` gives."""

    graphs: Matrix
    """φ(−x, ·) and φ(x, ·) along the line."""
    inputs: Vector
    path: Vector
    """Memory from the one start, up to the step shown; `other` is from the other start."""
    other: Vector
    distance: float
    """Of the two at that step."""
    bound: float
    """Of this distance: 3q^k."""
    reach: float
    """The largest memory in the long run."""
    gap: float
    """Between the images of the two maps; negative if they overlap."""
    edge: float
    """Of the histogram, a little beyond the reach."""
    counts: Vector
    """Of the bins of the histogram, from −edge to edge."""
    empty: float
    """The percentage of bins that are."""


@jit
def fixed_point(
    value: Value,
    contraction: float,
    input_size: float,
    step: int,
    n_steps: int,
    seed: int,
    line: Vector,
    starts: Vector,
    nodes: Matrix,
    weights: Vector,
) -> FixedPointResult:
    """Iterate the memory map from two starts and for long.  The quadrature is that of q = 1."""
    rule = np.empty(len(weights))
    for q in range(len(rule)):
        rule[q] = contraction * weights[q]
    faces, graphs = np.empty(2), np.empty((2, len(line)))
    faces[0], faces[1] = -input_size, input_size
    for i in range(2):
        memory.expectations(value, nodes, rule, np.full((len(line), 1), faces[i]), line, graphs[i])
    coin, n = np.full((2, 2), 0.5), N_BEFORE_BINS + max(n_steps, N_HISTORY)
    x = loops.column(faces, draws.walk(coin, draws.source(seed), n))
    path = loops.remember(value, nodes, rule, x[:step], starts[0])
    other = loops.remember(value, nodes, rule, x[:step], starts[1])
    bound = starts[1] - starts[0]
    for _ in range(step):
        bound *= contraction
    reach = loops.remember(value, nodes, rule, np.full((N_TOWARDS_END, 1), input_size), starts[1])[-1]
    inner, images = np.empty(2), np.empty(2)
    inner[0], inner[1] = reach, -reach
    memory.expectations(value, nodes, rule, loops.column(faces, np.arange(2)), inner, images)
    edge, counts, empty = 1.001 * reach, np.zeros(N_BINS), 0
    long = loops.remember(value, nodes, rule, x[: N_BEFORE_BINS + n_steps], 0.0)
    loops.histogram(long[N_BEFORE_BINS + 1 :], edge, counts)
    for count in counts:
        empty += count == 0.0
    distance, gap = abs(path[-1] - other[-1]), images[1] - images[0]
    inputs, empty_share = x[:N_HISTORY, 0].copy(), 100.0 * empty / N_BINS
    return FixedPointResult(graphs, inputs, path, other, distance, bound, reach, gap, edge, counts, empty_share)


class TrainResult(NamedTuple):
    """What `train` gives; its matrices have a row for each of the two situations."""

    times: Vector
    network: Matrix
    """Its forecasts at these times, and those of the limit."""
    limit_then: Matrix
    limit: Matrix
    """The limit at the moments of the data."""
    losses: Vector
    forecast: Vector
    """Of the network after learning, step by step, of the limit, and what came."""
    limit_forecast: Vector
    data: Vector
    learning_distance: float
    """Root mean square of network − limit, the larger of the two situations."""
    forecast_distance: float
    """The same after learning."""


@jit
def train(
    value: Value,
    derivative: Derivative,
    n_units: int,
    beta: float,
    learning_rate: float,
    which_stickiness: int,
    which_paired: int,
    seed: int,
    inputs: Vector,
    at_memory: Vector,
    moments: Vector,
    transitions: Matrices,
    nodes: Matrix,
    weights: Vector,
    reach: float,
    eigenvalues: Matrix,
    coefficients: Matrix,
    modes: MatrixGrid,
) -> TrainResult:
    """Draw a network and a path, train the one on the other, and forecast, with its limit beside it.

    The target is the next input.  The limit is that of the chain, by the first modes.
    """
    source = draws.source(seed)
    C, W, B = np.empty(n_units), np.empty((1, n_units)), np.empty(n_units)
    draws.units(which_paired, source, C, W[0], B)
    n_steps = DURATION * n_units
    path = draws.walk(transitions[which_stickiness], source, n_steps + N_AFTER + 1)
    x = loops.column(inputs, path)
    y = x[1:, 0].copy()

    blocks = np.zeros((n_units + _LANES - 1) // _LANES, _block)
    for i in range(n_units):
        block, lane = blocks[i // _LANES], i % _LANES
        block["C"][lane], block["W"][0, lane], block["B"][lane] = C[i], W[0, i], B[i]
    scale = _math.exp(-beta * draws.log(float(n_units)))
    rate = learning_rate * _math.exp((2.0 * beta - 2.0) * draws.log(float(n_units))) * scale
    stops, times = np.empty(N_RECORDS + 1, np.int64), np.empty(N_RECORDS)
    for r in range(len(stops)):
        stops[r] = r * n_steps // N_RECORDS
    task = training.Task(x, y, np.zeros(len(x), np.bool_), scale, rate, np.inf, np.zeros(1, np.int64))
    learner = training.Blocks(blocks, n_units, np.zeros(1))
    at_inputs = loops.column(inputs, np.arange(len(inputs)))
    losses, network_then, outputs = np.empty(N_RECORDS), np.empty((len(inputs), N_RECORDS)), np.empty(len(inputs))
    for r in range(N_RECORDS):
        times[r] = stops[r + 1] / n_units
        training.one_step(value, derivative, learner, task, stops[r : r + 2], losses[r : r + 1])
        for i in range(n_units):
            block, lane = blocks[i // _LANES], i % _LANES
            C[i], W[0, i], B[i] = block["C"][lane], block["W"][0, lane], block["B"][lane]
        network.evaluate(value, C, W, at_inputs, at_memory, scale, outputs)
        for i in range(len(inputs)):
            network_then[i, r] = outputs[i]
    forecast, after = np.empty(N_AFTER), np.empty(N_AFTER + 1)
    after[0] = learner.memory[0]
    network.follow(value, C, W, B, x[n_steps:-1], scale, after, forecast)

    rates, modes = eigenvalues[which_stickiness], modes[which_stickiness]
    targets = coefficients[which_stickiness]
    limit, limit_then = np.empty((len(inputs), len(moments))), np.empty((len(inputs), N_RECORDS))
    apart = 0.0
    for i in range(len(inputs)):
        m = at_memory[i] / reach
        for k in range(len(moments)):
            limit[i, k] = loops.limit_at(rates, targets, modes[i], learning_rate * moments[k], m)
        for k in range(N_RECORDS):
            limit_then[i, k] = loops.limit_at(rates, targets, modes[i], learning_rate * times[k], m)
        apart = max(apart, loops.distance(network_then[i], limit_then[i]))
    held, limit_forecast = loops.remember(value, nodes, weights, x[n_steps - N_BEFORE : -1], 0.0), np.empty(N_AFTER)
    for k in range(N_AFTER):
        state, m = path[n_steps + k], held[N_BEFORE + k] / reach
        limit_forecast[k] = loops.limit_at(rates, targets, modes[state], learning_rate * DURATION, m)
    data, later = y[n_steps:].copy(), loops.distance(forecast, limit_forecast)
    return TrainResult(times, network_then, limit_then, limit, losses, forecast, limit_forecast, data, apart, later)


class ModesResult(NamedTuple):
    """What `modes` gives, at the points (x, m) for m along the line, first for the one input, then for the other."""

    kernel: Matrix
    """The kernel, or its part in the mode chosen."""
    functions: Matrix
    """e_r, a row for each point."""
    forecast: Vector
    """g_t."""
    part: Vector
    """The part of g_t in the mode chosen."""
    means: Vector
    """E[Y | state] of the states (input before, input)."""
    rates: Vector
    """αλ of each mode."""
    shares: Vector
    """1 − e^{−αλt}, how much of each mode is learned."""
    losses: Vector
    """At the moments of the data."""
    loss: float
    """Now."""
    floor: float
    """½ E Var(Y | X, M)."""
    holds: float
    """The loss in the mode chosen, or in all, at the start."""
    left: float
    """The same, now."""


@jit
def modes(
    time: float,
    which_time: int,
    mode: int,
    which_target: int,
    which_stickiness: int,
    learning_rate: float,
    line: Vector,
    moments: Vector,
    reach: float,
    eigenvalues: Matrix,
    modes: MatrixGrid,
    means: Matrices,
    coefficients: Matrices,
    floors: Matrix,
    rests: Matrix,
) -> ModesResult:
    """Sum the modes of the limit for a target: all of them, or the one chosen."""
    eigenvalues, modes = eigenvalues[which_stickiness], modes[which_stickiness]
    target, floor = coefficients[which_stickiness, which_target], floors[which_stickiness, which_target]
    rest, n = rests[which_stickiness, which_target], len(eigenvalues)
    rates, shares, visible, chosen = np.empty(n), np.empty(n), np.zeros(n), np.zeros(n)
    for r in range(n):
        rates[r] = learning_rate * eigenvalues[r]
        shares[r] = 1.0 - _math.exp(-rates[r] * time)
        if mode in (0, r + 1):
            visible[r], chosen[r] = eigenvalues[r], target[r]
    n_points = len(modes) * len(line)
    functions, forecast, part = np.empty((n_points, n)), np.empty(n_points), np.empty(n_points)
    for k in range(n_points):
        i, m = k // len(line), line[k % len(line)] / reach
        for r in range(n):
            functions[k, r] = loops.chebyshev(modes[i, r], m)
        forecast[k] = loops.limit_at(rates, target, modes[i], time, m)
        part[k] = loops.limit_at(rates, chosen, modes[i], time, m)
    losses, unseen = np.empty(len(moments)), 0.0 if mode else rest - floor
    for k in range(len(moments)):
        losses[k] = loops.loss_at(rates, target, rest, moments[k])
    kernel, loss = loops.mercer(visible, functions), losses[which_time]
    holds, left = loops.loss_at(rates, chosen, unseen, 0.0), loops.loss_at(rates, chosen, unseen, time)
    best = means[which_stickiness, which_target]
    return ModesResult(kernel, functions, forecast, part, best, rates, shares, losses, loss, floor, holds, left)


class PoissonResult(NamedTuple):
    """What `poisson` gives."""

    average: Vector
    """Of this seed, at the stops up to n; the rows of `others` are of other seeds."""
    others: Matrix
    limit: float
    """μ(f)."""
    bounds: Vector
    """Of the root mean square error, at all stops."""
    sums: Vector
    """Of f − μ(f), for every step, and its two parts."""
    boundaries: Vector
    martingales: Vector
    total: float
    """The last of the sums, and of its parts."""
    boundary: float
    martingale: float
    gap: float
    """Between the two sides of the identity."""
    strip: float
    """2‖u‖."""
    sigma: float
    error: float
    """Of this seed's average."""
    bound: float
    """Of the root mean square error."""
    rms: float
    """The root mean square error of all paths."""
    independent: float
    """What the rule for independent data makes of it."""
    within: float
    """The percentage of paths within 2σ/√n."""


@jit
def poisson(
    value: Value,
    which_f: int,
    which_stickiness: int,
    n_steps: int,
    seed: int,
    inputs: Vector,
    transitions: Matrices,
    nodes: Matrix,
    weights: Vector,
    rule: Matrix,
    centre: float,
    half: float,
    functions: MatrixGrid,
    solutions: MatrixGrid,
    means: Matrix,
    sigmas: Matrix,
    norms: Matrix,
    deviations: Matrix,
    stops: Places,
) -> PoissonResult:
    """Average f along paths, and split the sum of one; the rule is φ as polynomials, for the many paths."""
    P, rule, f = transitions[which_stickiness], loops.trimmed(rule), loops.trimmed(functions[which_f, which_stickiness])
    u = loops.trimmed(solutions[which_f, which_stickiness])
    mean, sigma = means[which_f, which_stickiness], sigmas[which_f, which_stickiness]
    strip, root = 2.0 * norms[which_f, which_stickiness], sqrt(n_steps)
    states = draws.walk(P, draws.source(seed), N_WARM + n_steps + 1)
    held = loops.remember(value, nodes, weights, loops.column(inputs, states[:-1]), 0.0)
    sums, boundaries, martingales = loops.decompose(f, u, centre, half, P, states[N_WARM:], held[N_WARM:])
    bounds, n_stops = np.empty(len(stops)), 0
    for k in range(len(stops)):
        bounds[k] = strip / stops[k] + sigma / sqrt(stops[k])
        n_stops += stops[k] <= n_steps
    errors = loops.averages(f, rule, centre, half, P, N_WARM, stops[:n_stops], N_PATHS)
    average, others, within = np.empty(n_stops), np.empty((N_SHOWN, n_stops)), 0
    for k in range(n_stops):
        average[k] = mean + sums[stops[k]] / stops[k]
        for i in range(N_SHOWN):
            others[i, k] = mean + errors[i, k]
    last = errors[:, -1].copy()
    for error in last:
        within += abs(error) <= 2.0 * sigma / root
    total, boundary, martingale = sums[-1], boundaries[-1], martingales[-1]
    return PoissonResult(
        average,
        others,
        mean,
        bounds,
        sums,
        boundaries,
        martingales,
        total,
        boundary,
        martingale,
        gap=abs(total - boundary - martingale),
        strip=strip,
        sigma=sigma,
        error=abs(total) / n_steps,
        bound=strip / n_steps + sigma / root,
        rms=loops.distance(last, np.zeros(N_PATHS)),
        independent=deviations[which_f, which_stickiness] / root,
        within=100.0 * within / N_PATHS,
    )


KERNELS = {"fixed_point": fixed_point, "modes": modes, "poisson": poisson, "train": train}
