"""The same training, written for each peer: a function of a problem that returns C, W, B and S after the last step.

`implementations` gives all that can run here, and says in plain words why the others cannot.
"""

import ctypes
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import rnnkernel as rk

from .problem import LEARNING_RATE, Problem

Train = Callable[[Problem], Any]
GCC = ["gcc", "-O3", "-march=native", "-ffast-math", "-fPIC", "-c"]
WIDE = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []  # as rnnkernel asks of LLVM
TORCH_SHARE = 0.05  # of the steps: PyTorch is timed on the first ones only


def implementations() -> tuple[dict[str, Train], list[str]]:
    """Return what can run here, by name, and a message for each that cannot."""
    found: dict[str, Train] = {"rnnkernel": with_rnnkernel, "NumPy": with_numpy}
    missing = []
    if shutil.which("gcc"):
        found |= with_c()
    else:
        missing.append("C is left out: there is no gcc.")
    for name, module, make in (("JAX", "jax", with_jax), ("PyTorch", "torch", with_torch)):
        if find_spec(module):
            found |= make()
        else:
            missing.append(f"{name} is left out: it is not installed.")
    return found, missing


def with_rnnkernel(problem: Problem) -> Any:
    """Train as a reader would."""
    network = rk.train(problem.rnn, (problem.x, problem.y), learning_rate=LEARNING_RATE, n_records=1).network
    return network.output, network.inputs[:, 0], network.recurrent, network.hidden


def with_numpy(problem: Problem) -> Any:
    """One vectorised step after the other."""
    C, W, B, S = problem.weights
    scale, rate = problem.rates
    N = len(C)
    for x, y in zip(problem.x.tolist(), problem.y.tolist(), strict=True):
        S_next = np.tanh(W * x + (B @ S) / N)
        CD = C * (1.0 - S_next * S_next)
        move = rate * scale * (y - scale * (C @ S_next))
        C += move * S_next
        W += (move * x) * CD
        B += (move * CD.sum() / N) * S
        S = S_next
    return C, W, B, S


def with_c() -> dict[str, Train]:
    """Compile the C twins: two ways to take tanh, two ways to loop."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for tanh, flags in (("libmvec", []), ("polynomial", ["-DPOLYNOMIAL"])):
            source, compiled, library = Path(__file__).with_name("sgd.c"), f"{folder}/{tanh}.o", f"{folder}/{tanh}.so"
            subprocess.run([*GCC, *WIDE, *flags, source, "-o", compiled], check=True)
            # Linked without -ffast-math, which would have the whole process flush small numbers to zero.
            subprocess.run(["gcc", "-shared", compiled, "-o", library, "-lm"], check=True)
            loaded = ctypes.CDLL(library)  # it stays loaded when the file goes
            for loops in ("two loops", "one loop"):
                function = loaded[loops.replace(" ", "_")]
                function.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2 + [ctypes.c_double] * 2
                function.argtypes += [ctypes.c_void_p] * 5
                function.restype = None
                found[f"C, {tanh}, {loops}"] = partial(_call_c, function)
    return found


def _call_c(function: Any, problem: Problem) -> Any:
    weights = problem.weights
    N, n = len(weights[0]), len(problem.y)
    x, y = (np.ascontiguousarray(each, dtype=np.float64) for each in (problem.x, problem.y))
    work = np.zeros(2 * N)
    function(N, n, x.ctypes.data, y.ctypes.data, *problem.rates, *(each.ctypes.data for each in (*weights, work)))
    return weights


def with_jax() -> dict[str, Train]:
    """`lax.scan` over the steps, compiled as a whole."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    @jax.jit
    def run(weights: Any, xs: Any, ys: Any, scale: Any, rate: Any) -> Any:
        def step(carry: Any, data: Any) -> Any:
            C, W, B, S = carry
            x, y = data
            N = len(C)
            S_next = jnp.tanh(W * x + (B @ S) / N)
            CD = C * (1.0 - S_next * S_next)
            move = rate * scale * (y - scale * (C @ S_next))
            return (C + move * S_next, W + move * x * CD, B + move * CD.sum() / N * S, S_next), None

        return jax.lax.scan(step, weights, (xs, ys))[0]

    def train(problem: Problem) -> Any:
        return jax.block_until_ready(run(problem.weights, problem.x, problem.y, *problem.rates))

    return {"JAX, jitted scan": train}


def with_torch() -> dict[str, Train]:
    """Eager mode with autograd and `torch.optim.SGD`; and the step by hand, as `torch.compile` makes it."""
    import torch

    torch.set_num_threads(1)

    def eager(problem: Problem) -> Any:
        C, W, B, S = (torch.from_numpy(each) for each in problem.weights)
        parameters = [each.requires_grad_() for each in (C, W, B)]
        scale, rate = problem.rates
        sgd = torch.optim.SGD(parameters, lr=rate)
        for x, y in zip(problem.x.tolist(), problem.y.tolist(), strict=True):
            S_next = torch.tanh(W * x + torch.dot(B, S) / len(C))
            loss = 0.5 * (y - scale * torch.dot(C, S_next)) ** 2
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            S = S_next.detach()
        return [each.detach().numpy() for each in (*parameters, S)]

    @torch.compile(dynamic=False)
    def step(C: Any, W: Any, B: Any, S: Any, x: Any, y: Any, scale: float, rate: float) -> Any:
        S_next = torch.tanh(W * x + torch.dot(B, S) / len(C))
        CD = C * (1.0 - S_next * S_next)
        move = rate * scale * (y - scale * torch.dot(C, S_next))
        return C + move * S_next, W + move * x * CD, B + move * CD.sum() / len(C) * S, S_next

    @torch.no_grad()
    def compiled(problem: Problem) -> Any:
        weights = [torch.from_numpy(each) for each in problem.weights]
        for x, y in zip(torch.from_numpy(problem.x), torch.from_numpy(problem.y), strict=True):
            weights = step(*weights, x, y, *problem.rates)
        return [each.numpy() for each in weights]

    return (
        {"PyTorch, eager": eager, "PyTorch, compiled": compiled} if shutil.which("g++") else {"PyTorch, eager": eager}
    )
