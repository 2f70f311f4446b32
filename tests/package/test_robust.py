"""Odd input, wrong activations, memory with several laws, Ctrl-C, divergence: refused or survived, and said so."""

import copy
import inspect
import pickle
import subprocess
import sys
import textwrap
from fractions import Fraction
from types import SimpleNamespace

import fuzz
import numpy as np
import pytest
from scipy import stats

import rnnkernel as rk
from rnnkernel import _checks

LAW = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
DATA = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)


def test_every_public_function_and_argument_is_called():
    drawn: dict[object, set[str]] = {}
    for call, good in fuzz.calls().values():
        drawn.setdefault(fuzz.function_of(call), set()).update(good)
    for name, function in fuzz.public().items():
        wanted = set(inspect.signature(function).parameters) - {"self", "cls"}
        assert wanted <= drawn.get(function, set()), name


@pytest.mark.slow
def test_odd_calls():
    assert not fuzz.fuzz(5_000, seed=1)


@pytest.mark.verify
def test_many_odd_calls():
    assert not fuzz.fuzz(100_000, seed=2)


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        np.array([1j, 2]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([3], "m8[s]"),
        np.array([(1.0, 2)], dtype=[("a", float), ("b", int)]),
        np.array(["1.0"]),
        ["1.0"],
        [b"1"],
        [1.0, None],
        [10**400],
        [Fraction(10**400, 3)],
    ],
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises((TypeError, ValueError), match=r"^here must (be|have)") as refused:
        _checks.array("here", value, ndim=1)
    assert len(str(refused.value)) < 500


def test_what_is_a_number_is_taken():
    assert (_checks.array("here", [Fraction(1, 2), np.float32(2), 3], ndim=1) == [0.5, 2.0, 3.0]).all()
    assert _checks.number("here", Fraction(1, 4)) == 0.25
    with pytest.raises(ValueError, match="here must be finite, not an integer of 1329 bits"):
        _checks.number("here", 10**400)


def test_messages_never_write_data_out():
    with pytest.raises(TypeError) as refused:
        rk.RNN([1.0], [1.0], [1.0], beta=list(range(10**6)))
    assert str(refused.value) == "beta must be a real number, not a list of length 1000000"


def test_the_advice_of_a_library_is_passed_on():
    with pytest.raises(TypeError, match=r"x must be an array of real numbers, .*use Tensor.cpu\(\) first"):
        rk.MemoryMap(LAW).trajectory(fuzz._Device())


def test_a_matrix_as_a_seed_is_refused():
    with pytest.warns(PendingDeprecationWarning):
        seed = np.matrix([[1]])
    with pytest.raises(TypeError, match="rng"):
        DATA.simulate(3, rng=seed)


def test_sequences_that_are_too_short_are_refused():
    class Short:
        def simulate(self, n, *, rng):  # noqa: ARG002
            return np.zeros(n - 1), np.zeros(n - 1)

    rnn = rk.RNN.sample(LAW, n_units=10, beta=0.75, rng=0)
    for ask in (lambda: rk.train(rnn, Short(), time=1.0, learning_rate=1.0), lambda: rk.KernelLimit(Short(), LAW)):
        with pytest.raises(ValueError, match=r"data.simulate\(n, rng=\) must return \d+ inputs and targets"):
            ask()


def test_truncation_beyond_the_steps_is_all_of_them():
    rnn = rk.RNN.sample(LAW, n_units=10, beta=0.75, rng=0)
    runs = [rk.train(rnn, DATA, time=0.5, learning_rate=1.0, rng=0, truncation=tau) for tau in (6, 7, 10**12)]
    assert runs[0].network == runs[1].network == runs[2].network


def test_objects_do_not_change():
    mu = rk.StationaryLaw(DATA, rk.MemoryMap(LAW))
    before = mu.memory.copy()
    with pytest.raises(TypeError, match="f must be a function of inputs and memories, but tanh does not take 2"):
        mu.mean(np.tanh)
    with pytest.raises(ValueError, match="read-only"):
        mu.mean(lambda _, m: np.tanh(m, out=m))
    assert (mu.memory == before).all()
    for each in (mu, copy.copy(mu), copy.deepcopy(mu), pickle.loads(pickle.dumps(mu))):
        assert not each.memory.flags.writeable
        assert not each.data.chain.stationary_distribution.flags.writeable
        with pytest.raises(AttributeError, match="memory of a ChainLaw cannot be set"):
            each.memory = before
    given = np.ones(2)
    rk.TrainingRecord(given, given, None)
    assert given.flags.writeable


@pytest.mark.parametrize("name", fuzz._objects())
def test_pickled_objects_are_equal(name):
    thing = fuzz._objects()[name]
    if name in ("poisson", "walk"):
        with pytest.raises(pickle.PicklingError, match=r"^(f|step) of a \w+ cannot be pickled: .*<lambda>"):
            pickle.dumps(thing)
        return
    other = pickle.loads(pickle.dumps(thing))
    assert other == thing
    assert hash(other) == hash(thing)
    assert thing != 1


def test_objects_that_differ_are_not_equal():
    assert rk.InitialLaw(stats.norm(), stats.norm(), stats.norm()) == rk.InitialLaw(
        stats.norm(), stats.norm(), stats.norm()
    )
    assert rk.InitialLaw(stats.norm(), stats.norm(), stats.norm()) != rk.InitialLaw(
        stats.norm(), stats.norm(), stats.norm(1)
    )
    assert rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]) != rk.MarkovChain([[0.5, 0.5], [0.4, 0.6]])


@pytest.mark.parametrize(
    ("law", "exact"),
    [
        (stats.norm(0.3, 3e-5), 0.3),
        (stats.norm(-0.3, 3e-5), 0.3),
        (stats.norm(), np.sqrt(2 / np.pi)),
        (stats.t(3), 2 * np.sqrt(3) / np.pi),
        (stats.laplace(0, 2), 2.0),
        (stats.uniform(-1, 3), 5 / 6),
        (stats.randint(-1, 3), 1.0),
    ],
)
def test_mean_of_the_absolute_recurrent_weight(law, exact):
    found = rk.InitialLaw(stats.norm(), stats.norm(), law).recurrent_absolute_mean
    np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_wrong_activations_are_refused():
    def tanh(u):
        return np.tanh(u)

    with pytest.raises(ValueError, match="derivative must be that of value"):
        rk.Activation("own", tanh, lambda u: 1 - np.tanh(u), lipschitz=2.0)
    with pytest.raises(ValueError, match="lipschitz must be at least 3, the slope of value at 0, not 2"):
        rk.Activation("own", lambda u: np.tanh(3 * u), lambda u: 3 * (1 - np.tanh(3 * u) ** 2), lipschitz=2.0)
    with pytest.warns(rk.AssumptionWarning, match="derivative of relu jumps at"):
        rk.Activation("relu", lambda u: max(u, 0.0), lambda u: 1.0 if u > 0 else 0.0, lipschitz=1.0)
    rk.Activation("steep", lambda u: np.tanh(100 * u), lambda u: 100 * (1 - np.tanh(100 * u) ** 2), lipschitz=100.0)


def test_inputs_beyond_the_quadrature_are_announced_by_all_that_use_it():
    limit = rk.KernelLimit(DATA, rk.InitialLaw(LAW.output, stats.logistic(0.7, 0.5), LAW.recurrent))
    for ask in (
        lambda: limit.predict(2.0, [300.0], 0.1),
        lambda: limit.kernel([300.0], 0.1, [1.0], 0.1),
        lambda: limit.memory_map(300.0, 0.1),
        lambda: limit.memory_map.derivative(300.0, 0.1),
        lambda: limit.memory_map.trajectory([300.0]),
    ):
        with pytest.warns(RuntimeWarning, match="inputs as large as 300 in coordinate 0 outrun the quadrature"):
            ask()


@pytest.mark.filterwarnings("ignore::rnnkernel.AssumptionWarning")
def test_memory_with_several_laws_is_refused_though_both_ends_meet():
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(), recurrent=lambda W: 12 * np.tanh(3 * W[:, 0]))
    phi = rk.MemoryMap(law)
    coin = rk.DataSequence(rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]), inputs=[-0.5, 0.5], targets=[0.0, 0.0])
    x = coin.simulate(2000, rng=0)[0]
    assert phi.forgetting(x, -12.0, 12.0)[-1] < 1e-9
    with pytest.raises(ValueError, match="there may be more than one invariant law"):
        rk.StationaryLaw(coin, phi)


def test_divergence_says_where_and_keeps_what_was_finished():
    rnn = rk.RNN.sample(LAW, n_units=10, beta=0.75, rng=0)
    with pytest.raises(rk.DivergenceError, match=r"10 units with beta = 0.75 diverged at step \d+ of 1") as last:
        rk.train(rnn, ([1.0], [1e99]), learning_rate=1e300, points=([1.0], [0.1]))
    assert len(last.value.record.losses) <= 1
    limit = rk.KernelLimit(DATA, LAW, learning_rate=1e3)
    for frozen in (False, True):
        where = {"times": [0.1, 16.0], "x": [1.0], "memory": [0.1], "rng": 0, "frozen": frozen}
        with pytest.raises(rk.DivergenceError, match=r"seed \d+, .* units with beta = 0.75 diverged") as stopped:
            rk.convergence_study(limit, widths=[50, 100], betas=[0.75], n_seeds=2, **where)
        assert stopped.value.study.errors.shape == (1, 2, 2, 2, 1)


LONG = {
    "train": "rk.train(rnn, data.simulate(1000, rng=0), time=1e5, learning_rate=1e-3, n_records=10_000)",
    "train, back in time": "rk.train(rnn, data, time=1e4, learning_rate=1e-3, rng=0, n_records=1000, truncation=3)",
    "train on symbols": "rk.train_symbols(reader, cycle, time=1e5, learning_rate=1e-2, n_records=1000)",
    "memory": "phi.trajectory(np.ones(10**8))",
    "memory of symbols": "rk.SymbolLimit(cycle, letters).trajectory(np.zeros(10**8, int))",
    "forecast": "rnn.forecast(np.ones(10**8))",
    "forecast in closed loop": "rnn.forecast(np.ones(10**4), steps=10**4)",
    "forecast of the limit": "rk.KernelLimit(data, law).forecast(2.0, np.ones(10**4), steps=10**4)",
    "simulation": "data.chain.simulate(10**9, rng=0)",
    "sample": "rk.StationaryLaw(data, phi).sample(10**8, rng=0)",
    "continuum": "rk.StationaryLaw(rk.NoisyRotation(0.5, 0.2), rk.MemoryMap(plane)).sample(10**6, rng=0)",
    "limit of a record": "rk.KernelLimit(data.simulate(2_000_000, rng=0), law, tolerance=1e-14)",
    "band of a record": "rk.KernelLimit(data.simulate(5_000, rng=0), law).fluctuations(*many)",
    "next order": "rk.KernelLimit(data, law).fluctuations(*many).next_order",
    "mean field": "rk.MeanField(data, law, learning_rate=10.0, refinement=2).predict(1e3, [1.0], [0.1])",
    "study": "rk.convergence_study(rk.KernelLimit(data, law, learning_rate=1e-3), widths=[500, 1000], betas=[0.75],"
    " n_seeds=20, times=3e3, x=[1.0], memory=[0.1], rng=0)",
    "frozen study": "rk.convergence_study(rk.KernelLimit(data, law, learning_rate=1e-3), widths=[500, 1000], "
    "betas=[0.75], n_seeds=20, times=3e3, x=[1.0], memory=[0.1], rng=0, frozen=True)",
}


@pytest.mark.verify  # it measures a second by the clock
@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_ctrl_c(name):
    """It reaches the prompt within a second of a free processor, and what was recorded is kept."""
    code = f"""
        import os, signal, sys, threading, time
        import numpy as np
        from scipy import stats
        import rnnkernel as rk
        law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        data = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
        rnn, phi = rk.RNN.sample(law, n_units=1000, beta=0.75, rng=0), rk.MemoryMap(law)
        for truncation in (1, 3):
            rk.train(rnn, data, time=0.01, learning_rate=1.0, rng=0, truncation=truncation)
        letters = rk.InitialLaw(law.output, law.inputs * 3, law.recurrent)
        plane = rk.InitialLaw(law.output, law.inputs * 2, law.recurrent)
        reader, cycle = rk.SymbolRNN.sample(letters, n_units=1000, beta=0.75, rng=0), ([0, 1, 2], [1, 2, 0])
        rk.train_symbols(reader, cycle, learning_rate=1.0)
        many = np.linspace(0.1, 5, 200), np.linspace(-1, 1, 200), 0.1
        phi.trajectory([1.0]), rnn.forecast([1.0])
        def interrupt():
            time.sleep(8)
            sent.append((time.perf_counter(), time.process_time()))
            os.kill(os.getpid(), signal.SIGINT)
        sent = []
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background goes without
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            {LONG[name]}
        except KeyboardInterrupt as stopped:
            took = min(time.perf_counter() - sent[0][0], time.process_time() - sent[0][1])
            run = getattr(stopped, "run", None)
            if run is not None:
                assert len(run.losses) and np.isfinite(run.losses).all() and run.network not in (rnn, reader), run
                if isinstance(run.network, rk.RNN):
                    rk.train(run.network, data, time=0.01, learning_rate=1.0, rng=0)
                else:
                    rk.train_symbols(run.network, cycle, learning_rate=1.0)
            assert not hasattr(stopped, "study") or np.isnan(stopped.study.errors).any()
            kept = " with run" * (run is not None) + " with study" * hasattr(stopped, "study")
            print("stopped" + kept, took < 1.0, took)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    kept = dict.fromkeys(("train", "train, back in time", "train on symbols"), "with run")
    kept |= dict.fromkeys(("study", "frozen study"), "with study")
    assert f"stopped {kept.get(name, '')}".strip() in done.stdout, done.stdout + done.stderr
    assert "True" in done.stdout, done.stdout


@pytest.mark.slow
def test_ctrl_c_that_a_worker_gets_reaches_the_main_thread():
    """The system may hand a signal to any thread, and does not wake the one that waits."""
    code = """
        import signal, threading, time
        from scipy import stats
        import rnnkernel as rk
        law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        data = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background goes without
        rnn = rk.RNN.sample(law, n_units=100, beta=0.75, rng=0)
        sequence = data.simulate(1000, rng=0)
        rk.train(rnn, sequence, time=1.0, learning_rate=1e-3)
        def interrupt():
            while not (workers := [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]):
                time.sleep(0.01)
            time.sleep(0.3)
            signal.pthread_kill(workers[0].ident, signal.SIGINT)
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            rk.train(rnn, sequence, time=1e6, learning_rate=1e-3)
        except KeyboardInterrupt as stopped:
            print("stopped", stopped.run.times.max(initial=0.0) < 9e5)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "stopped True\n", done.stdout + done.stderr


@pytest.mark.parametrize(("x", "y"), [(10, 9), (9, 10), ((10, 2), 11)])
def test_sequences_return_as_many_steps_as_asked_for(x, y):
    with pytest.raises(ValueError, match=r"data\.simulate\(n, rng=\) must return 10 inputs and targets"):
        _checks.simulated(SimpleNamespace(simulate=lambda *_, **__: (np.zeros(x), np.zeros(y))), 10, 0)


def test_states_are_numbered_from_zero():
    with pytest.raises(ValueError, match="states must hold at least two states, numbered from 0"):
        rk.MarkovChain.from_sequence([0, -1, 1])
