"""What training costs, in time and memory, as networks get wider and runs longer."""

import itertools
import tracemalloc
from functools import partial

import numpy as np

import rnnkernel as rk

from .clock import rounds
from .peers import with_rnnkernel
from .problem import LEARNING_RATE, Problem
from .tables import Spread, Table

LENGTHS = (300, 1_000, 3_000, 10_000, 30_000)
WIDTHS = (100, 300, 1_000, 3_000, 10_000, 30_000)


def widths() -> Table:
    """Time training of networks of several widths, the same number of units times steps in each."""
    problems = {N: Problem.of_size(N, 10_000_000 // N) for N in WIDTHS}
    seconds = rounds({str(N): partial(with_rnnkernel, p) for N, p in problems.items()}, n=11)
    cost = {N: 1e9 * seconds[str(N)] / (N * len(p.y)) for N, p in problems.items()}
    rows = [[f"{N:,}", Spread.of(each), Spread.of(each / cost[1_000])] for N, each in cost.items()]
    wide = [N for N in WIDTHS if N >= 300]
    medians = [np.median(cost[N]) for N in wide]
    slope = np.polyfit(np.log(wide), np.log(medians), 1)[0]
    note = (
        f"From N = 300 to 30,000 the cost of a unit and step goes like N^{slope:+.3f}; "
        f"the largest is {max(medians) / min(medians):.2f} times the smallest."
    )
    return Table("Cost against width", ["N", "ns per unit and step", "time / that at N = 1,000"], rows, note)


def lengths() -> Table:
    """Time training for several numbers of steps."""
    problems = {n: Problem.of_size(1_000, n) for n in LENGTHS}
    seconds = rounds({str(n): partial(with_rnnkernel, p) for n, p in problems.items()}, n=11)
    rows = [[f"{n:,}", Spread.of(1e3 * seconds[str(n)]), Spread.of(1e6 * seconds[str(n)] / n)] for n in LENGTHS]
    step, start = 1e6 * np.polyfit(LENGTHS, [np.median(seconds[str(n)]) for n in LENGTHS], 1)
    note = f"A run costs {start:.0f} µs, and {step:.3f} µs for each step."
    return Table("Cost against steps, N = 1,000", ["steps", "ms", "µs per step"], rows, note)


def memory() -> Table:
    """Count the bytes that training holds at most, for several widths and numbers of steps."""
    rows = []
    with_rnnkernel(Problem.of_size(10, 10))  # loads what is compiled
    for N, n in itertools.product((1_000, 10_000, 100_000), (1_000, 10_000)):
        problem = Problem.of_size(N, n)
        tracemalloc.start()
        rk.train(problem.rnn, (problem.x, problem.y), learning_rate=LEARNING_RATE, n_records=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append([f"{N:,}", f"{n:,}", f"{peak / 1e6:.2f}", f"{peak / (8 * N):.1f}"])
    head = ["N", "steps", "MB at most", "numbers per unit"]
    return Table("Memory", head, rows, "Beside the network and the sequence that were given; a number has 8 bytes.")
