"""What is measured: each function returns a table, and checks first that what it times gives the same answer."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

import rnnkernel as rk

from .clock import rounds
from .peers import EAGER_SHARE, implementations
from .problem import BETA, LEARNING_RATE, Problem, disagreement, reference_data, reference_law
from .tables import Spread, Table

AGREEMENT = 1e-9
POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
STEPS = {100: 10_000, 1_000: 4_000, 10_000: 1_000}
WIDTHS = (100, 300, 1_000, 3_000, 10_000, 30_000)

FIRST_NETWORK = """
import time
start = time.perf_counter()
import rnnkernel as rk
imported = time.perf_counter()
from scipy import stats
data = rk.DataSequence(rk.MarkovChain([[.9, .1], [.3, .7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
rk.train(rk.RNN.sample(law, n_units=1000, beta=0.75, rng=0), data, time=2.0, learning_rate=1.0, rng=1)
print(imported - start)
"""


def training() -> Iterator[Table]:
    """Time the same training in every implementation."""
    found, missing = implementations()
    for N, n_steps in STEPS.items():
        whole = Problem.of_size(N, n_steps)
        work = {name: whole.part(EAGER_SHARE if "eager" in name else 1) for name in found}
        for name, train in found.items():
            error = disagreement(train(work[name]), found["rnnkernel"](work[name]))
            if not error < AGREEMENT:
                raise AssertionError(f"{name} computes something else: it is off by {error:.1e} at N = {N}")
        seconds = rounds({name: partial(train, work[name]) for name, train in found.items()}, n=11)
        cost = {name: 1e9 * each / (N * len(work[name].y)) for name, each in seconds.items()}
        rows = [[name, Spread.of(each), Spread.of(each / cost["rnnkernel"])] for name, each in cost.items()]
        note = (
            f"{n_steps:,} steps (eager PyTorch: the first {EAGER_SHARE:.0%}); the parameters agree to {AGREEMENT:g}. "
            + " ".join(missing)
        )
        yield Table(
            f"Training, N = {N:,}", ["implementation", "ns per unit and step", "time / rnnkernel's"], rows, note.strip()
        )


def widths() -> Table:
    """Time training of networks of several widths, the same number of units times steps in each."""
    problems = {N: Problem.of_size(N, 10_000_000 // N) for N in WIDTHS}
    found, _ = implementations()
    seconds = rounds({str(N): partial(found["rnnkernel"], p) for N, p in problems.items()}, n=11)
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


def chain_simulation() -> Table:
    """Time a path of the two-state chain and of one with a hundred states, beside quantecon's."""
    head = ["chain", "rnnkernel, ns per step", "quantecon, ns per step", "quantecon's time / rnnkernel's"]
    if not find_spec("quantecon"):
        return Table("Simulating a chain", head, [], "quantecon is left out: it is not installed.")
    import quantecon

    n = 1_000_000
    rows: list[list[Any]] = []
    for P in ([[0.9, 0.1], [0.3, 0.7]], np.random.default_rng(0).dirichlet(np.ones(100), 100)):
        ours, theirs = rk.MarkovChain(P), quantecon.MarkovChain(P)

        def simulate(theirs: Any = theirs) -> Any:
            rng = np.random.default_rng(0)
            rng.random()  # rnnkernel keeps the first number for the first state
            return theirs.simulate_indices(n, init=0, random_state=rng)

        if not np.array_equal(ours.simulate(n, rng=0, start=0), simulate()):
            raise AssertionError("quantecon's path is another one")
        runs = {"rnnkernel": partial(ours.simulate, n, rng=0, start=0), "quantecon": simulate}
        seconds = rounds(runs, n=11)
        each = [Spread.of(1e9 * seconds[name] / n) for name in ("rnnkernel", "quantecon")]
        rows.append([f"{len(P)} states", *each, Spread.of(seconds["quantecon"] / seconds["rnnkernel"])])
    return Table("Simulating a chain", head, rows, f"{n:,} steps, random numbers included; the paths are the same.")


def limit_or_simulation() -> Table:
    """Time the limit from its definition to predictions at time 2, and one network trained until then."""

    def solve() -> Any:
        return rk.KernelLimit(reference_data(), reference_law(), learning_rate=LEARNING_RATE).predict([2.0], **POINTS)

    def simulate(N: int) -> Any:
        rnn = rk.RNN.sample(reference_law(), n_units=N, beta=BETA, rng=0)
        run = rk.train(rnn, reference_data(), time=2.0, learning_rate=LEARNING_RATE, rng=1, n_records=1)
        return run.network.predict(**POINTS)

    expected = [-0.538759582925, -0.504831175078, 0.607596409909, 0.611037623045]
    if not np.allclose(solve()[0], expected, rtol=0, atol=1e-11):
        raise AssertionError("the limit is not the reference's")
    sizes = (500, 1_000, 2_000, 4_000, 8_000)
    runs: dict[str, Callable[[], Any]] = {"limit": solve}
    runs |= {f"network, N = {N:,}": partial(simulate, N) for N in sizes}
    seconds = rounds(runs, n=11)
    rows = [[name, Spread.of(1e3 * each), Spread.of(each / seconds["limit"])] for name, each in seconds.items()]
    ratios = [np.median(each / seconds["limit"]) for each in list(seconds.values())[1:]]
    equal = np.exp(np.interp(0.0, np.log(ratios), np.log(sizes)))
    if ratios[0] > 1:
        note = f"The limit is cheaper than a network of N = {sizes[0]:,} already."
    elif ratios[-1] < 1:
        note = f"The limit is dearer than a network of N = {sizes[-1]:,}."
    else:
        note = f"The limit is cheaper than one network from about N = {equal:,.0f} on."
    return Table("The limit, and one network trained until t = 2", ["", "ms", "time / the limit's"], rows, note)


def fresh_process() -> Table:
    """Time fresh processes: importing the package, and all until a first network of N = 1 000 is trained."""
    imports, warm = [], []
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}

        def run() -> tuple[float, float]:
            before = time.perf_counter()
            command = [sys.executable, "-c", FIRST_NETWORK]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            return time.perf_counter() - before, float(done.stdout)

        cold = [run()[0]]
        for _ in range(5):
            total, imported = run()
            warm.append(total)
            imports.append(imported)
    rows = [
        ["import rnnkernel", Spread.of(imports)],
        ["first trained network, warm cache", Spread.of(warm)],
        ["first trained network, cold cache", Spread.of(cold)],
    ]
    note = (
        "Time on the wall, N = 1,000, t = 2. A cold cache holds no compiled code; it was run once, the others 5 times."
    )
    return Table("A fresh process", ["", "s"], rows, note)


def two_cores(cores: set[int]) -> Table:
    """Time a convergence study with one worker thread and with two, on all cores that were given."""
    title, head = "A convergence study on two cores", ["worker threads", "s", "cores had", "time on one / time"]
    if len(cores) < 2:
        return Table(title, head, [], "Left out: this process may use one core only.")

    def study(n_threads: int) -> Any:
        with ThreadPoolExecutor(n_threads) as pool:
            return rk.convergence_study(
                reference_data(),
                reference_law(),
                widths=[400, 1600],
                betas=[BETA],
                n_seeds=500,
                times=2.0,
                rng=0,
                executor=pool,
                **POINTS,
            )

    with affinity(cores):
        if not np.array_equal(study(1).errors, study(2).errors):
            raise AssertionError("the study depends on the number of threads")
        runs = {str(n): partial(study, n) for n in (1, 2)}
        both = rounds(runs, n=5, clock=lambda: np.array([time.perf_counter(), time.process_time()]))
    wall, busy = ({name: each[:, i] for name, each in both.items()} for i in (0, 1))
    rows = [[n, Spread.of(wall[n]), Spread.of(busy[n] / wall[n]), Spread.of(wall["1"] / wall[n])] for n in runs]
    note = (
        "Time on the wall, the limit and the law of the error included; both give the same bits. Cores had: processor "
        "time by time on the wall."
    )
    if np.median(busy["1"] / wall["1"]) < 0.9:
        note += " Other programs took much of even one core: this run says nothing about two."
    return Table(title, head, rows, note)


@contextlib.contextmanager
def affinity(cores: set[int]) -> Iterator[None]:
    """Let this process run on these cores only, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
