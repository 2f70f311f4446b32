"""The kernels in the page: the module that ships is the one the source gives, and its numbers are the package's own."""

import json
import math
import subprocess
import sys

import machines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnkernel as rk
from rnnkernel.widgets import kernels, wasm

FUNCTIONS = {
    "phi": (kernels.TANH.value,),
    "remember": (kernels.TANH.value,),
    "train": (kernels.TANH.value, kernels.TANH.derivative),
}
seeds = st.integers(0, 2**31)


@pytest.mark.slow
def test_the_module_that_ships_is_what_its_source_gives():
    """Byte for byte with the same Python, numba and llvmlite; with others its bytes may differ, its interface not."""
    build = f"import runpy; print(runpy.run_path({str(wasm.__file__)!r})['packed'](), end='')"
    run = subprocess.run([sys.executable, "-P", "-c", build], check=True, capture_output=True, text=True)
    rebuilt, ships = json.loads(run.stdout), json.loads(wasm.KERNELS.read_text())
    assert rebuilt["kernels"] == ships["kernels"]
    assert rebuilt["wasm"] == ships["wasm"] or rebuilt["made_with"] != ships["made_with"]


# -- the same bits everywhere --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict():
    machine = machines.Strict()
    yield machine
    machine.close()


@pytest.fixture(
    scope="module",
    params=[*(["node"] if machines.Node.path else []), pytest.param("chromium", marks=pytest.mark.browser)],
)
def engine(request):
    machine = machines.Node() if request.param == "node" else machines.Chromium(request.getfixturevalue("browser"))
    yield machine
    machine.close()


def arguments(name, seed):
    """Random arguments of a kernel."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 40))
    return GIVEN[name](draw, n)


def for_averages(draw, n):
    rule = draw.uniform(-0.02, 0.02, (2, 4))  # memory contracts
    stops = np.cumsum(draw.integers(1, 5, 3))
    return draw.normal(size=(2, 3)), rule, 0.1, 0.5, rows(draw), int(draw.integers(5)), stops, np.zeros((n, 3))


def for_decompose(draw, n):
    functions = draw.normal(size=(2, 3)), draw.normal(size=(2, 5))
    path = draw.integers(0, 2, n), draw.uniform(-0.4, 0.6, n)
    return *functions, 0.1, 0.5, rows(draw), *path, np.zeros(n), np.zeros(n), np.zeros(n)


def for_limit(draw, n):
    states, memory = draw.integers(0, 2, n), draw.uniform(-0.5, 0.5, n)
    modes = draw.normal(size=(2, 5, 6))
    return draw.uniform(0, 2, 5), draw.normal(size=5), modes, 0.5, draw.uniform(0, 9, n), states, memory, np.zeros(n)


def for_train(draw, n):
    n_units, n_records = 2 * int(draw.choice([n, 130, 241])), 3
    stops = np.array([0, n, n + 7, n + 30])
    arrays = np.zeros(n_records), np.zeros((n_records, 2)), np.zeros(12, np.int64), np.zeros(9), np.zeros((3, n_units))
    scaling = draw.uniform(0.5, 1), draw.uniform(0, 2), int(draw.integers(2))
    inputs, points = draw.normal(size=2), (draw.normal(size=(2, 1)), draw.normal(size=2))
    return n_units, *scaling, int(draw.integers(2**53)), rows(draw), inputs, *points, stops, *arrays


def quadrature(draw):
    return draw.normal(size=(1, 30)), draw.normal(size=30) / 30


GIVEN = {
    "averages": for_averages,
    "decompose": for_decompose,
    "distance": lambda draw, n: (draw.normal(size=n), draw.normal(size=n)),
    "eigenfunctions": lambda draw, n: (*for_limit(draw, n)[2:4], *for_limit(draw, n)[5:7], np.zeros((n, 5))),
    "histogram": lambda draw, n: (draw.normal(size=n), float(draw.uniform(0.5, 2)), np.zeros(7)),
    "limit": for_limit,
    "loss": lambda draw, n: (draw.uniform(0, 2, 5), draw.normal(size=5), 0.3, draw.uniform(0, 9, n), np.zeros(n)),
    "mercer": lambda draw, n: (draw.uniform(0, 2, 5), draw.normal(size=(n, 5)), np.zeros((n, n))),
    "phi": lambda draw, n: (*quadrature(draw), draw.normal(size=(n, 1)), draw.normal(size=n), np.zeros(n)),
    "remember": lambda draw, n: (*quadrature(draw), 3 * draw.normal(size=(n, 1)), draw.uniform(-1, 1, n + 1)),
    "shares": lambda draw, n: (draw.uniform(0, 2, n), float(draw.uniform(0, 9)), np.zeros(n)),
    "train": for_train,
    "walk": lambda draw, n: (int(draw.integers(2**53)), rows(draw), np.zeros(n, np.int64)),
}


def rows(draw):
    stays = draw.uniform(size=2)
    return np.array([[stays[0], 1 - stays[0]], [1 - stays[1], stays[1]]])


def copied(values):
    return [each.copy() if hasattr(each, "shape") else each for each in values]


@pytest.mark.parametrize("name", kernels.EXPORTS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_same_bits_in_the_page_and_natively(name, seed, strict, engine):
    values = arguments(name, seed)
    expected, expected_arrays = strict.run(name, *copied(values))
    result, arrays = engine.run(name, *values)
    assert result == expected
    assert [each.tobytes() for each in arrays] == [each.tobytes() for each in expected_arrays]


@pytest.mark.parametrize("name", kernels.EXPORTS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_fast_kernels_agree(name, seed, strict):
    values = arguments(name, seed)
    expected, expected_arrays = strict.run(name, *copied(values))
    result = kernels.EXPORTS[name][0](*FUNCTIONS.get(name, ()), *values)
    assert result == (expected if expected is None else pytest.approx(expected, rel=1e-12))
    for array, other in zip((each for each in values if hasattr(each, "shape")), expected_arrays, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-12, atol=1e-12)


# -- what they compute ---------------------------------------------------------------------------------------------


def splitmix(seed):
    """SplitMix64 with Python's integers."""
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) % 2**64
        z = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        yield z ^ (z >> 31)


@given(seed=st.integers(0, 2**53))
def test_draws_match_the_naive_generator(seed):
    source, naive = np.full(1, seed, np.uint64), splitmix(seed)
    assert kernels.bits(source) == next(naive)
    assert kernels.uniform(source) == (next(naive) >> 11) / 2**53
    square = 2.0
    while not 0 < square < 1:
        u, v = (2 * ((next(naive) >> 11) / 2**53) - 1 for _ in range(2))
        square = u * u + v * v
    assert kernels.normal(source) == pytest.approx(u * math.sqrt(-2 * math.log(square) / square), rel=1e-14)


def test_generator_gives_its_published_numbers():
    source = np.full(1, 1234567, np.uint64)
    assert [kernels.bits(source) for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.floats(1e-300, 1e300))
def test_log(x):
    assert kernels.log(x) == pytest.approx(math.log(x), rel=3e-16, abs=1e-18)


@pytest.mark.parametrize("paired", [False, True])
def test_training_in_the_page_is_the_training_of_the_package(paired):
    """The weights and the path it draws, given to `train`, lead to the same forecasts."""
    n_units, beta, alpha, P = 30, 0.7, 1.3, np.array([[0.8, 0.2], [0.4, 0.6]])
    inputs, memory, stops = np.array([-1.0, 1.5]), np.array([-0.2, 0.4]), np.array([0, 30, 60, 90])
    losses, predictions, states, forecast = np.empty(3), np.empty((3, 2)), np.empty(11, np.int64), np.empty(10)
    drawn = np.empty((3, n_units))
    shape = n_units, beta, alpha, int(paired), 5, P, inputs, inputs[:, None], memory, stops
    assert kernels.train(*FUNCTIONS["train"], *shape, losses, predictions, states, forecast, drawn) == -1
    source = np.full(1, 5, np.uint64)
    again, path = np.empty_like(drawn), np.empty(101, np.int64)
    kernels._draw(int(paired), source, again)
    kernels._walk(P, source, path)
    assert (again == drawn).all()
    assert (path[90:] == states).all()
    C, W, B = drawn
    if paired:
        assert (C[15:] == -C[:15]).all()
        assert (W[15:] == W[:15]).all()
        assert (B[15:] == B[:15]).all()
    x, y = inputs[path[:90]], inputs[path[1:91]]
    points = inputs, memory
    run = rk.train(rk.RNN(C, W, B, beta=beta), (x, y), learning_rate=alpha, n_records=3, points=points)
    np.testing.assert_allclose(predictions, run.predictions, rtol=0, atol=1e-12)
    np.testing.assert_allclose(losses, run.losses, rtol=1e-12)
    np.testing.assert_allclose(forecast, run.network.forecast(inputs[path[90:100]]), rtol=0, atol=1e-12)


def test_draws_have_their_laws():
    drawn = np.empty((3, 40_000))
    kernels._draw(0, np.full(1, 3, np.uint64), drawn)
    for weights, mean, deviation in zip(drawn, (0, 0.7, 0.5), (1 / 3**0.5, 1, 1 / 12**0.5), strict=True):
        assert abs(weights.mean() - mean) < 4 * deviation / 200
        assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert drawn[0].min() < -0.99
    assert drawn[0].max() > 0.99
    assert 0 <= drawn[2].min() < 0.01
    assert 0.99 < drawn[2].max() < 1


def test_histogram_counts():
    values, counts = np.random.default_rng(0).normal(size=1000), np.zeros(20)
    kernels.histogram(values, 1.5, counts)
    assert (counts == np.histogram(values, 20, (-1.5, 1.5))[0]).all()


def test_limit_sums_the_modes():
    rates, coefficients, modes = np.array([0.5, 0.1]), np.array([2.0, -3.0]), np.arange(12.0).reshape(2, 2, 3)
    values = [np.polynomial.chebyshev.chebval(0.6, each) for each in modes[1]]
    out, functions, picture, left, learned = np.empty(1), np.empty((1, 2)), np.empty((1, 1)), np.empty(1), np.empty(2)
    at = np.array([1]), np.array([0.3])
    kernels.limit(rates, coefficients, modes, 0.5, np.array([2.0]), *at, out)
    assert out[0] == pytest.approx((1 - np.exp(-1)) * 2 * values[0] - (1 - np.exp(-0.2)) * 3 * values[1], rel=1e-14)
    kernels.eigenfunctions(modes, 0.5, *at, functions)
    assert functions[0] == pytest.approx(values, rel=1e-14)
    kernels.mercer(rates, functions, picture)
    assert picture[0, 0] == pytest.approx(0.5 * values[0] ** 2 + 0.1 * values[1] ** 2, rel=1e-14)
    kernels.loss(rates, coefficients, 0.25, np.array([2.0]), left)
    assert left[0] == pytest.approx(0.25 + 2 * np.exp(-2) + 4.5 * np.exp(-0.4), rel=1e-14)
    kernels.shares(rates, 2.0, learned)
    assert learned == pytest.approx(1 - np.exp([-1.0, -0.2]), rel=1e-14)


def chebyshev(table, states, t):
    return np.array([np.polynomial.chebyshev.chebval(at, table[state]) for state, at in zip(states, t, strict=True)])


@given(seed=seeds)
def test_decomposition_follows_its_definition(seed):
    draw = np.random.default_rng(seed)
    f, u, centre, half, P, states, memory, *parts = for_decompose(draw, int(draw.integers(2, 40)))
    kernels.decompose(f, u, centre, half, P, states, memory, *parts)
    t = (memory - centre) / half
    at_f, at_u = chebyshev(f, states, t), chebyshev(u, states, t)
    each = [chebyshev(u, np.full(len(t), j), t) for j in range(2)]
    forecast = P[states[:-1], 0] * each[0][1:] + P[states[:-1], 1] * each[1][1:]  # of u, one step ahead
    expected = np.cumsum(at_f[:-1]), at_u[0] - at_u[1:], np.cumsum(at_u[1:] - forecast)
    for part, values in zip(parts, expected, strict=True):
        assert part[0] == 0
        np.testing.assert_allclose(part[1:], values, rtol=0, atol=1e-12)


@given(seed=seeds)
def test_averages_follow_the_walk(seed):
    draw = np.random.default_rng(seed)
    f, rule, centre, half, P, n_warm, stops, out = for_averages(draw, 4)
    kernels.averages(f, rule, centre, half, P, n_warm, stops, out)
    for i, averages in enumerate(out):
        states = np.empty(n_warm + stops[-1], np.int64)
        kernels.walk(i + 1, P, states)
        values, m = [], 0.0
        for state in states:
            t = [(m - centre) / half]
            values.extend(chebyshev(f, [state], t))
            (m,) = chebyshev(rule, [state], t)
        expected = [np.mean(values[n_warm : n_warm + n]) for n in stops]
        np.testing.assert_allclose(averages, expected, rtol=0, atol=1e-12)
