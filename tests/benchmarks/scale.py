"""What chains of many states and long records cost, in time and memory, beside peers on the same work."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from .clock import rounds
from .tables import Spread, Table

STATES = (10, 20, 50, 100, 200, 500, 1000, 2000)
CHAINS = (100, 200, 500, 1000)
RECORDS = ((2, 100_000, 1e-8, 2000), (3, 10_000, 1e-6, 2000), (10, 50_000, 1e-2, 2000))
BEFORE = {
    (2, 100_000): "89 s",
    (3, 10_000): "219 s, 3.7 GB",
    (10, 50_000): "-",
}  # by features in W, at 1e-10 of K(z, z)

# Each measurement has its own process: what it holds at most is its own.
PROCESS = """
import json, resource, sys, time, warnings
import numpy as np
from scipy import stats
import rnnkernel as rk
warnings.simplefilter("ignore")
def law(d):
    return rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 1), stats.uniform(0, 0.9), d)
def chain(S):
    rng = np.random.default_rng(1)
    P = rng.exponential(size=(S, S))
    x, y = rng.normal(size=(2, S))
    return rk.DataSequence(rk.MarkovChain(P / P.sum(1, keepdims=True)), x, y, noise=0.1)
def record(d, n):
    x = np.random.default_rng(0).normal(size=(n, d))
    return x, np.tanh(x[:, 0]) + 0.1 * np.roll(x[:, -1], 1)
found = {}
def timed(name, run):
    start = time.process_time()
    made = run()
    found[name] = time.process_time() - start
    return made
exec(sys.argv[1])
found["GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps(found))
"""
ON_CHAIN = """
z = [0.5, -0.5, 1.0, 0.0], [0.1, 0.0, -0.1, 0.2]
limit = rk.KernelLimit(chain(20), law(1))
limit.fluctuations(1.0, *z)
data = chain({S})
mu = timed("law", lambda: rk.StationaryLaw(data, rk.MemoryMap(limit.law)))
timed("Poisson", lambda: mu.solve_poisson(lambda x, m: x * m))
limit = timed("limit", lambda: rk.KernelLimit(mu, limit.law))
timed("fluctuations", lambda: limit.fluctuations(2.0, *z))
"""
ON_RECORD = """
rk.KernelLimit(record({d}, 500), law({d}), n_modes=100).forecast(1.0, record({d}, 5)[0])
data = record({d}, {n})
limit = timed("limit", lambda: rk.KernelLimit(data, law({d}), tolerance={tolerance}, n_modes={most}))
timed("forecast", lambda: limit.forecast(10.0, data[0][:10_000]))
found |= {{"rank": len(limit.eigenvalues), "trace": limit.left_in_trace, "norm": limit.left_in_norm}}
found["largest"] = limit.eigenvalues[0]
"""
ON_PEER = """
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
x, y = record({d}, {n})
model = make_pipeline(Nystroem(gamma=0.5 / {d}, n_components={rank}, random_state=0), Ridge(0.1))
timed("fit", lambda: model.fit(x, y))
"""


def scale() -> Iterator[Table]:
    """Time stationary laws, all that is computed on dense chains, and limits of records."""
    yield stationary_laws()
    yield chains()
    yield records()


def stationary_laws() -> Table:
    """Time the stationary law of dense chains, and quantecon's."""
    head = ["states", "rnnkernel, ms", "quantecon, ms", "rnnkernel's time / quantecon's"]
    title = "Stationary law of a dense chain"
    if not find_spec("quantecon"):
        return Table(title, head, [], "quantecon is left out: it is not installed.")
    from quantecon.markov.gth_solve import gth_solve

    from rnnkernel._reduction import stationary_distribution

    rows: list[list[Any]] = []
    for S in STATES:
        P = np.random.default_rng(S).dirichlet(np.ones(S), size=S)
        if not np.allclose(stationary_distribution(P), gth_solve(P), rtol=1e-12):
            raise AssertionError("quantecon's stationary law is another one")
        runs = {"ours": partial(stationary_distribution, P), "theirs": partial(gth_solve, P)}
        seconds = rounds(runs, n=5 if S > 500 else 15)
        each = [Spread.of(1e3 * seconds[name]) for name in runs]
        rows.append([f"{S:,}", *each, Spread.of(seconds["ours"] / seconds["theirs"])])
    return Table(title, head, rows, "Solver against solver: `gth_solve`.")


def chains() -> Table:
    """Time law, Poisson equation, limit and the law of the error at four points of dense chains."""
    found = {S: _in_a_process(ON_CHAIN.format(S=S)) for S in CHAINS}
    steps = ("law", "Poisson", "limit", "fluctuations")
    rows = [[f"{S:,}", *(f"{each[step]:.2f}" for step in steps), f"{each['GiB']:.2f}"] for S, each in found.items()]
    rows.append(["500, before", "38", "", "", "", "3 GB"])
    large = [S for S in CHAINS if S >= 200]
    slopes = [np.polyfit(np.log(large), np.log([found[S][step] for S in large]), 1)[0] for step in steps]
    powers = ", ".join(f"{step} {slope:.1f}" for step, slope in zip(steps, slopes, strict=True))
    note = f"Seconds; the most memory that the process held. Powers of the number of states, from 200 on: {powers}."
    return Table("Dense chains of many states", ["states", *steps, "GiB"], rows, note)


def records() -> Table:
    """Time the limit of independent normal inputs, the hardest ones, and Nyström's method at the same rank."""
    rows = []
    for d, n, tolerance, most in RECORDS:
        ours = _in_a_process(ON_RECORD.format(d=d, n=n, tolerance=tolerance, most=most))
        theirs = _in_a_process(ON_PEER.format(d=d, n=n, rank=ours["rank"])) if find_spec("sklearn") else None
        left = f"{ours['trace']:.1e}", f"{ours['norm'] / ours['largest']:.1e}"
        peer = [f"{theirs['fit']:.1f}", f"{theirs['GiB']:.2f}"] if theirs else ["", ""]
        cost = f"{ours['limit']:.1f}", f"{ours['forecast']:.2f}", f"{ours['GiB']:.2f}"
        rows.append([f"{d}", f"{n:,}", f"{ours['rank']:,}", *left, *cost, BEFORE[d, n], *peer])
    head = [
        "d",
        "n",
        "modes",
        "left of the trace",
        "norm left / eigenvalue",
        "limit, s",
        "forecast of 10,000, s",
        "GiB",
    ]
    head += ["before", "scikit-learn, s", "GiB"]
    note = (
        "Inputs are independent and normal, and so is W. scikit-learn: `Nystroem` with as many components of its "
        "Gaussian kernel, which is cheaper to evaluate, and `Ridge`; the limit gives all times at once."
    )
    return Table(
        "Records", head, rows, note if find_spec("sklearn") else f"{note} It is left out: it is not installed."
    )


def _in_a_process(code: str) -> dict[str, float]:
    command = [sys.executable, "-c", PROCESS, code]
    done = subprocess.run(command, env=os.environ, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))
