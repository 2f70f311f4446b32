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
from pathlib import Path
from typing import Any

import numpy as np

import rnnkernel as rk

from .clock import rounds
from .peers import TORCH_SHARE, implementations
from .problem import BETA, LEARNING_RATE, Problem, disagreement, reference_data, reference_law
from .tables import Spread, Table

AGREEMENT = 1e-9
POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
STEPS = {100: 10_000, 1_000: 4_000, 10_000: 1_000}

FIRST_NETWORK = """
import time
start = time.perf_counter()
import rnnkernel as rk
imported = time.perf_counter()
from scipy import stats
data = rk.DataSequence(rk.MarkovChain([[.9, .1], [.3, .7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
rnn = rk.RNN.sample(law, n_units=1000, beta=0.75, rng=0)
defined = time.perf_counter()
rk.train(rnn, data, time=2.0, learning_rate=1.0, rng=1)
print(imported - start, time.perf_counter() - defined)
"""


def training() -> Iterator[Table]:
    """Time the same training in every implementation."""
    found, missing = implementations()
    for N, n_steps in STEPS.items():
        whole = Problem.of_size(N, n_steps)
        work = {name: whole.part(TORCH_SHARE if "PyTorch" in name else 1) for name in found}
        for name, train in found.items():
            error = disagreement(train(work[name]), found["rnnkernel"](work[name]))
            if not error < AGREEMENT:
                raise AssertionError(f"{name} computes something else: it is off by {error:.1e} at N = {N}")
        seconds = rounds({name: partial(train, work[name]) for name, train in found.items()}, n=11)
        cost = {name: 1e9 * each / (N * len(work[name].y)) for name, each in seconds.items()}
        rows = [[name, Spread.of(each), Spread.of(each / cost["rnnkernel"])] for name, each in cost.items()]
        note = (
            f"{n_steps:,} steps (PyTorch: the first {TORCH_SHARE:.0%}); the parameters agree to {AGREEMENT:g}. "
            + " ".join(missing)
        )
        yield Table(
            f"Training, N = {N:,}", ["implementation", "ns per unit and step", "time / rnnkernel's"], rows, note.strip()
        )


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
    imports, first, warm = [], [], []
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}

        def run() -> list[float]:
            before = time.perf_counter()
            command = [sys.executable, "-c", FIRST_NETWORK]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            return [time.perf_counter() - before, *map(float, done.stdout.split())]

        cold, _, compiled = run()
        for _ in range(5):
            for times, each in zip((warm, imports, first), run(), strict=True):
                times.append(each)
    rows = [
        ["import rnnkernel", Spread.of(imports)],
        ["first call of train, warm cache", Spread.of(first)],
        ["first call of train, cold cache: compilation", Spread.of([compiled])],
        ["process to first trained network, warm cache", Spread.of(warm)],
        ["process to first trained network, cold cache", Spread.of([cold])],
    ]
    note = (
        "Time on the wall, N = 1,000, t = 2. A cold cache holds no compiled code; it was run once, the others 5 times."
    )
    return Table("A fresh process", ["", "s"], rows, note)


def two_cores() -> Table:
    """Time a convergence study with one worker thread and with two, on all cores that were given."""
    title, head = "A convergence study on two cores", ["worker threads", "s", "cores had", "time on one / time"]
    if len(usable_cores()) < 2:
        return Table(title, head, [], "Left out: this process may use one core only.")

    def study(n_threads: int) -> Any:
        with ThreadPoolExecutor(n_threads) as pool:
            return rk.convergence_study(
                rk.KernelLimit(reference_data(), reference_law()),
                widths=[400, 1600],
                betas=[BETA],
                n_seeds=500,
                times=2.0,
                rng=0,
                executor=pool,
                **POINTS,
            )

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


def book() -> Table:
    """Tell how long each chapter ran when the book was built."""
    title, head = "Building the book", ["chapter", "s", "processor s"]
    caches = sorted(Path("_build/.jupyter_cache").glob("*/global.db"), key=lambda path: path.stat().st_mtime)
    if not caches:
        return Table(title, head, [], "Left out: the book is not built; `make book` does that.")
    from jupyter_cache import get_cache

    records = sorted(get_cache(caches[-1].parent).list_cache_records(), key=lambda record: record.uri)
    rows = [
        [Path(each.uri).stem, *(f"{each.data[key]:.1f}" for key in ("execution_seconds", "processor_seconds"))]
        for each in records
        if "processor_seconds" in each.data
    ]
    return Table(title, head, rows, "At the last build, compilation included, a chapter on each core.")


def usable_cores() -> set[int]:
    """Name the cores that this process may use."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


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
