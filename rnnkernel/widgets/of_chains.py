"""Kernels that average along chains: `coupling`, `telescope` and `poisson`."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from rnnkernel._jit import jit
from rnnkernel.widgets import draws, loops
from rnnkernel.widgets.signatures import Matrices, Matrix, MatrixGrid, Places, Value, Vector

N_PAIRS, N_LATER, N_TELESCOPED = 500, 20, 20  # pairs of `coupling` and their steps; steps of `telescope`
N_WARM, N_PATHS, N_SHOWN = 200, 100, 20  # of `poisson`


class CouplingResult(NamedTuple):
    """What `coupling` gives, at the steps 0, 1, …; of the pair shown up to the step shown."""

    path: Vector
    other: Vector
    met: int  # the first step at which this pair is in one state, or −1
    apart: Vector  # the share of all pairs that have not met
    distances: Vector  # the total variation between the laws of the two copies
    bounds: Vector  # (1 − η_1)^k
    not_met: float  # the last three at the step shown
    distance: float
    bound: float


@jit
def coupling(
    which_coupling: int,
    which_stickiness: int,
    step: int,
    seed: int,
    transitions: Matrices,
    overlaps: Vector,
    starts: Places,
) -> CouplingResult:
    """Run pairs of copies of a chain from two starts, with a seed for each pair."""
    P, n = transitions[which_stickiness], len(transitions[0])
    path, other, apart = np.empty(step + 1), np.empty(step + 1), np.zeros(N_LATER + 1)
    met = -1
    for pair in range(1, N_PAIRS + 1):
        source = draws.source(pair)
        one, two = starts[0], starts[1]
        for k in range(N_LATER + 1):
            apart[k] += one != two
            if pair == seed:
                if k <= step:
                    path[k], other[k] = one, two
                if met < 0 and one == two:
                    met = k
            one, two = loops.coupled(P, which_coupling, source, one, two)
    laws, distances, bounds = np.zeros((2, n)), np.empty(N_LATER + 1), np.empty(N_LATER + 1)
    laws[0, starts[0]] = laws[1, starts[1]] = bounds[0] = 1.0
    for k in range(N_LATER + 1):
        apart[k] /= N_PAIRS
        distances[k] = 0.0
        for i in range(n):
            distances[k] += 0.5 * abs(laws[0, i] - laws[1, i])
        if k:
            bounds[k] = bounds[k - 1] * (1.0 - overlaps[which_stickiness])
        laws = loops.moved(laws, P)
    return CouplingResult(
        path, other, met, apart, distances, bounds, not_met=apart[step], distance=distances[step], bound=bounds[step]
    )


class TelescopeResult(NamedTuple):
    """What `telescope` gives, at the steps 0, 1, … up to the one shown."""

    heads: Vector  # u(X_k), the head start of the state
    forecasts: Vector  # Pu(X_{k−1}), what was to be expected; at the start u(X_0)
    sums: Vector  # of f − π(f) before k, and its two parts
    boundaries: Vector
    martingales: Vector
    total: float  # the last of each
    boundary: float
    martingale: float
    term: float  # what the last step added to the sum, to the boundary and to the martingale
    fall: float
    surprise: float


@jit
def telescope(
    which_stickiness: int, step: int, seed: int, transitions: Matrices, function: Matrix, solutions: Matrices
) -> TelescopeResult:
    """Follow the sum of f − π(f) along a path, step by step; functions of the state are matrices of one column."""
    P, u = transitions[which_stickiness], solutions[which_stickiness]
    states, nothing = draws.walk(P, draws.source(seed), step + 1), np.zeros(step + 1)
    sums, boundaries, martingales = loops.decompose(function, u, 0.0, 1.0, P, states, nothing)
    heads, forecasts, before = np.empty(step + 1), np.empty(step + 1), max(step - 1, 0)
    for k in range(step + 1):
        heads[k] = forecasts[k] = u[states[k], 0]
        if k:
            forecasts[k] = 0.0
            for j in range(len(u)):
                forecasts[k] += P[states[k - 1], j] * u[j, 0]
    return TelescopeResult(
        heads,
        forecasts,
        sums,
        boundaries,
        martingales,
        total=sums[-1],
        boundary=boundaries[-1],
        martingale=martingales[-1],
        term=sums[-1] - sums[before],
        fall=boundaries[-1] - boundaries[before],
        surprise=martingales[-1] - martingales[before],
    )


class PoissonResult(NamedTuple):
    """What `poisson` gives."""

    average: Vector  # of this seed, at the stops up to n; the rows of `others` are of other seeds
    others: Matrix
    limit: float  # μ(f)
    bounds: Vector  # of the root mean square error, at all stops
    sums: Vector  # of f − μ(f), for every step, and its two parts
    boundaries: Vector
    martingales: Vector
    total: float  # the last of the sums, and of its parts
    boundary: float
    martingale: float
    gap: float  # between the two sides of the identity
    strip: float  # 2‖u‖
    sigma: float
    error: float  # of this seed's average
    bound: float  # of the root mean square error
    rms: float  # the root mean square error of all paths
    rms_boundary: (
        float  # the root mean square over all paths of the boundary, and of the martingale; and their correlation
    )
    rms_martingale: float
    correlation: float
    independent: float  # what the rule for independent data makes of it
    within: float  # the percentage of paths within 2σ/√n


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
    errors, falls = loops.averages(f, u, rule, centre, half, P, N_WARM, stops[:n_stops], N_PATHS)
    average, others, within = np.empty(n_stops), np.empty((N_SHOWN, n_stops)), 0
    for k in range(n_stops):
        average[k] = mean + sums[stops[k]] / stops[k]
        for i in range(N_SHOWN):
            others[i, k] = mean + errors[i, k]
    last, gains = errors[:, -1].copy(), np.zeros(N_PATHS)
    for i in range(N_PATHS):
        within += abs(last[i]) <= 2.0 * sigma / root
        if sigma > 0.0:  # or the martingale is zero, and what is left is rounding
            gains[i] = n_steps * last[i] - falls[i]
    together = loops.correlation(falls, gains) if sigma > 0.0 else 0.0
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
        rms_boundary=loops.distance(falls, np.zeros(N_PATHS)),
        rms_martingale=loops.distance(gains, np.zeros(N_PATHS)),
        correlation=together,
        independent=deviations[which_f, which_stickiness] / root,
        within=100.0 * within / N_PATHS,
    )
