import os
import pickle
import subprocess
import sys

import naive
import numpy as np
import pytest
from scipy import special, stats

import rnnkernel as rk
from rnnkernel.activations import activation

SIGMAS = {"tanh": np.tanh, "logistic": special.expit, "erf": special.erf}


def law(d=1):
    return rk.InitialLaw(
        output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1), n_inputs=d
    )


def network(n_units=23, d=1, sigma="tanh", beta=0.75, seed=0):
    """A network with a hidden state that is not zero."""
    rng = np.random.default_rng(seed)
    C, W, B = law(d).sample(n_units, rng=rng)
    return rk.RNN(C, W, B, beta=beta, hidden=rng.uniform(-1, 1, n_units), activation=sigma)


def sequence(n, d, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, np.sin(x.sum(axis=1)) + 0.3 * rng.normal(size=n)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("d", [1, 3])
def test_predict_is_the_formula(sigma, d):
    rnn = network(d=d, sigma=sigma)
    x, m = sequence(6, d)[0], np.linspace(-1, 1, 6)
    expected = [23**-0.75 * (rnn.output @ SIGMAS[sigma](rnn.inputs @ xi + mi)) for xi, mi in zip(x, m, strict=True)]
    np.testing.assert_allclose(rnn.predict(x if d > 1 else x[:, 0], m), expected, rtol=1e-13)
    np.testing.assert_allclose(rnn.predict(x[0], m[0]), expected[:1], rtol=1e-13)


@pytest.mark.parametrize("sigma", ["tanh", "logistic"])
@pytest.mark.parametrize("d", [1, 3])
def test_forecast_and_trajectory_are_the_recursion_without_learning(sigma, d):
    rnn = network(d=d, sigma=sigma)
    x, _ = sequence(50, d)
    weights = rnn.output, rnn.inputs, rnn.recurrent, rnn.hidden
    *_, state, outputs, memories = naive.train(
        *weights, x, np.zeros(50), beta=0.75, alpha=0.0, sigma=SIGMAS[sigma], prime=activation(sigma).prime
    )
    np.testing.assert_allclose(rnn.forecast(x), outputs, rtol=1e-12)
    np.testing.assert_allclose(rnn.trajectory(x)[:-1], memories, rtol=1e-12)
    assert rnn.trajectory(x)[-1] == pytest.approx(rnn.recurrent @ state / 23, rel=1e-12)
    assert rnn.trajectory(x)[0] == rnn.memory == pytest.approx(np.mean(rnn.recurrent * rnn.hidden))
    assert rnn.trajectory(np.zeros((0, d))).tolist() == [rnn.memory]


def lagged(x, y):
    return np.column_stack([y, x[:, 0]])


@pytest.mark.parametrize(("d", "feedback"), [(1, None), (2, None), (2, lagged)])
@pytest.mark.parametrize("start", [None, 0.3])
def test_closed_loop_forecasts_are_the_recursion_fed_with_itself(d, feedback, start):
    rnn, (x, _) = network(d=d), sequence(6, d)
    C, W, B = rnn.output, rnn.inputs, rnn.recurrent
    found = rnn.forecast(x, steps=4, start=start, feedback=feedback)
    m = rnn.memory if start is None else start
    for k in range(6):
        now, held = x[k], m
        for h in range(4):
            S = np.tanh(W @ now + held)
            ahead = 23**-0.75 * (C @ S)
            assert found[k, h] == pytest.approx(ahead, rel=1e-12)
            now = np.array([ahead, now[0]] if feedback else [ahead, *now[1:]])
            held = B @ S / 23
        m = B @ np.tanh(W @ x[k] + m) / 23
    np.testing.assert_allclose(found[:, 0], rnn.forecast(x, start=start), rtol=1e-12)
    assert rnn.trajectory(x, start=start)[-1] == pytest.approx(m, rel=1e-12)
    assert rnn.forecast(x[:0], steps=4).shape == (0, 4)


def test_reading_moves_the_state_and_learns_nothing():
    rnn, (x, y) = network(d=2), sequence(20, 2)
    read, still = rnn.read(x), rk.train(rnn, (x, y), learning_rate=0.0).network
    np.testing.assert_allclose(read.hidden, still.hidden, rtol=1e-12)
    for name in ("output", "inputs", "recurrent"):
        np.testing.assert_array_equal(getattr(read, name), getattr(rnn, name))
    assert (read.beta, read.activation) == (rnn.beta, rnn.activation)
    np.testing.assert_array_equal(rnn.read(x[:0]).hidden, rnn.hidden)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be an integer of at least 1"),
        ({"steps": 2, "start": np.nan}, ValueError, "start must be at least"),
        ({"steps": 2, "feedback": 3}, TypeError, "feedback must be a function of the inputs and their forecasts"),
        ({"steps": 2, "feedback": lambda _, y: y}, ValueError, r"what feedback returns must have shape \(n, 2\)"),
        (
            {"steps": 2, "feedback": lambda x, _: x[:1]},
            ValueError,
            "must return one input for each of 3 points",
        ),
    ],
)
def test_wrong_closed_loops_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        network(d=2).forecast(sequence(3, 2)[0], **options)


def test_step_is_the_naive_step():
    rnn = network(d=2)
    x, y = sequence(1, 2)
    after = rnn.step(x[0], y[0], learning_rate=0.7)
    C, W, B, S, _, _ = naive.train(
        rnn.output,
        rnn.inputs,
        rnn.recurrent,
        rnn.hidden,
        x,
        y,
        beta=0.75,
        alpha=0.7,
        sigma=np.tanh,
        prime=lambda u: 1 / np.cosh(u) ** 2,
    )
    for found, expected in zip((after.output, after.inputs, after.recurrent, after.hidden), (C, W, B, S), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_sample_uses_the_law_and_the_seed():
    first, again = (rk.RNN.sample(law(2), n_units=40, beta=0.6, rng=3) for _ in range(2))
    C, W, B = law(2).sample(40, rng=3)
    for rnn in (first, again):
        for found, drawn in zip((rnn.output, rnn.inputs, rnn.recurrent), (C, W, B), strict=True):
            np.testing.assert_array_equal(found, drawn)
    assert (first.hidden == 0).all()
    paired = rk.RNN.sample(law(), n_units=40, beta=0.6, rng=3, paired=True)
    np.testing.assert_allclose(paired.predict([-1.0, 2.0], 0.3), 0, atol=1e-15)


def test_arrays_are_copied_and_read_only():
    C = np.ones(3)
    rnn = rk.RNN(C, np.ones(3), np.ones(3), beta=0.75)
    C[0] = 7
    assert rnn.output[0] == 1
    assert rnn.inputs.shape == (3, 1)
    for weights in (rnn.output, rnn.inputs, rnn.recurrent, rnn.hidden):
        with pytest.raises(ValueError, match="read-only"):
            weights[0] = 2


def test_output_of_nonzero_mean_is_accepted_with_a_warning():
    shifted = rk.InitialLaw(output=stats.uniform(0, 1), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    with pytest.warns(rk.AssumptionWarning, match=r"E C is 0.5, not 0.*no kernel limit"):
        rnn = rk.RNN.sample(shifted, n_units=10_000, beta=0.75, rng=0)
    expected = 10_000**0.25 * 0.5 * stats.norm(0.7, 1).expect(np.tanh)
    assert rnn.predict(1.0, 0.0)[0] == pytest.approx(expected, rel=0.05)


ROOT = rk.Activation("root", lambda u: u / (1 + u * u) ** 0.5, lambda u: (1 + u * u) ** -1.5, lipschitz=1.0)


def test_own_activation():
    rnn = network(sigma=ROOT)
    u = rnn.inputs[:, 0] * 0.4 + 0.2
    assert rnn.predict(0.4, 0.2)[0] == pytest.approx(23**-0.75 * (rnn.output @ (u / np.sqrt(1 + u * u))), rel=1e-13)
    assert repr(rnn) == "RNN(n_units=23, n_inputs=1, beta=0.75, activation='root')"


def test_networks_travel_between_processes():
    for sigma in ("erf", ROOT):
        rnn = network(sigma=sigma)
        again = pickle.loads(pickle.dumps(rnn))
        assert again.predict(0.4, 0.2)[0] == rnn.predict(0.4, 0.2)[0]


ONES = np.ones(3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"output": []}, ValueError, "output must hold at least one unit"),
        ({"output": [1.0, np.nan, 1.0]}, ValueError, r"output must be finite, but output\[1\] is nan"),
        ({"inputs": np.ones(4)}, ValueError, "inputs must hold 3 units, as output does, not 4"),
        ({"inputs": np.ones((3, 0))}, ValueError, "inputs must hold at least one weight"),
        ({"recurrent": np.ones(2)}, ValueError, "recurrent must hold 3 units"),
        ({"hidden": np.ones(2)}, ValueError, "hidden must hold 3 units"),
        ({"past": (np.ones((2, 1)), np.ones((1, 3)))}, ValueError, "past must hold as many inputs as states"),
        ({"past": (np.ones((2, 2)), np.ones((2, 3)))}, ValueError, "past must hold as many inputs as states"),
        ({"beta": 0.0}, ValueError, "beta must be greater than 0 and at most 1, not 0.0"),
        ({"beta": 1.1}, ValueError, "beta must be greater than 0 and at most 1, not 1.1"),
        ({"activation": "relu"}, ValueError, "activation must be one of 'tanh', 'logistic', 'erf', not 'relu'"),
        ({"activation": np.tanh}, TypeError, "activation must be a name or an Activation"),
    ],
)
def test_wrong_parameters_are_named(arguments, error, message):
    given = {"output": ONES, "inputs": ONES, "recurrent": ONES, "beta": 0.75} | arguments
    with pytest.raises(error, match=message):
        rk.RNN(**given)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rk.RNN.sample(law(), n_units=0, beta=0.75, rng=0), ValueError, "n_units must be .* at least 1, not 0"),
        (lambda: rk.RNN.sample(law(), n_units=2.0, beta=0.75, rng=0), TypeError, "n_units must be an integer"),
        (lambda: rk.RNN.sample("law", n_units=2, beta=0.75, rng=0), TypeError, "law must be an InitialLaw, not str"),
        (lambda: network().predict([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, "same number of points, not 2 and 3"),
        (lambda: network(d=2).forecast(np.ones(5)), ValueError, r"x must have shape \(n, 2\), not \(5,\)"),
        (lambda: network().trajectory([np.inf]), ValueError, "x must be finite"),
        (lambda: rk.Activation("f", np.tanh, np.tanh, 1.0), TypeError, "value must be a Python function or one comp"),
        (lambda: rk.Activation("f", lambda u: u, lambda _: 1.0, 0.0), ValueError, "lipschitz must be greater than 0"),
    ],
)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


SECOND_PROCESS = """
import pathlib, sys
from rnnkernel import Activation, activations
activations.activation("tanh")([1.0])
Activation("double", lambda u: 2 * u, lambda u: 2.0, 2.0)([1.0])
stats = activations._map.stats
print(sum(stats.cache_hits.values()), len(list(pathlib.Path(sys.argv[1]).rglob("*_map-*.nbc"))))
"""


@pytest.mark.slow
def test_second_process_compiles_nothing_and_own_activations_leave_nothing(tmp_path):
    printed = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SECOND_PROCESS, tmp_path],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout.split())
    assert printed == [["0", "1"], ["1", "1"]]
