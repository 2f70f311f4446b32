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
from scipy import stats
from scipy.special import erf

import rnnkernel as rk
from rnnkernel import _hermite

from .clock import rounds
from .tables import Spread, Table

STATES = (10, 20, 50, 100, 200, 500, 1000, 2000)
CHAINS = (100, 200, 500, 1000)
RECORDS = ((2, 100_000, 1e-8, 2000), (3, 10_000, 1e-6, 3000), (10, 50_000, 1e-2, 2000))
# By features in W, at 1e-10 of K(z, z).
BEFORE = {(2, 100_000): "89 s", (3, 10_000): "219 s, 3.7 GB", (10, 50_000): "237 s, 4.2 GB for n = 5,000"}

PAIRS = 1000
ACCURACIES = (_hermite.EXACT, 1e-10)
ARC = np.polynomial.legendre.leggauss(20)

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
    """Time stationary laws, all that is computed on dense chains, limits of records, and the kernel of erf."""
    yield stationary_laws()
    yield chains()
    yield records()
    yield kernel_of_erf()


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


def kernel_of_erf() -> Table:
    """Time the kernel of σ = erf, the one that has a closed form, and that; and compare what they give."""
    rows: list[list[Any]] = []
    for title, mean, size in (("W centred, no memory", 0.0, 0.0), ("W with a mean, and memory", 0.5, 0.3)):
        for d in (2, 10):
            rng = np.random.default_rng(d)
            x, m = rng.normal(size=(PAIRS, d)), size * rng.normal(size=PAIRS)
            kernel = rk.TangentKernel(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(mean, 1), stats.norm(), d), "erf")
            runs = {f"{a:.0e}": partial(_hermite.gram, kernel._units, (x, m), (x, m), a) for a in ACCURACIES}
            exact = closed_form(x, m, mean)
            errors = {name: np.abs(run() - exact).max() / exact.max() for name, run in runs.items()}
            seconds = rounds({**runs, "closed": partial(closed_form, x, m, mean)}, n=7)
            for name in runs:
                cost = [Spread.of(1e9 * seconds[each] / PAIRS**2) for each in (name, "closed")]
                share = Spread.of(seconds[name] / seconds["closed"])
                rows.append([title, f"{d}", name, f"{errors[name]:.0e}", *cost, share])
    head = ["case", "d", "accuracy asked for", "largest error", "rnnkernel, ns per entry", "closed form, ns per entry"]
    note = (
        f"Gram matrices of {PAIRS:,} normal inputs, relative to the largest entry. The closed form is an arcsine, in "
        f"NumPy; with a shift it holds an integral, by {len(ARC[0])} nodes. rnnkernel takes any smooth activation."
    )
    return Table("The kernel of erf", [*head, "rnnkernel's time / closed form's"], rows, note)


def closed_form(x: Any, m: Any, mean: float) -> Any:
    """Return the kernel of erf units with W_i ~ N(mean, 1) and E C² = 1/3 between points and themselves."""
    nu, b = mean * x.sum(axis=1) + m, 2 * x @ x.T
    spread = 1 + np.diag(b)
    product = np.multiply.outer(spread, spread)
    determinant = product - b**2
    angle, slopes = np.arcsin(b / np.sqrt(product)), 4 / np.pi / np.sqrt(determinant)
    if not nu.any():
        return 2 / np.pi * angle + b / 6 * slopes
    outer, h = np.multiply.outer, nu * np.sqrt(2 / spread)
    squares, values = np.add.outer(h**2, h**2), outer(erf(h / np.sqrt(2)), erf(h / np.sqrt(2)))
    for node, weight in zip(*ARC, strict=True):
        t = angle * (1 + node) / 2
        damped = np.exp((2 * outer(h, h) * np.sin(t) - squares) / (2 * np.cos(t) ** 2))
        values += angle * weight / np.pi * damped
    distance = outer(nu**2, spread) + outer(spread, nu**2) - 2 * outer(nu, nu) * b
    return values + b / 6 * slopes * np.exp(-distance / determinant)


def _in_a_process(code: str) -> dict[str, float]:
    command = [sys.executable, "-c", PROCESS, code]
    done = subprocess.run(command, env=os.environ, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))
