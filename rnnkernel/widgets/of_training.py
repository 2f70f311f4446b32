"""Kernels that train networks, and that solve their limit: `train`, `widths` and `modes`."""

from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _math, _steps, network
from rnnkernel._jit import jit
from rnnkernel.widgets import draws, loops
from rnnkernel.widgets.signatures import Derivative, Matrices, Matrix, MatrixGrid, Value, Vector

DURATION, N_RECORDS, N_BEFORE, N_AFTER = 4, 40, 40, 40  # of `train`; steps before and after the end of learning
AT = 2  # of `widths`: the time when errors are measured

_block = _steps.layout(1)
_LANES = _steps.LANES


class TrainResult(NamedTuple):
    """What `train` gives; its matrices have a row for each of the two situations."""

    times: Vector
    network: Matrix  # its forecasts at these times, and those of the limit
    limit_then: Matrix
    limit: Matrix  # the limit at the moments of the data
    losses: Vector
    forecast: Vector  # of the network after learning, step by step, of the limit, and what came
    limit_forecast: Vector
    data: Vector
    learning_distance: float  # root mean square of network − limit, the larger of the two situations
    forecast_distance: float  # the same after learning


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
    n_steps = DURATION * n_units
    learner, task, path = _begun(
        n_units, beta, learning_rate, which_paired, transitions[which_stickiness], inputs, n_steps, N_AFTER, seed
    )
    stops, times = np.empty(N_RECORDS + 1, np.int64), np.empty(N_RECORDS)
    for r in range(len(stops)):
        stops[r] = r * n_steps // N_RECORDS
    C, W, B = np.empty(n_units), np.empty((1, n_units)), np.empty(n_units)
    at_inputs = loops.column(inputs, np.arange(len(inputs)))
    losses, network_then, outputs = np.empty(N_RECORDS), np.empty((len(inputs), N_RECORDS)), np.empty(len(inputs))
    for r in range(N_RECORDS):
        times[r] = stops[r + 1] / n_units
        _steps.one_step(value, derivative, learner, task, stops[r : r + 2], losses[r : r + 1])
        _unpack(learner, C, W, B)
        network.evaluate(value, C, W, at_inputs, at_memory, task.scale, outputs)
        for i in range(len(inputs)):
            network_then[i, r] = outputs[i]
    forecast, after = np.empty(N_AFTER), np.empty(N_AFTER + 1)
    after[0] = learner.memory[0]
    network.follow(value, C, W, B, task.x[n_steps:-1], task.scale, after, forecast)

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
    held, limit_forecast = (
        loops.remember(value, nodes, weights, task.x[n_steps - N_BEFORE : -1], 0.0),
        np.empty(N_AFTER),
    )
    for k in range(N_AFTER):
        state, m = path[n_steps + k], held[N_BEFORE + k] / reach
        limit_forecast[k] = loops.limit_at(rates, targets, modes[state], learning_rate * DURATION, m)
    data, later = task.y[n_steps:].copy(), loops.distance(forecast, limit_forecast)
    return TrainResult(times, network_then, limit_then, limit, losses, forecast, limit_forecast, data, apart, later)


class WidthsResult(NamedTuple):
    """What `widths` gives, for each of the widths."""

    errors: (
        Matrix  # of each network, the root mean square of network − limit over the two situations: a row for each seed
    )
    rms: Vector  # the root mean square over seeds, with the ends of its 95 % interval
    low: Vector
    high: Vector
    predicted: Vector  # by the law of the error
    exponent: float  # of the measured error in N, and of the predicted one
    expected: float
    widest: float  # the measured error of the widest networks, and the predicted one
    foreseen: float


@jit
def widths(
    value: Value,
    derivative: Derivative,
    beta: float,
    which_beta: int,
    which_paired: int,
    n_seeds: int,
    inputs: Vector,
    at_memory: Vector,
    transition: Matrix,
    units: Vector,
    limit: Vector,
    laws: Matrices,
) -> WidthsResult:
    """Train a network of each width for each seed, up to t = 2 with α = 1, and measure its error."""
    at_inputs, outputs = loops.column(inputs, np.arange(len(inputs))), np.empty(len(inputs))
    n = len(units)
    errors, squares, predicted = np.empty((n_seeds, n)), np.empty(n_seeds), laws[which_beta, which_paired].copy()
    rms, low, high, stops = np.empty(n), np.empty(n), np.empty(n), np.zeros(2, np.int64)
    for j in range(n):
        N = int(units[j])
        C, W, B = np.empty(N), np.empty((1, N)), np.empty(N)
        stops[1] = AT * N
        for i in range(n_seeds):
            learner, task, _ = _begun(N, beta, 1.0, which_paired, transition, inputs, stops[1], 0, i + 1)
            _steps.one_step(value, derivative, learner, task, stops, np.empty(1))
            _unpack(learner, C, W, B)
            network.evaluate(value, C, W, at_inputs, at_memory, task.scale, outputs)
            errors[i, j] = loops.distance(outputs, limit)
            squares[i] = errors[i, j] ** 2
        mean = squares.sum() / n_seeds
        half = 1.96 * loops.distance(squares, np.full(n_seeds, mean)) / np.sqrt(n_seeds)
        rms[j], low[j], high[j] = np.sqrt(mean), np.sqrt(max(mean - half, 0.0)), np.sqrt(mean + half)
    exponent, expected = loops.slope(units, rms), loops.slope(units, predicted)
    return WidthsResult(errors, rms, low, high, predicted, exponent, expected, rms[-1], predicted[-1])


class ModesResult(NamedTuple):
    """What `modes` gives, at the points (x, m) for m along the line, first for the one input, then for the other."""

    kernel: Matrix  # the kernel, or its part in the mode chosen
    functions: Matrix  # e_r, a row for each point
    forecast: Vector  # g_t
    part: Vector  # the part of g_t in the mode chosen
    means: Vector  # E[Y | state] of the states (input before, input)
    rates: Vector  # αλ of each mode
    shares: Vector  # 1 − e^{−αλt}, how much of each mode is learned
    losses: Vector  # at the moments of the data
    loss: float  # now
    floor: float  # ½ E Var(Y | X, M)
    holds: float  # the loss in the mode chosen, or in all, at the start
    left: float  # the same, now


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


@jit
def _begun(
    n_units: Any,
    beta: Any,
    learning_rate: Any,
    paired: Any,
    transition: Any,
    inputs: Any,
    n_steps: Any,
    n_after: Any,
    seed: Any,
) -> Any:
    """Draw units, and a path that goes on after learning: what `one_step` takes, the network first; and the path."""
    source = draws.source(seed)
    C, W, B = np.empty(n_units), np.empty(n_units), np.empty(n_units)
    draws.units(paired, source, C, W, B)
    path = draws.walk(transition, source, n_steps + n_after + 1)
    x = loops.column(inputs, path)
    blocks = np.zeros((n_units + _LANES - 1) // _LANES, _block)
    for i in range(n_units):
        block, lane = blocks[i // _LANES], i % _LANES
        block["C"][lane], block["W"][0, lane], block["B"][lane] = C[i], W[i], B[i]
    scale = _math.exp(-beta * draws.log(float(n_units)))
    rate = learning_rate * _math.exp((2.0 * beta - 2.0) * draws.log(float(n_units))) * scale
    task = _steps.Task(x, x[1:, 0].copy(), np.zeros(len(x), np.bool_), scale, rate, np.inf, np.zeros(1, np.int64))
    return _steps.Blocks(blocks, n_units, np.zeros(1)), task, path


@jit
def _unpack(learner: Any, C: Any, W: Any, B: Any) -> None:
    """Take the weights out of the blocks."""
    for i in range(learner.n_units):
        block, lane = learner.rows[i // _LANES], i % _LANES
        C[i], W[0, i], B[i] = block["C"][lane], block["W"][0, lane], block["B"][lane]
