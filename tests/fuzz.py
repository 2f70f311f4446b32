"""Calls of every public function and method with odd arguments: ``python -m tests.fuzz 100000 [seed]``.

A call may answer or refuse.  It must not crash, take ten seconds, answer with a NaN, change what it was given, or
refuse without the name of an argument that is odd.
"""

import copy
import random
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse, stats

import rnnkernel as rk

SLOW = 10.0  # seconds
MEMORY = 2 << 30  # bytes that a call may take


class _Device:
    """An array of a library that does not hand it over."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("can't convert a tensor on the device: use Tensor.cpu() first")


def odd_values() -> list[Any]:
    """Return new values, such as people pass by mistake."""
    loop: list[Any] = []
    loop.append(loop)
    numbers = [
        0,
        1,
        2,
        -1,
        3,
        0.5,
        1.5,
        -0.0,
        1e-300,
        1e308,
        -1e308,
        2**31,
        2**63,
        2**64,
        -(2**63),
        10**400,
        -(10**400),
    ]
    floats = [float("nan"), float("inf"), float("-inf"), np.float32(0.25), np.float16(2), np.int8(3), np.uint64(2**63)]
    strange = [
        None,
        True,
        False,
        "",
        "tanh",
        "x" * 10**5,
        b"1",
        1j,
        np.complex64(1),
        ...,
        NotImplemented,
        object,
        len,
        {},
        {1},
    ]
    exact = [
        Fraction(1, 3),
        Decimal("0.5"),
        Decimal("NaN"),
        np.longdouble("1e4000"),
        np.bool_(True),
        range(3),
        slice(3),
    ]
    dates = [
        np.datetime64("2020-01-01"),
        np.timedelta64(3, "s"),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([1], "m8[s]"),
    ]
    lists = [
        [],
        [[]],
        [1.0],
        [1.0, 2.0],
        [[1.0, 2.0], [3.0]],
        ["1", "2"],
        [None],
        [1, "2"],
        [10**400],
        [1j],
        [True],
        loop,
    ]
    arrays = [
        np.zeros(0),
        np.zeros((0, 1)),
        np.zeros((2, 0)),
        np.ones(2),
        np.ones((2, 2)),
        np.eye(3) / 3,
        np.ones((2, 2, 2)),
    ]
    kinds = [
        np.array([1.0, np.nan]),
        np.array([np.inf, 1.0]),
        np.array([1 + 0j, 2]),
        np.array(["1.0", "2.0"]),
        np.array([b"1", b"2"]),
        np.array([(1.0, 2)], dtype=[("a", float), ("b", int)]),
        np.array([1, None], dtype=object),
        np.array([Fraction(1, 2), Fraction(1, 3)]),
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        np.ma.masked_array([1.0, 2.0]),
        np.ma.masked,
        np.array(2.0),
        np.array(3),
        np.ones(2, np.float32)[::-1],
        np.ones(2, ">f8"),
        np.ones(2, np.int8),
        sparse.eye(2, format="csr"),
        memoryview(b"12"),
        bytearray(b"12"),
        _Device(),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds.append(np.matrix([[1.0, 2.0]]))
    functions = [lambda *_: None, lambda *_: np.nan, lambda *_: "a", np.tanh, lambda *_: 1 / 0]
    laws = [stats.norm(0.7, 1), stats.norm, stats.cauchy(), stats.norm(0, 0), stats.poisson(2), stats.randint(-1, 2)]
    return [
        *numbers,
        *floats,
        *strange,
        *exact,
        *dates,
        *lists,
        *arrays,
        *kinds,
        *functions,
        *laws,
        *_objects().values(),
    ]


def _objects(made: dict[str, Any] = {}) -> dict[str, Any]:  # noqa: B006 (made once)
    """Return one object of each class."""
    if not made:
        law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
        data = rk.DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2, noise=0.1)
        limit = rk.KernelLimit(data, law)
        rnn = rk.RNN.sample(law, n_units=8, beta=0.75, rng=0)
        study = rk.ConvergenceStudy(
            (10, 20), (0.75,), np.random.default_rng(0).normal(size=(1, 2, 5, 3)), np.ones((1, 2, 3))
        )
        made.update(law=law, chain=chain, data=data, limit=limit, rnn=rnn, mu=limit.stationary, phi=limit.memory_map)
        made.update(study=study, kernel=limit.kernel, poisson=limit.stationary.solve_poisson(lambda _, m: m))
        made.update(
            fluctuations=limit.fluctuations(1.0, [1.0], [0.1]), run=rk.train(rnn, ([1.0], [1.0]), learning_rate=1)
        )
        made.update(auto=rk.Autoregression(0.5), rotation=rk.NoisyRotation(0.5, 0.2), sigma=rnn.activation)
        made.update(walk=rk.RandomRecursion(lambda s, u: s / 2 if u < 0.5 else 1 - s / 2, start=0.3, contraction=0.5))
    return made


def calls() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return every public callable that computes, with good arguments by keyword."""
    o = _objects()
    at, rng, seq = {"x": [1.0, -1.0], "memory": [0.1, 0.2]}, {"rng": 0}, {"x": [1.0, -1.0, 0.5]}
    data = ([1.0, -1.0, 0.5], [0.0, 1.0, 0.5])
    study = {
        "widths": [2, 4],
        "betas": [0.75],
        "n_seeds": 2,
        "times": 0.5,
        **at,
        **rng,
        "paired": True,
        "frozen": False,
    }
    weights = {"output": [1.0, -1.0], "inputs": [0.5, 1.0], "recurrent": [0.2, 0.4], "beta": 0.75}
    initial = {
        "output": stats.uniform(-1, 2),
        "inputs": stats.norm(0.7, 1),
        "recurrent": stats.uniform(0, 1),
        "n_inputs": 1,
    }
    training = {"data": data, "time": 1.0, "learning_rate": 0.5, "rng": 0, "truncation": 1, "clip": 3.0, "n_records": 3}
    training |= {"batch": False}
    f = lambda x, m: x + m  # noqa: E731
    path = {"states": [0, 1, 0], "memory": [0.0, 0.1, 0.2]}
    where = {"states": [0, 1], "memory": [0.0, 0.1]}
    width = {"n_units": 10, "beta": 0.75, "paired": True}
    two = {"x1": [1.0], "m1": [0.1], "x2": [1.0, -1.0], "m2": [0.1, 0.2]}
    return {
        "MarkovChain": (rk.MarkovChain, {"transition": [[0.9, 0.1], [0.3, 0.7]], "normalize": False}),
        "MarkovChain.from_sequence": (rk.MarkovChain.from_sequence, {"states": [0, 1, 0, 0, 1], "n_states": 2}),
        "chain.doeblin_coefficient": (o["chain"].doeblin_coefficient, {"steps": 2}),
        "chain.mixing_distance": (o["chain"].mixing_distance, {"steps": 2}),
        "chain.solve_poisson": (o["chain"].solve_poisson, {"values": [1.0, 2.0]}),
        "chain.asymptotic_variance": (o["chain"].asymptotic_variance, {"values": [1.0, 2.0]}),
        "chain.average_variance": (o["chain"].average_variance, {"values": [1.0, 2.0], "n": 3}),
        "chain.simulate": (o["chain"].simulate, {"n": 3, **rng, "start": 1}),
        "DataSequence": (
            rk.DataSequence,
            {"chain": o["chain"], "inputs": [1.0, 2.0], "targets": [1.0, 2.0], "noise": 0.1},
        ),
        "data.simulate": (o["data"].simulate, {"n": 3, **rng, "start": 1}),
        "Autoregression": (rk.Autoregression, {"contraction": 0.5, "innovation": None, "targets": None, "noise": 0.1}),
        "auto.simulate": (o["auto"].simulate, {"n": 3, **rng, "start": 0.5}),
        "NoisyRotation": (rk.NoisyRotation, {"turn": 0.5, "jitter": 0.1, "targets": None, "noise": 0.1}),
        "rotation.simulate": (o["rotation"].simulate, {"n": 3, **rng, "start": 0.5}),
        "walk.simulate": (o["walk"].simulate, {"n": 3, **rng, "start": 0.5}),
        "even_process": (rk.even_process, {"stop": 0.5, "noise": 0.1}),
        "InitialLaw": (rk.InitialLaw, initial),
        "law.sample": (o["law"].sample, {"n_units": 4, **rng, "paired": True}),
        "RNN": (rk.RNN, {**weights, "hidden": [0.0, 0.1], "activation": "tanh", "past": None}),
        "RNN.sample": (
            rk.RNN.sample,
            {"law": o["law"], "n_units": 4, "beta": 0.75, **rng, "paired": True, "activation": "erf"},
        ),
        "rnn.predict": (o["rnn"].predict, at),
        "rnn.forecast": (o["rnn"].forecast, {**seq, "steps": 2, "start": 0.1, "feedback": None}),
        "rnn.trajectory": (o["rnn"].trajectory, {**seq, "start": 0.1}),
        "rnn.read": (o["rnn"].read, seq),
        "rnn.step": (o["rnn"].step, {"x": 1.0, "y": 0.5, "learning_rate": 0.1}),
        "train": (
            rk.train,
            {"rnn": o["rnn"], **training, "points": ([1.0], [0.1]), "callback": None, "progress": False},
        ),
        "MemoryMap": (rk.MemoryMap, {"law": o["law"], "activation": "tanh"}),
        "phi": (o["phi"], at),
        "phi.derivative": (o["phi"].derivative, at),
        "phi.trajectory": (o["phi"].trajectory, {**seq, "start": 0.1}),
        "phi.fixed_point": (o["phi"].fixed_point, {**seq, "start": 0.1}),
        "phi.fixed_points": (o["phi"].fixed_points, {"x": 1.0}),
        "phi.forgetting": (o["phi"].forgetting, {**seq, "start": 0.1, "other": 0.2}),
        "TangentKernel": (rk.TangentKernel, {"law": o["law"], "activation": "tanh"}),
        "kernel": (o["kernel"], two),
        "kernel.features": (o["kernel"].features, at),
        "kernel.diagonal": (o["kernel"].diagonal, at),
        "empirical_kernel": (rk.empirical_kernel, {"rnn": o["rnn"], **two}),
        "StationaryLaw": (
            rk.StationaryLaw,
            {"data": data, "memory_map": o["phi"], "n_nodes": None, "n_steps": None, **rng},
        ),
        "mu.mean": (o["mu"].mean, {"f": f}),
        "mu.sample": (o["mu"].sample, {"n": 3, **rng}),
        "mu.simulate": (o["mu"].simulate, {"n": 3, **rng}),
        "mu.interpolate": (o["mu"].interpolate, {"values": o["mu"].memory}),
        "mu.solve_poisson": (o["mu"].solve_poisson, {"f": f}),
        "poisson": (o["poisson"], where),
        "poisson.one_step": (o["poisson"].one_step, where),
        "poisson.decompose": (o["poisson"].decompose, path),
        "poisson.bound": (o["poisson"].bound, {"n": 10}),
        "KernelLimit": (
            rk.KernelLimit,
            {"data": data, "law": o["law"], "activation": "tanh", "learning_rate": 1.0, **rng},
        ),
        "limit.predict": (o["limit"].predict, {"times": 1.0, **at}),
        "limit.loss": (o["limit"].loss, {"times": 1.0}),
        "limit.loss_floor": (o["limit"].loss_floor, {"eigenvalue": 0.1}),
        "limit.mode_shares": (o["limit"].mode_shares, {"times": [1.0, 2.0]}),
        "limit.eigenfunctions": (o["limit"].eigenfunctions, at),
        "limit.forecast": (o["limit"].forecast, {"time": 1.0, **seq, "steps": 2, "start": 0.1, "feedback": None}),
        "limit.fluctuations": (o["limit"].fluctuations, {"times": 1.0, "x": [1.0], "memory": [0.1]}),
        "fluctuations.std": (o["fluctuations"].std, width),
        "fluctuations.band": (o["fluctuations"].band, {**width, "level": 0.9}),
        "convergence_study": (rk.convergence_study, {"limit": o["limit"], **study, "truncation": 1, "progress": False}),
        "study.rate": (o["study"].rate, {"beta": 0.75, "level": 0.9}),
        "study.predicted_rate": (o["study"].predicted_rate, {"beta": 0.75}),
        "fit_rate": (
            rk.fit_rate,
            {"widths": [2, 4], "errors": [[1.0, 2.0, 4.0], [0.5, 1.5, 2.0]], "of": "std", "level": 0.9},
        ),
        "gradient_flow": (
            rk.gradient_flow,
            {
                "gram": [[2.0, 1.0], [1.0, 2.0]],
                "targets": [1.0, 0.0],
                "times": 1.0,
                "weights": None,
                "learning_rate": 1.0,
            },
        ),
        "mean_with_error": (rk.mean_with_error, {"values": [1.0, 2.0, 4.0], "lags": 1}),
        "sigma": (o["sigma"], {"u": [0.1, 0.2]}),
        "sigma.prime": (o["sigma"].prime, {"u": [0.1, 0.2]}),
    }


def _numbers(value: Any) -> Iterator[Any]:
    """Yield the arrays and numbers of an answer."""
    if isinstance(value, (float, np.ndarray)):
        yield np.asarray(value)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _numbers(each)
    elif type(value).__module__.startswith("rnnkernel"):
        yield from _numbers(list(vars(value).values()))


def _snapshot(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, (list, dict, set, np.ndarray, bytearray)) else None


def _fault(name: str, call: Callable[..., Any], given: dict[str, Any], odd: list[str]) -> str | None:
    """Make a call; return what is wrong with the way it ends, or None."""
    before = {key: _snapshot(given[key]) for key in odd}
    start = time.perf_counter()
    try:
        answer = call(**given)
    except Exception as error:
        text, answer = f"{type(error).__name__}: {error}", None
        own = isinstance(error, ZeroDivisionError)  # of the function that was passed
        if len(text) > 2000:
            return f"{name}: a message of {len(text)} characters"
        if not own and not isinstance(error, MemoryError) and not any(re.search(rf"\b{key}\b", text) for key in odd):
            return f"{name}: refused without the name of {odd}: {text[:200]}"
    if time.perf_counter() - start > SLOW:
        return f"{name}: took {time.perf_counter() - start:.0f} s with odd {odd}"
    if any(each.dtype.kind == "f" and np.isnan(each).any() for each in _numbers(answer)):
        return f"{name}: answers NaN with odd {odd}"
    for key, copied in before.items():
        same = copied is None or repr(copied) == repr(given[key])
        if not same:
            return f"{name}: changed its argument {key}"
    return None


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let no call take more than some memory: then there is a ``MemoryError``, not a lost machine."""
    try:
        import resource
    except ImportError:  # on Windows
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def fuzz(n: int, seed: int) -> Counter[str]:
    """Make n calls; return what was wrong, and how often."""
    rng, faults = random.Random(seed), Counter[str]()
    names, values = list(calls()), odd_values()
    with warnings.catch_warnings(), np.errstate(all="ignore"), _little_memory():
        warnings.simplefilter("ignore")
        for _ in range(n):
            name = rng.choice(names)
            call, good = calls()[name]
            odd = rng.sample(sorted(good), k=min(len(good), rng.choice([1, 1, 1, 2])))
            chosen = {key: rng.choice(values) for key in odd}
            fault = _fault(name, call, {**good, **chosen}, odd)
            if fault:
                shown = {key: f"{type(v).__name__} {str(v)[:30]}" for key, v in chosen.items()}
                faults[f"{fault}   [{shown}]"] += 1
    return faults


if __name__ == "__main__":
    found = fuzz(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for text, times in found.most_common():
        print(times, text)
    sys.exit(bool(found))
