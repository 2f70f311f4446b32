"""How much of what this core can do training does: arithmetic counted, in machine code, and the peak measured."""

import ctypes
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from .clock import rounds
from .peers import with_rnnkernel
from .problem import Problem
from .tables import Spread, Table

FOLDER = Path(__file__).parent
WIDTHS = (1_000, 10_000)
PEAK_ROUNDS = 2_000_000


def roofline() -> Table:
    """Compare the arithmetic of training with the fused multiply-adds that the same core does in the same run."""
    title, head = "Share of the peak", ["", "10⁹ operations per second", "share of the peak"]
    if not shutil.which("gcc"):
        return Table(title, head, [], "Left out: there is no gcc.")
    work = arithmetic()
    if not work:
        return Table(title, head, [], "Left out: the operations of this processor are not counted.")
    problems = {f"training, N = {N:,}": Problem.of_size(N, 4_000_000 // N) for N in WIDTHS}
    peak = peak_function()
    runs = {"fused multiply-adds alone": partial(peak, PEAK_ROUNDS)}
    done = {"fused multiply-adds alone": peak(PEAK_ROUNDS)}
    for name, problem in problems.items():
        runs[name] = partial(with_rnnkernel, problem)
        done[name] = work * problem.rnn.n_units * len(problem.y)
    seconds = rounds(runs, n=11)
    speed = {name: 1e-9 * done[name] / each for name, each in seconds.items()}
    top = speed["fused multiply-adds alone"]
    rows = [[name, Spread.of(each), Spread.of(each / top)] for name, each in speed.items()]
    note = (
        f"A unit and step takes {work} operations, counted in the loop of the C twin with the same polynomial; a fused "
        "multiply-add counts as two, any other operation, division too, as one."
    )
    return Table(title, head, rows, note)


def arithmetic() -> int:
    """Count the operations on numbers for one unit and step, in the loop that holds the most of them."""
    source = FOLDER / "sgd.c"
    flags = ["-O2", "-fno-tree-vectorize", "-march=native", "-ffast-math", "-DPOLYNOMIAL", "-S", "-o", "-"]
    code = subprocess.run(["gcc", *flags, source], check=True, capture_output=True, text=True).stdout
    loops = re.split(r"^\.L\d+:", code.partition("one_loop:")[2], flags=re.MULTILINE)
    fused = r"\bvfn?m(?:add|sub)\d+sd\b"
    single = r"\bv(?:add|sub|mul|div|min|max|rndscale|round)sd\b"
    return max(2 * len(re.findall(fused, loop)) + len(re.findall(single, loop)) for loop in loops)


def peak_function() -> Callable[[int], float]:
    """Compile peak.c; return a function of a number of rounds that gives how many operations it did."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, library = f"{folder}/peak.o", f"{folder}/peak.so"
        subprocess.run(["gcc", "-O3", "-march=native", "-fPIC", "-c", FOLDER / "peak.c", "-o", compiled], check=True)
        subprocess.run(["gcc", "-shared", compiled, "-o", library], check=True)
        function = ctypes.CDLL(library).peak
    function.argtypes = [ctypes.c_long, ctypes.c_double, ctypes.c_double, ctypes.c_void_p]
    function.restype = ctypes.c_double
    chains = np.arange(16.0)
    return lambda n: float(function(n, 0.5, 1.0, chains.ctypes.data))
