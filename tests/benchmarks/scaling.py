"""What training costs, in time and memory, as networks get wider and runs longer."""

import itertools
import tracemalloc
from functools import partial

import numpy as np
from scipy import stats

import rnnkernel as rk

from .clock import rounds
from .peers import with_rnnkernel
from .problem import BETA, LEARNING_RATE, Problem
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


def symbols() -> Table:
    """Time training on p symbols with p outputs, and with one output beside `train` on unit vectors."""
    rng = np.random.default_rng(0)
    runs, sizes = {}, {}
    for p, N in itertools.product((2, 27, 100), (100, 1_000, 10_000)):
        n = max(100, 20_000_000 // (N * p) // 10)
        x = rng.integers(p, size=n)
        law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), n_inputs=p)
        many = rk.SymbolRNN.sample(law, n_units=N, beta=BETA, rng=0)
        runs[f"{p}, {N:,}"] = partial(rk.train_symbols, many, (x, x), learning_rate=LEARNING_RATE, n_records=1)
        sizes[f"{p}, {N:,}"] = n, N * p
        if (p, N) == (27, 1_000):
            one = rk.SymbolRNN.sample(law, n_units=N, beta=BETA, rng=0, n_outputs=1)
            dense, data = rk.RNN.sample(law, n_units=N, beta=BETA, rng=0), (x, np.zeros((n, 1)))
            by_index = partial(rk.train_symbols, one, data, learning_rate=LEARNING_RATE, loss="squared", n_records=1)
            zeros = partial(rk.train, dense, (np.eye(p)[x], np.zeros(n)), learning_rate=LEARNING_RATE, n_records=1)
            both = rounds({"index": by_index, "zeros": zeros}, n=11)
            share = np.median(both["zeros"] / both["index"])
    seconds = rounds(runs, n=11)
    rows = [
        [name, Spread.of(1e6 * seconds[name] / n), Spread.of(1e9 * seconds[name] / (n * work))]
        for name, (n, work) in sizes.items()
    ]
    note = f"With one output, 27 symbols and N = 1,000, `train` on unit vectors takes {share:.2f} times as long."
    return Table("Symbols, cross-entropy", ["p, N", "µs per step", "ns per unit and output"], rows, note)


def batches() -> Table:
    """Time training on sequences side by side, and on one of them in the usual way."""
    problem = Problem.of_size(1_000, 2_000)
    pair = problem.x, problem.y
    runs = {"one sequence, `batch=False`": partial(with_rnnkernel, problem)}
    for b in (1, 4, 16):
        many = partial(rk.train, problem.rnn, [pair] * b, learning_rate=LEARNING_RATE, n_records=1, batch=True)
        runs[f"b = {b}"] = many
    seconds = rounds(runs, n=11)
    work = dict(zip(runs, (1, 1, 4, 16), strict=True))
    cost = {name: 1e9 * each / (1_000 * 2_000 * work[name]) for name, each in seconds.items()}
    rows = [[name, Spread.of(each)] for name, each in cost.items()]
    note = "Side by side, states and derivatives of all sequences are held before weights move: two passes for one."
    return Table("Sequences side by side, N = 1,000", ["", "ns per unit, step and sequence"], rows, note)


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
