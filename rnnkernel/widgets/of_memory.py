"""Kernels that iterate the memory map: `fixed_point` and `long_run`."""

from typing import NamedTuple

import numpy as np

from rnnkernel import memory
from rnnkernel._jit import jit
from rnnkernel.widgets import loops
from rnnkernel.widgets.signatures import Matrix, Value, Vector

N_HISTORY, N_MEETING, NEAR = 24, 1000, 1e-3  # of `fixed_point`: inputs shown; steps in which to come so near
N_BINS, N_BEFORE_BINS, N_TOWARDS_END = 200, 100, 300  # of `long_run`; the last reach the end


class FixedPointResult(NamedTuple):
    """What `fixed_point` gives; memory is followed from one start, and as `other` from another."""

    graphs: Matrix  # φ(−x, ·) and φ(x, ·) along the line
    inputs: Vector
    path: Vector  # memory after 0, 1, … of the inputs, up to the step shown
    other: Vector
    backward: Vector  # memory after the last 0, 1, … of the inputs
    backward_other: Vector
    distance: float  # of the two at that step
    bound: float  # of this distance: 3q^k
    met: int  # the first step at which they are near, or −1
    forward_move: float  # how far the last of the inputs shown moved memory, forward and backward
    backward_move: float


@jit
def fixed_point(
    value: Value,
    contraction: float,
    input_size: float,
    step: int,
    seed: int,
    line: Vector,
    starts: Vector,
    nodes: Matrix,
    weights: Vector,
) -> FixedPointResult:
    """Iterate the memory map from two starts, forward and backward.  The quadrature is that of q = 1."""
    rule, graphs = contraction * weights, np.empty((2, len(line)))
    for i in range(2):
        face = np.full((len(line), 1), input_size if i else -input_size)
        memory.expectations(value, nodes, rule, face, line, graphs[i])
    x = loops.tosses(input_size, seed, N_MEETING)
    path = loops.remember(value, nodes, rule, x, starts[0])
    other = loops.remember(value, nodes, rule, x, starts[1])
    met = loops.meeting(path, other, NEAR)
    path, other = path[: step + 1].copy(), other[: step + 1].copy()
    backward, backward_other = np.empty(step + 1), np.empty(step + 1)
    for k in range(step + 1):
        latest = x[N_HISTORY - k : N_HISTORY]
        backward[k] = loops.remember(value, nodes, rule, latest, starts[0])[-1]
        backward_other[k] = loops.remember(value, nodes, rule, latest, starts[1])[-1]
    bound, before = starts[1] - starts[0], max(step - 1, 0)
    for _ in range(step):
        bound *= contraction
    return FixedPointResult(
        graphs,
        x[:N_HISTORY, 0].copy(),
        path,
        other,
        backward,
        backward_other,
        distance=abs(path[-1] - other[-1]),
        bound=bound,
        met=met,
        forward_move=abs(path[-1] - path[before]),
        backward_move=abs(backward[-1] - backward[before]),
    )


class LongRunResult(NamedTuple):
    """What `long_run` gives."""

    reach: float  # the largest memory in the long run
    gap: float  # between the images of the two maps; negative if they overlap
    edge: float  # of the histogram, a little beyond the reach
    counts: Vector  # of the bins of the histogram, from −edge to edge
    empty: float  # the percentage of bins that are
    mean: float  # of memory along the path


@jit
def long_run(
    value: Value, contraction: float, input_size: float, n_steps: int, seed: int, nodes: Matrix, weights: Vector
) -> LongRunResult:
    """Count where memory is along a path.  The quadrature is that of q = 1."""
    rule = contraction * weights
    reach = loops.remember(value, nodes, rule, np.full((N_TOWARDS_END, 1), input_size), 1.5)[-1]
    ends = np.full((1, 1), input_size)
    image_of_low = loops.remember(value, nodes, rule, ends, -reach)[-1]  # φ(x, ·); φ(−x, ·) is its mirror image
    edge, counts, empty = 1.001 * reach, np.zeros(N_BINS), 0
    x = loops.tosses(input_size, seed, N_BEFORE_BINS + n_steps)
    held = loops.remember(value, nodes, rule, x, 0.0)[N_BEFORE_BINS + 1 :]
    loops.histogram(held, edge, counts)
    for count in counts:
        empty += count == 0.0
    return LongRunResult(reach, 2.0 * image_of_low, edge, counts, 100.0 * empty / N_BINS, held.sum() / n_steps)
