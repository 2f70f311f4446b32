"""Calls of every public function and method with odd arguments: ``python -m tests.fuzz 100000 [seed] [of]``.

A call may answer or refuse.  It must not crash, take ten seconds and not hear Ctrl-C then, answer with a NaN, change
what it was given, or refuse without the name of an argument that is odd.
"""

import copy
import random
import re
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import sparse, stats

import rnnkernel as rk

SLOW = 10.0  # seconds of the processor, after which Ctrl-C is pressed
HEARD = 1.0  # second until it must be heard
long: list[str] = []  # calls that were given so much to do that they did not end before
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
        law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 0.9))
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
        made.update(gauss=rk.GaussianAutoregression([0.5, 0.2]), flow=rk.MeanField(data, law))
        record = (np.sin(np.arange(12.0)), np.cos(np.arange(12.0)))
        made.update(recorded=rk.KernelLimit(record, law), continuum=rk.StationaryLaw(made["auto"], limit.memory_map))
        letters = rk.InitialLaw(law.output, law.inputs * 3, law.recurrent)
        made.update(reader=rk.SymbolRNN.sample(letters, n_units=8, beta=0.75, rng=0), letters=letters)
        made.update(reading=rk.SymbolLimit(([0, 1, 2], [1, 2, 0]), letters), asked=rk.Check(0.4, slips={"no": 0.6}))
    return made


def calls() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return every public callable that computes, with good arguments by keyword."""
    return {**_of_data(), **_of_networks(), **_of_limits(), **_of_symbols(), **_of_the_book()}


def public() -> dict[str, Any]:
    """Return all functions that users can call, by name: those of classes, and how these are made."""
    found: dict[str, Any] = {}
    for name in set(rk.__all__) - _DRAWING:
        thing = getattr(rk, name)
        if not isinstance(thing, type):
            found[name] = thing
        elif not issubclass(thing, Exception):
            found |= {name: thing} if name not in _MADE else {}
            for each in dir(thing):
                method = getattr(thing, each)
                own = str(getattr(method, "__module__", "")).startswith("rnnkernel")
                if own and callable(method) and (each == "__call__" or not each.startswith("_")):
                    found[f"{name}.{each}"] = function_of(method)
    return found


def function_of(call: Any) -> Any:
    """Return the class, or the function of which this is a method, bound or not."""
    if not isinstance(call, type) and not hasattr(call, "__name__"):
        call = type(call).__call__
    return getattr(call, "__func__", call)


_DRAWING = {"figures", "widgets"}  # they only draw
_MADE = {"ConvergenceStudy", "Fluctuations", "PoissonSolution", "Rate", "TrainingRecord", "TrainingRun"}  # by functions

_AT = {"x": [1.0, -1.0], "memory": [0.1, 0.2]}
_SEQUENCE = {"x": [1.0, -1.0, 0.5]}
_DATA = ([1.0, -1.0, 0.5], [0.0, 1.0, 0.5])
_TWO = {"x1": [1.0], "m1": [0.1], "x2": [1.0, -1.0], "m2": [0.1, 0.2]}
_DRAWN = {"n": 3, "rng": 0}
_FROM = {**_DRAWN, "start": 0.5}
_WIDTH = {"n_units": 10, "beta": 0.75, "paired": True}


def _of_data() -> dict[str, Any]:
    o = _objects()
    recursion = {"targets": None, "noise": 0.1}
    where, path = {"states": [0, 1], "memory": [0.0, 0.1]}, {"states": [0, 1, 0], "memory": [0.0, 0.1, 0.2]}
    f = lambda x, m: x + m  # noqa: E731
    hidden = {"chain": o["chain"], "emissions": [[0.7, 0.3], [0.1, 0.9]], "inputs": [1.0, 2.0], "targets": [1.0, 2.0]}
    own = {"step": lambda s, u: (s + u) / 2, "start": 0.3, "inputs": None, "contraction": 0.5}
    of_path = {"memory_map": o["phi"], "n_nodes": None, "n_steps": None, "rng": 0}
    return {
        "MarkovChain": (rk.MarkovChain, {"transition": [[0.9, 0.1], [0.3, 0.7]], "normalize": False}),
        "MarkovChain.from_sequence": (rk.MarkovChain.from_sequence, {"states": [0, 1, 0, 0, 1], "n_states": 2}),
        "chain.dobrushin_coefficient": (o["chain"].dobrushin_coefficient, {"steps": 2}),
        "chain.doeblin_coefficient": (o["chain"].doeblin_coefficient, {"steps": 2}),
        "chain.mixing_distance": (o["chain"].mixing_distance, {"steps": 2}),
        "chain.solve_poisson": (o["chain"].solve_poisson, {"values": [1.0, 2.0]}),
        "chain.asymptotic_variance": (o["chain"].asymptotic_variance, {"values": [1.0, 2.0]}),
        "chain.average_variance": (o["chain"].average_variance, {"values": [1.0, 2.0], "n": 3}),
        "chain.simulate": (o["chain"].simulate, {**_DRAWN, "start": 1}),
        "DataSequence": (
            rk.DataSequence,
            {"chain": o["chain"], "inputs": [1.0, 2.0], "targets": [1.0, 2.0], "noise": 0.1},
        ),
        "DataSequence.hidden": (rk.DataSequence.hidden, {**hidden, "noise": 0.1}),
        "data.simulate": (o["data"].simulate, {**_DRAWN, "start": 1}),
        "Autoregression": (rk.Autoregression, {"contraction": 0.5, "innovation": None, **recursion}),
        "auto.simulate": (o["auto"].simulate, _FROM),
        "GaussianAutoregression": (
            rk.GaussianAutoregression,
            {"coefficients": [0.5, 0.2], "scale": 1.0, **recursion},
        ),
        "gauss.simulate": (o["gauss"].simulate, {**_DRAWN, "start": [0.5, 0.1]}),
        "NoisyRotation": (rk.NoisyRotation, {"turn": 0.5, "jitter": 0.1, **recursion}),
        "rotation.simulate": (o["rotation"].simulate, _FROM),
        "RandomRecursion": (rk.RandomRecursion, {**own, "innovation": None, **recursion}),
        "walk.simulate": (o["walk"].simulate, _FROM),
        "even_process": (rk.even_process, {"stop": 0.5, "noise": 0.1}),
        "mean_with_error": (rk.mean_with_error, {"values": [1.0, 2.0, 4.0], "lags": 1}),
        "StationaryLaw": (rk.StationaryLaw, {"data": _DATA, **of_path}),
        "StationaryLaw of a chain": (rk.StationaryLaw, {"data": o["data"], **of_path}),
        "StationaryLaw of a recursion": (rk.StationaryLaw, {"data": o["auto"], **of_path, "n_nodes": (8, 8)}),
        "mu.mean": (o["mu"].mean, {"f": f}),
        "mu.sample": (o["mu"].sample, _DRAWN),
        "mu.simulate": (o["mu"].simulate, _DRAWN),
        "mu.interpolate": (o["mu"].interpolate, {"values": o["mu"].memory}),
        "mu.target_covariance": (o["mu"].target_covariance, {"values": o["mu"].memory}),
        "mu.solve_poisson": (o["mu"].solve_poisson, {"f": f}),
        "continuum.mean": (o["continuum"].mean, {"f": f}),
        "continuum.sample": (o["continuum"].sample, _DRAWN),
        "continuum.simulate": (o["continuum"].simulate, _DRAWN),
        "continuum.solve_poisson": (o["continuum"].solve_poisson, {"f": f}),
        "poisson": (o["poisson"], where),
        "poisson.centred": (o["poisson"].centred, where),
        "poisson.one_step": (o["poisson"].one_step, where),
        "poisson.decompose": (o["poisson"].decompose, path),
        "poisson.bound": (o["poisson"].bound, {"n": 10}),
    }


def _of_networks() -> dict[str, Any]:
    o = _objects()
    weights = {"output": [1.0, -1.0], "inputs": [0.5, 1.0], "recurrent": [0.2, 0.4], "beta": 0.75}
    laws = {"output": stats.uniform(-1, 2), "inputs": stats.norm(0.7, 1), "recurrent": stats.uniform(0, 1)}
    training = {"time": 1.0, "learning_rate": 0.5, "rng": 0, "truncation": 1, "clip": 3.0, "n_records": 3}
    watching = {"points": ([1.0], [0.1]), "callback": None, "progress": False, "batch": False}
    own = {"name": "own", "value": lambda u: u / (1 + u * u), "lipschitz": 1.0}
    return {
        "Activation": (rk.Activation, {**own, "derivative": lambda u: (1 - u * u) / (1 + u * u) ** 2}),
        "sigma": (o["sigma"], {"u": [0.1, 0.2]}),
        "sigma.prime": (o["sigma"].prime, {"u": [0.1, 0.2]}),
        "InitialLaw": (rk.InitialLaw, {**laws, "n_inputs": 1}),
        "law.sample": (o["law"].sample, {"n_units": 4, "rng": 0, "paired": True}),
        "RNN": (rk.RNN, {**weights, "hidden": [0.0, 0.1], "activation": "tanh", "past": None}),
        "RNN.sample": (
            rk.RNN.sample,
            {"law": o["law"], "n_units": 4, "beta": 0.75, "rng": 0, "paired": True, "activation": "erf"},
        ),
        "rnn.predict": (o["rnn"].predict, _AT),
        "rnn.forecast": (o["rnn"].forecast, {**_SEQUENCE, "steps": 2, "start": 0.1, "feedback": None}),
        "rnn.trajectory": (o["rnn"].trajectory, {**_SEQUENCE, "start": 0.1}),
        "rnn.read": (o["rnn"].read, _SEQUENCE),
        "rnn.step": (o["rnn"].step, {"x": 1.0, "y": 0.5, "learning_rate": 0.1}),
        "train": (rk.train, {"rnn": o["rnn"], "data": _DATA, **training, **watching}),
        "MemoryMap": (rk.MemoryMap, {"law": o["law"], "activation": "tanh"}),
        "phi": (o["phi"], _AT),
        "phi.derivative": (o["phi"].derivative, _AT),
        "phi.trajectory": (o["phi"].trajectory, {**_SEQUENCE, "start": 0.1}),
        "phi.fixed_point": (o["phi"].fixed_point, {**_SEQUENCE, "start": 0.1}),
        "phi.fixed_points": (o["phi"].fixed_points, {"x": 1.0}),
        "phi.forgetting": (o["phi"].forgetting, {**_SEQUENCE, "start": 0.1, "other": 0.2}),
        "phi.finite_width_bound": (o["phi"].finite_width_bound, {"n_units": 10, **_SEQUENCE, "start": 0.1}),
        "TangentKernel": (rk.TangentKernel, {"law": o["law"], "activation": "tanh"}),
        "kernel": (o["kernel"], _TWO),
        "kernel.features": (o["kernel"].features, _AT),
        "kernel.diagonal": (o["kernel"].diagonal, _AT),
        "empirical_kernel": (rk.empirical_kernel, {"rnn": o["rnn"], **_TWO}),
    }


def _of_limits() -> dict[str, Any]:
    o = _objects()
    choices = {"law": o["law"], "activation": "tanh", "learning_rate": 1.0}
    finer = {"kernel": None, "tolerance": None, "n_modes": None, "n_nodes": None, "n_steps": None, "rng": 0}
    ahead = {"time": 1.0, **_SEQUENCE, "steps": 2, "start": 0.1, "feedback": None}
    at_one = {"times": 1.0, "x": [1.0], "memory": [0.1]}
    study = {"widths": [2, 4], "betas": [0.75], "n_seeds": 2, "times": 0.5, **_AT, "rng": 0, "paired": True}
    how = {"frozen": False, "truncation": 1, "executor": None, "progress": False}
    flow = {"gram": [[2.0, 1.0], [1.0, 2.0]], "targets": [1.0, 0.0], "times": 1.0}
    return {
        "KernelLimit": (rk.KernelLimit, {"data": _DATA, **choices, **finer}),
        "KernelLimit of a chain": (rk.KernelLimit, {"data": o["data"], **choices, **finer}),
        "KernelLimit of a recursion": (rk.KernelLimit, {"data": o["auto"], **choices, **finer, "n_nodes": (8, 8)}),
        "limit.predict": (o["limit"].predict, {"times": 1.0, **_AT}),
        "limit.loss": (o["limit"].loss, {"times": 1.0}),
        "limit.loss_floor": (o["limit"].loss_floor, {"eigenvalue": 0.1}),
        "limit.mode_shares": (o["limit"].mode_shares, {"times": [1.0, 2.0]}),
        "limit.eigenfunctions": (o["limit"].eigenfunctions, _AT),
        "limit.forecast": (o["limit"].forecast, ahead),
        "limit.fluctuations": (o["limit"].fluctuations, at_one),
        "recorded.forecast": (o["recorded"].forecast, ahead),
        "recorded.fluctuations": (o["recorded"].fluctuations, {**at_one, "lags": 2, "in_cycles": False}),
        "fluctuations.mean": (o["fluctuations"].mean, _WIDTH),
        "fluctuations.std": (o["fluctuations"].std, _WIDTH),
        "fluctuations.band": (o["fluctuations"].band, {**_WIDTH, "level": 0.9}),
        "convergence_study": (rk.convergence_study, {"limit": o["limit"], **study, **how}),
        "study.rate": (o["study"].rate, {"beta": 0.75, "level": 0.9}),
        "study.predicted_rate": (o["study"].predicted_rate, {"beta": 0.75}),
        "fit_rate": (
            rk.fit_rate,
            {"widths": [2, 4], "errors": [[1.0, 2.0, 4.0], [0.5, 1.5, 2.0]], "of": "std", "level": 0.9},
        ),
        "gradient_flow": (rk.gradient_flow, {**flow, "weights": None, "learning_rate": 1.0}),
        "MeanField": (rk.MeanField, {"data": o["data"], **choices, "refinement": 0}),
        "flow.predict": (o["flow"].predict, {"times": 1.0, **_AT}),
        "flow.loss": (o["flow"].loss, {"times": 1.0}),
        "flow.contraction": (o["flow"].contraction, {"times": 1.0}),
        "flow.units": (o["flow"].units, {"time": 1.0}),
    }


def _of_symbols() -> dict[str, Any]:
    o = _objects()
    at, data = {"x": [0, 2], "memory": [0.1, 0.2]}, ([0, 1, 2], [1, 2, 0])
    weights = {"output": [[1.0, -1.0]], "inputs": [[0.5, 1.0]], "recurrent": [0.2], "hidden": [0.1]}
    drawn = {"law": o["letters"], "n_units": 4, "beta": 0.75, "rng": 0, "n_outputs": 2, "paired": True}
    training = {"learning_rate": 0.5, "time": 1.0, "loss": "cross-entropy", "n_records": 3}
    learned = {"law": o["letters"], "activation": "tanh", "learning_rate": 1.0, "loss": "cross-entropy"}
    return {
        "SymbolRNN": (rk.SymbolRNN, {**weights, "beta": 0.75, "activation": "tanh"}),
        "SymbolRNN.sample": (rk.SymbolRNN.sample, {**drawn, "activation": "tanh"}),
        "reader.predict": (o["reader"].predict, at),
        "reader.next_memory": (o["reader"].next_memory, at),
        "reader.forecast": (o["reader"].forecast, {"x": [0, 1, 2]}),
        "train_symbols": (rk.train_symbols, {"rnn": o["reader"], "data": data, **training}),
        "SymbolLimit": (rk.SymbolLimit, {"data": data, **learned}),
        "reading.predict": (o["reading"].predict, {"times": 1.0, **at}),
        "reading.next_memory": (o["reading"].next_memory, at),
        "reading.trajectory": (o["reading"].trajectory, {"x": [0, 1, 2]}),
        "reading.forecast": (o["reading"].forecast, {"time": 1.0, "x": [0, 1, 2]}),
        "reading.loss": (o["reading"].loss, {"times": 1.0}),
    }


def _of_the_book() -> dict[str, Any]:
    o = _objects()
    judged = {"rtol": 1e-6, "atol": 0.0, "hint": None, "spread": 0.0, "slips": {"no": [2.0, 1.0]}, "units": None}
    curve = {"at": [0.0, 1.0], "log": "", "ylim": (0.0, 3.0)}
    slider = {"draw": _drawn, "alt": "A line.", "start": None, "labels": None, "controls": [1, 2]}
    return {
        "Check": (rk.Check, {"expected": [1.0, 2.0], **judged}),
        "Check of a curve": (rk.Check, {"expected": [1.0, 2.0], **judged, **curve}),
        "asked": (o["asked"], {"answer": 0.5}),
        "check": (rk.check, {"label": "ex-x", "answer": 0.4, "checks": "checks.js"}),
        "hand_in": (rk.hand_in, {"page": "page", "name": "name"}),
        "explore": (rk.explore, slider),
        "save": (rk.save, {"thing": o["rnn"], "path": "saved.npz"}),
        "load": (rk.load, {"path": "loaded.npz"}),
    }


def _drawn(**_: Any) -> Any:
    from matplotlib.figure import Figure

    return Figure()


def _files() -> None:
    """Write what some calls read."""
    from rnnkernel.exercises import packed

    Path("checks.js").write_text(packed({"ex-x": _objects()["asked"].spec}))
    rk.save(_objects()["rnn"], "loaded.npz")


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


@contextmanager
def _impatient() -> Iterator[None]:
    """Press Ctrl-C when a call has had its seconds of the processor, which others may share."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _fault(name: str, call: Callable[..., Any], given: dict[str, Any], odd: list[str]) -> str | None:
    """Make a call; return what is wrong with the way it ends, or None."""
    before = {key: _snapshot(given[key]) for key in odd}
    start, answer = time.process_time(), None
    try:
        with _impatient():
            answer = call(**given)
    except KeyboardInterrupt:
        if time.process_time() - start < SLOW / 2:  # of a person
            raise
        long.append(name)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        own = isinstance(error, ZeroDivisionError)  # of the function that was passed
        if len(text) > 2000:
            return f"long message: {name}, {len(text)} characters, odd {odd}"
        if not own and not isinstance(error, MemoryError) and not any(re.search(rf"\b{key}\b", text) for key in odd):
            return f"refusal without a name: {name}, odd {odd}: {text[:200]}"
    if time.process_time() - start > SLOW + HEARD:
        return f"hang: {name}, {time.process_time() - start:.1f} s, odd {odd}"
    if any(each.dtype.kind == "f" and np.isnan(each).any() for each in _numbers(answer)):
        return f"silent NaN: {name}, odd {odd}"
    for key, copied in before.items():
        same = copied is None or repr(copied) == repr(given[key])
        if not same:
            return f"changed argument: {name}, {key}"
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


def fuzz(n: int, seed: int, of: str = "") -> Counter[str]:
    """Make n calls, of names that hold `of`; return what was wrong, and how often."""
    rng, faults = random.Random(seed), Counter[str]()
    names, values = [name for name in calls() if of in name], odd_values()
    with warnings.catch_warnings(), np.errstate(all="ignore"), _little_memory(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        with chdir(folder):
            _files()
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
    number, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found = fuzz(number, seed, *sys.argv[3:])
    for text, times in found.most_common():
        print(times, text)
    kinds = "hang", "silent NaN", "changed argument", "long message", "refusal without a name"
    of_kind = {kind: sum(found[text] for text in found if text.startswith(kind)) for kind in kinds}
    print(f"{number} calls, seed {seed}: no crash,", ", ".join(f"{kind}: {of_kind[kind]}" for kind in kinds))
    print(f"long, and stopped by Ctrl-C within a second: {len(long)} {sorted(set(long))}")
    sys.exit(bool(found))
