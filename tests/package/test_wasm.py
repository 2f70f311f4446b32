"""The kernels in the page: what ships is what the source gives, and its numbers are the package's own."""

import json
import math
import runpy
import subprocess
import sys

import machines
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnkernel as rk
from rnnkernel.widgets import draws, kernels, loops

SCRIPT = str(machines.ROOT / "tools" / "wasm.py")
seeds = st.integers(0, 2**31)


@pytest.mark.slow
def test_what_ships_is_what_its_source_gives():
    """Byte for byte with the same Python, numba and llvmlite; with others its bytes may differ, its interface not."""
    build = f"import runpy; print(runpy.run_path({SCRIPT!r})['packed'](), end='')"
    run = subprocess.run([sys.executable, "-P", "-c", build], check=True, capture_output=True, text=True)
    rebuilt, ships = json.loads(run.stdout), json.loads(runpy.run_path(SCRIPT)["PACKED"].read_text())
    for name, kernel in kernels.KERNELS.items():
        assert list(ships["kernels"][name]["takes"]) == list(kernels.takes(kernel))
        for part in ("takes", "gives"):
            assert rebuilt["kernels"][name][part] == ships["kernels"][name][part]
    assert rebuilt["kernels"] == ships["kernels"] or rebuilt["made_with"] != ships["made_with"]


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


def values(name, seed):
    """Random values of all that a kernel takes."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 40))
    return {"seed": int(draw.integers(2**53)), **VALUES[name](draw, n)}


def for_fixed_point(draw, n):
    return {
        "contraction": draw.uniform(0.1, 1.4),
        "input_size": draw.uniform(0.05, 1.5),
        "step": int(draw.integers(12)),
        "line": draw.normal(size=n),
        "starts": draw.normal(size=2),
        **quadrature(draw),
    }


def for_long_run(draw, n):
    sizes = {"contraction": draw.uniform(0.1, 1.4), "input_size": draw.uniform(0.05, 1.5)}
    return {**sizes, "n_steps": n, **quadrature(draw)}


def for_coupling(draw, _):
    weights = draw.uniform(size=(2, 3, 3))
    return {
        "which_coupling": int(draw.integers(3)),
        "which_stickiness": int(draw.integers(2)),
        "step": int(draw.integers(21)),
        "seed": int(draw.integers(1, 21)),
        "transitions": weights / weights.sum(axis=2, keepdims=True),
        "overlaps": draw.uniform(size=2),
        "starts": draw.permutation(3)[:2],
    }


def for_telescope(draw, _):
    return {
        "which_stickiness": int(draw.integers(2)),
        "step": int(draw.integers(21)),
        "transitions": np.array([rows(draw), rows(draw)]),
        "function": draw.normal(size=(2, 1)),
        "solutions": draw.normal(size=(2, 2, 1)),
    }


def for_widths(draw, _):
    return {
        "beta": draw.uniform(0.5, 1),
        "which_beta": int(draw.integers(3)),
        "which_paired": int(draw.integers(2)),
        "n_seeds": int(draw.integers(1, 5)),
        "inputs": draw.normal(size=2),
        "at_memory": draw.normal(size=2),
        "transition": rows(draw),
        "units": 2.0 * draw.integers(2, 40, 4),
        "limit": draw.normal(size=2),
        "laws": draw.uniform(0.1, 1, (3, 2, 4)),
    }


def for_modes(draw, n):
    return {
        **chains(draw),
        "time": draw.uniform(0, 9),
        "which_time": int(draw.integers(n)),
        "mode": int(draw.integers(6)),
        "which_target": int(draw.integers(3)),
        "learning_rate": draw.uniform(0, 2),
        "line": draw.uniform(-0.5, 0.5, n),
        "moments": draw.uniform(0, 9, n),
        "means": draw.normal(size=(2, 3, 4)),
        "coefficients": draw.normal(size=(2, 3, 5)),
        "floors": draw.uniform(size=(2, 3)),
        "rests": draw.uniform(size=(2, 3)),
    }


def for_poisson(draw, n):
    return {
        "which_f": int(draw.integers(3)),
        "which_stickiness": int(draw.integers(2)),
        "n_steps": 1 + n,
        "inputs": draw.normal(size=2),
        "transitions": np.array([rows(draw), rows(draw)]),
        **quadrature(draw),
        "rule": draw.uniform(-0.02, 0.02, (2, 4)),  # memory contracts
        "centre": 0.1,
        "half": 0.5,
        "functions": draw.normal(size=(3, 2, 2, 4)) * (np.arange(4) < draw.integers(1, 5)),
        "solutions": draw.normal(size=(3, 2, 2, 5)),
        "means": draw.normal(size=(3, 2)),
        "sigmas": draw.uniform(size=(3, 2)),
        "norms": draw.uniform(size=(3, 2)),
        "deviations": draw.uniform(size=(3, 2)),
        "stops": np.cumsum([1, *draw.integers(1, 6, 8)]),
    }


def for_train(draw, n):
    return {
        **chains(draw),
        "n_units": 2 * int(draw.choice([5 + n, 130, 241, 700])),
        "beta": draw.uniform(0.5, 1),
        "learning_rate": draw.uniform(0, 2),
        "which_paired": int(draw.integers(2)),
        "inputs": draw.normal(size=2),
        "at_memory": draw.normal(size=2),
        "moments": draw.uniform(0, 9, n),
        "transitions": np.array([rows(draw), rows(draw)]),
        **quadrature(draw),
        "coefficients": draw.normal(size=(2, 5)),
    }


VALUES = {name: globals()[f"for_{name}"] for name in kernels.KERNELS}


def chains(draw):
    """The modes of two chains."""
    tables = {"eigenvalues": draw.uniform(0, 2, (2, 5)), "modes": draw.normal(size=(2, 2, 5, 6))}
    return {"which_stickiness": int(draw.integers(2)), "reach": 0.5, **tables}


def quadrature(draw):
    return {"nodes": draw.normal(size=(1, 30)), "weights": draw.uniform(-1, 1, 30) / 30}


def rows(draw):
    stays = draw.uniform(size=2)
    return np.array([[stays[0], 1 - stays[0]], [1 - stays[1], stays[1]]])


@pytest.mark.slow
@pytest.mark.parametrize("name", kernels.KERNELS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_same_bits_in_the_page_and_natively(name, seed, strict, engine):
    given = values(name, seed)
    expected, result = strict.run(name, given), engine.run(name, given)
    assert list(result) == list(expected)
    for key, array in expected.items():
        assert result[key].shape == array.shape, key
        assert result[key].tobytes() == array.tobytes(), key


@pytest.mark.parametrize("name", kernels.KERNELS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_fast_kernels_agree(name, seed, strict):
    given = values(name, seed)
    result = kernels.run(kernels.KERNELS[name], given)
    for key, array in strict.run(name, given).items():
        np.testing.assert_allclose(result[key], array, rtol=1e-12, atol=1e-12, err_msg=key)


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
    assert draws.bits(source) == next(naive)
    assert draws.uniform(source) == (next(naive) >> 11) / 2**53
    square = 2.0
    while not 0 < square < 1:
        u, v = (2 * ((next(naive) >> 11) / 2**53) - 1 for _ in range(2))
        square = u * u + v * v
    assert draws.normal(source) == pytest.approx(u * math.sqrt(-2 * math.log(square) / square), rel=1e-14)


def test_generator_gives_its_published_numbers():
    source = np.full(1, 1234567, np.uint64)
    assert [draws.bits(source) for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.floats(1e-300, 1e300))
def test_log(x):
    assert draws.log(x) == pytest.approx(math.log(x), rel=3e-16, abs=1e-18)


@pytest.mark.parametrize("paired", [False, True])
def test_training_in_the_page_is_the_training_of_the_package(paired):
    """The weights and the path it draws, given to `train`, lead to the same forecasts."""
    n_units, beta, alpha, P = 30, 0.7, 1.3, np.array([[0.8, 0.2], [0.4, 0.6]])
    inputs, memory = np.array([-1.0, 1.5]), np.array([-0.2, 0.4])
    given = for_train(np.random.default_rng(0), 10) | {
        "n_units": n_units,
        "beta": beta,
        "learning_rate": alpha,
        "which_paired": int(paired),
        "seed": 5,
        "which_stickiness": 0,
        "transitions": P[None],
        "inputs": inputs,
        "at_memory": memory,
    }
    shown = kernels.run(kernels.KERNELS["train"], given)
    source, weights = draws.source(5), np.empty((3, n_units))
    draws.units(int(paired), source, *weights)
    path, n_steps = draws.walk(P, source, 161), 120
    C, W, B = weights
    if paired:
        assert (C[15:] == -C[:15]).all()
        assert (W[15:] == W[:15]).all()
        assert (B[15:] == B[:15]).all()
    x, y = inputs[path[:n_steps]], inputs[path[1 : n_steps + 1]]
    points = inputs, memory
    run = rk.train(rk.RNN(C, W, B, beta=beta), (x, y), learning_rate=alpha, n_records=40, points=points)
    assert (shown["times"] == run.times).all()
    assert (shown["data"] == inputs[path[n_steps + 1 :]]).all()
    np.testing.assert_allclose(shown["network"].T, run.predictions, rtol=0, atol=1e-12)
    np.testing.assert_allclose(shown["losses"], run.losses, rtol=1e-12)
    np.testing.assert_allclose(shown["forecast"], run.network.forecast(inputs[path[n_steps:-1]]), rtol=0, atol=1e-12)


def test_draws_have_their_laws():
    drawn = np.empty((3, 40_000))
    draws.units(0, draws.source(3), *drawn)
    for weights, mean, deviation in zip(drawn, (0, 0.7, 0.5), (1 / 3**0.5, 1, 1 / 12**0.5), strict=True):
        assert abs(weights.mean() - mean) < 4 * deviation / 200
        assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert drawn[0].min() < -0.99
    assert drawn[0].max() > 0.99
    assert 0 <= drawn[2].min() < 0.01
    assert 0.99 < drawn[2].max() < 1


def test_histogram_counts():
    values, counts = np.random.default_rng(0).normal(size=1000), np.zeros(20)
    loops.histogram(values, 1.5, counts)
    assert (counts == np.histogram(values, 20, (-1.5, 1.5))[0]).all()


def test_limit_sums_the_modes():
    rates, coefficients, modes = np.array([0.5, 0.1]), np.array([2.0, -3.0]), np.arange(6.0).reshape(2, 3)
    e = np.array([np.polynomial.chebyshev.chebval(0.6, each) for each in modes])
    expected = (1 - np.exp(-1)) * 2 * e[0] - (1 - np.exp(-0.2)) * 3 * e[1]
    assert loops.limit_at(rates, coefficients, modes, 2.0, 0.6) == pytest.approx(expected, rel=1e-14)
    assert loops.loss_at(rates, coefficients, 0.25, 2.0) == pytest.approx(0.25 + 2 * np.exp(-2) + 4.5 * np.exp(-0.4))
    assert loops.mercer(rates, e[None])[0, 0] == pytest.approx(0.5 * e[0] ** 2 + 0.1 * e[1] ** 2, rel=1e-14)


def chebyshev(table, states, t):
    return np.array([np.polynomial.chebyshev.chebval(at, table[state]) for state, at in zip(states, t, strict=True)])


@settings(deadline=None)  # the first call compiles
@given(seed=seeds)
def test_decomposition_follows_its_definition(seed):
    draw = np.random.default_rng(seed)
    n, centre, half = int(draw.integers(2, 40)), 0.1, 0.5
    f, u, P = draw.normal(size=(2, 3)), draw.normal(size=(2, 5)), rows(draw)
    states, memory = draw.integers(0, 2, n), draw.uniform(-0.4, 0.6, n)
    parts = loops.decompose(f, u, centre, half, P, states, memory)
    t = (memory - centre) / half
    at_f, at_u = chebyshev(f, states, t), chebyshev(u, states, t)
    each = [chebyshev(u, np.full(len(t), j), t) for j in range(2)]
    forecast = P[states[:-1], 0] * each[0][1:] + P[states[:-1], 1] * each[1][1:]  # of u, one step ahead
    expected = np.cumsum(at_f[:-1]), at_u[0] - at_u[1:], np.cumsum(at_u[1:] - forecast)
    for part, values in zip(parts, expected, strict=True):
        assert part[0] == 0
        np.testing.assert_allclose(part[1:], values, rtol=0, atol=1e-12)


@settings(deadline=None)  # the first call compiles
@given(seed=seeds)
def test_averages_follow_the_walk(seed):
    draw = np.random.default_rng(seed)
    f, rule, centre, half, P = draw.normal(size=(2, 3)), draw.uniform(-0.02, 0.02, (2, 4)), 0.1, 0.5, rows(draw)
    u, n_warm, stops = draw.normal(size=(2, 5)), int(draw.integers(5)), np.cumsum(draw.integers(1, 5, 3))
    found, boundaries = loops.averages(f, u, rule, centre, half, P, n_warm, stops, 4)
    for i in range(4):
        states = draws.walk(P, draws.source(i + 1), n_warm + stops[-1] + 1)
        values, heads, m = [], [], 0.0
        for state in states:
            t = [(m - centre) / half]
            values.extend(chebyshev(f, [state], t))
            heads.extend(chebyshev(u, [state], t))
            (m,) = chebyshev(rule, [state], t)
        expected = [np.mean(values[n_warm : n_warm + n]) for n in stops]
        np.testing.assert_allclose(found[i], expected, rtol=0, atol=1e-12)
        assert boundaries[i] == pytest.approx(heads[n_warm] - heads[-1], abs=1e-12)


def test_correlation_and_slope():
    a, b = np.random.default_rng(0).normal(size=(2, 400))
    a, b = a - a.mean(), a + 2 * b - (a + 2 * b).mean()
    assert loops.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-12)
    x, y = np.exp(a[:9]), np.exp(b[:9])
    assert loops.slope(x, y) == pytest.approx(np.polyfit(a[:9], b[:9], 1)[0], rel=1e-12)


@pytest.mark.parametrize("how", [0, 1, 2])
def test_coupled_copies_are_chains_and_stay_together(how):
    """Each copy moves by its row; the best coupling is equal as often as rows overlap, the others more rarely."""
    P = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
    source, n = draws.source(3), 20_000
    together = np.zeros((3, 3))
    for _ in range(n):
        together[loops.coupled(P, how, source, 0, 2)] += 1 / n
    np.testing.assert_allclose(together.sum(axis=1), P[0], rtol=0, atol=4 * 0.5 / n**0.5)
    np.testing.assert_allclose(together.sum(axis=0), P[2], rtol=0, atol=4 * 0.5 / n**0.5)
    equal = {0: P[0] @ P[2], 1: 0.2 + 0.2, 2: np.minimum(P[0], P[2]).sum()}
    assert together.trace() == pytest.approx(equal[how], abs=4 * 0.5 / n**0.5)
    for _ in range(100):
        one, other = loops.coupled(P, how, source, 1, 1)
        assert one == other


def test_laws_move_by_the_transition():
    laws, P = np.random.default_rng(0).uniform(size=(2, 3)), np.random.default_rng(1).uniform(size=(3, 3))
    np.testing.assert_allclose(loops.moved(laws, P), laws @ P, rtol=1e-14)
