"""What the chapter on real sequences states, against the package and against plain formulas."""

import warnings
from pathlib import Path

import naive
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

import rnnkernel as rk

LAW = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 0.9))
DATA = Path(__file__).parents[2] / "book" / "data"


@pytest.fixture(scope="module")
def record():
    """A short record with nothing to recommend it, and its length."""
    rng = np.random.default_rng(3)
    return rng.normal(0, 1.5, 7), rng.normal(0, 1, 7)


@pytest.fixture(scope="module")
def cyclic(record):
    """The record as a periodic chain of its steps, for which the package computes μ without a trajectory."""
    x, y = record
    chain = rk.MarkovChain(np.roll(np.eye(len(x)), 1, axis=1))
    return rk.KernelLimit(rk.DataSequence(chain, inputs=x, targets=y), LAW, learning_rate=0.7)


def cycle_memory(memory, x):
    return memory.trajectory(np.tile(x, 60))[-len(x) - 1 : -1]


def stopped(gram, y, t, alpha):
    """a(t) of g_t = Σ_k a_k(t) K(·, z_k): rows of the identity follow it."""
    return rk.gradient_flow(np.vstack([gram, np.eye(len(y))]), y, t, learning_rate=alpha)[len(y) :]


def test_memory_becomes_periodic(record):
    x, _ = record
    memory, n = rk.MemoryMap(LAW), len(x)
    orbit = cycle_memory(memory, x)
    np.testing.assert_allclose(memory(x, orbit), np.roll(orbit, -1), atol=1e-14)  # n-periodic, and follows φ
    for start in (-2.0, 0.0, 0.3, 5.0):
        track = memory.trajectory(np.tile(x, 4), start=start)[:-1]
        apart = np.abs(track - np.tile(orbit, 4))
        bound = memory.contraction ** np.arange(4 * n) * abs(start - orbit[0])
        assert (apart <= bound + 1e-13).all()
    still = rk.MemoryMap(LAW).trajectory(np.zeros(3), start=0.2)  # the bound is nearly attained where W does not act
    assert still[1] > 0.9 * memory.contraction * 0.2 - abs(memory(0.0, 0.0))
    assert abs(orbit[0]) > 0.05  # so that a start at zero differs


def test_averages_over_cycles():
    """The Poisson equation of a cycle against the package, and the bound (n/2N)(H + TH') where it is attained."""
    x = np.random.default_rng(0).normal(size=6)
    chain = rk.MarkovChain(np.roll(np.eye(6), 1, axis=1))
    mu = rk.StationaryLaw(rk.DataSequence(chain, inputs=x, targets=x), rk.MemoryMap(LAW))
    solution = mu.solve_poisson(lambda x, _: x)
    by_hand = -np.append(0, np.cumsum(x - x.mean())[:-1])
    u = solution(np.arange(6), np.zeros(6))
    np.testing.assert_allclose(u, by_hand - by_hand.mean(), atol=1e-12)
    np.testing.assert_allclose(u - np.roll(u, -1), x - x.mean(), atol=1e-12)
    assert abs(solution.asymptotic_variance) < 1e-12  # no martingale

    def largest(f, n, N, T):
        """max_k of the left side, for f(t, j) with cycle means removed."""
        j = np.arange(round(T * N))
        means = np.mean([f(j / N, i) for i in range(n)], axis=0)
        return np.abs(np.cumsum(f(j / N, j % n) - means)).max() / N

    n, N, T = 10, 200, 1.5
    halves = np.where(np.arange(n) < n / 2, 1.0, -1.0)
    assert largest(lambda t, j: halves[j] + 0 * t, n, N, T) == pytest.approx(n / (2 * N))  # H = 1, H' = 0
    turn = 2 * np.pi / n
    moving = largest(lambda t, j: np.cos(turn * j) * np.cos(turn * t * N), n, N, T)  # H = 1, H' = 2πN/n
    assert n / (2 * N) < 0.2 * moving  # the term TH' is needed
    assert moving <= n / (2 * N) * (1 + T * turn * N)
    assert moving > 0.15 * n / (2 * N) * (1 + T * turn * N)


def test_limit_of_a_record_is_that_of_a_cyclic_chain(record, cyclic):
    """Memory M°, and the flow of {prop-real-filter}, against collocation on the chain that walks round the record."""
    x, y = record
    m = cycle_memory(cyclic.memory_map, x)
    mu = cyclic.stationary
    assert mu.mean(lambda _, m: m) == pytest.approx(m.mean(), abs=1e-12)
    assert mu.mean(lambda x, m: x * m**2) == pytest.approx((x * m**2).mean(), abs=1e-12)
    gram = cyclic.kernel(x, m, x, m)
    where = {"x": [-1.0, 2.0], "memory": [0.1, -0.3]}
    for t in (0.5, 20.0):
        by_hand = cyclic.kernel(*where.values(), x, m) @ stopped(gram, y, t, 0.7)
        np.testing.assert_allclose(cyclic.predict(t, **where), by_hand, rtol=1e-9)
    one_reading = rk.KernelLimit((x, y), LAW, learning_rate=0.7)
    many = rk.KernelLimit((np.tile(x, 60), np.tile(y, 60)), LAW, learning_rate=0.7)
    exact = cyclic.predict(20.0, **where)
    assert np.abs(one_reading.predict(20.0, **where) - exact).max() > 0.01  # seven steps: the start shows
    assert np.abs(many.predict(20.0, **where) - exact).max() < 2e-3


def test_a_record_is_read_in_cycles(record):
    """Three and a bit readings by a network are as many naive steps: weights, times and predictions."""
    x, y = record
    network = rk.RNN.sample(LAW, n_units=12, beta=0.75, rng=0)
    where = {"x": [-1.0, 2.0], "memory": [0.1, -0.3]}
    run = rk.train(network, (x, y), time=2.0, learning_rate=0.7, n_records=24, points=tuple(where.values()))
    order = np.arange(24) % len(x)
    weights = network.output, network.inputs, network.recurrent, network.hidden
    numbers = {"beta": 0.75, "alpha": 0.7, "sigma": np.tanh, "prime": lambda u: 1 - np.tanh(u) ** 2}
    C, W, B, *_ = naive.train(*weights, x[order, None], y[order], **numbers)
    for found, expected in zip((run.network.output, run.network.inputs, run.network.recurrent), (C, W, B), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(run.times, np.arange(1, 25) / 12)
    last = 12**-0.75 * C @ np.tanh(W * where["x"] + where["memory"])
    np.testing.assert_allclose(run.predictions[-1], last, rtol=1e-9)


def test_networks_follow_any_record(record, cyclic):
    """No ergodicity, period seven: sup over times and points falls with N, towards M° and not towards M_0 = 0."""
    x, y = record
    m = cycle_memory(cyclic.memory_map, x)
    wrong = rk.KernelLimit((x, y), LAW, learning_rate=0.7)
    gaps = []
    for n_units in (100, 800, 6400):
        squares, ends = [], []
        for seed in range(6):
            network = rk.RNN.sample(LAW, n_units=n_units, beta=0.75, rng=seed, paired=True)
            run = rk.train(network, (x, y), time=6.0, learning_rate=0.7, n_records=12, points=(x, m))
            squares.append(np.abs(run.predictions - cyclic.predict(run.times, x, m)).max() ** 2)
            ends.append(run.predictions[-1])
        gaps.append(np.sqrt(np.mean(squares)))
    assert gaps[1] < 0.75 * gaps[0]  # 8^(−1/4) = 0.59 is guaranteed in the limit
    assert gaps[2] < 0.75 * gaps[1]
    right, other = (np.mean((ends - each.predict(6.0, x, m)) ** 2) ** 0.5 for each in (cyclic, wrong))
    assert right < 0.5 * other


def test_order_of_the_record_costs_one_over_N(record, cyclic):
    """Kernel regression trained online has no random units: its distance to the flow falls like n/N."""
    x, y = record
    m = cycle_memory(cyclic.memory_map, x)
    gram = cyclic.kernel(x, m, x, m)
    errors = []
    for N in (700, 1400, 2800):
        a, worst = np.zeros(len(y)), 0.0
        for k in range(4 * N):
            j = k % len(y)
            a[j] += 0.7 / N * (y[j] - gram[j] @ a)
            if k % 50 == 0:
                worst = max(worst, np.abs(gram @ (a - stopped(gram, y, (k + 1) / N, 0.7))).max())
        errors.append(worst)
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.1)

    errors, N = [], 5600
    for stretch in (2, 4, 8):  # each pair several times in a row: a record as many times as long, with the same law
        a, worst = np.zeros(len(y)), 0.0
        for k in range(2 * N):
            j = k // stretch % len(y)
            a[j] += 0.7 / N * (y[j] - gram[j] @ a)
            if k % 9 == 0:
                worst = max(worst, np.abs(gram @ (a - stopped(gram, y, (k + 1) / N, 0.7))).max())
        errors.append(worst)
    np.testing.assert_allclose(np.divide(errors[1:], errors[:-1]), 2, rtol=0.15)


def test_the_limit_is_kernel_regression_stopped_early():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=30), rng.normal(size=30)
    limit = rk.KernelLimit((x, y), LAW, learning_rate=0.7)
    m = limit.memory_map.trajectory(x)[:-1]
    gram = limit.kernel(x, m, x, m)
    slow = solve_ivp(lambda _, p: 0.7 / 30 * gram @ (y - p), (0, 9), np.zeros(30), rtol=1e-10, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(limit.predict(9.0, x, m), slow, atol=1e-7)
    eigenvalues, V = np.linalg.eigh(gram / 30)
    np.testing.assert_allclose(y - slow, V @ (np.exp(-0.7 * 9 * eigenvalues) * (V.T @ y)), atol=1e-7)
    np.testing.assert_allclose(limit.eigenvalues[:6], eigenvalues[::-1][:6], rtol=1e-8)
    np.testing.assert_allclose(limit.mode_shares(9.0)[:6], 1 - np.exp(-0.7 * 9 * eigenvalues[::-1][:6]), rtol=1e-8)
    assert (np.diff(limit.loss(np.geomspace(0.1, 1e4, 50))) < 0).all()

    rho = 1 / (0.7 * 9)  # ridge: its shares λ/(λ + ρ), from its own normal equations
    ridge = gram @ np.linalg.solve(gram + 30 * rho * np.eye(30), y)
    np.testing.assert_allclose(V.T @ ridge, eigenvalues / (eigenvalues + rho) * (V.T @ y), atol=1e-10)
    large = eigenvalues > 1e-3 * eigenvalues.max()
    shares = (V.T @ slow)[large] / (V.T @ ridge)[large]
    assert shares.min() > 1 - 1e-6  # at ρ = 1/(αt), and at no other
    assert 1.1 < shares.max() < 1.3
    s = np.geomspace(1e-6, 1e4, 200_001)
    ratio = -np.expm1(-s) * (1 + s) / s
    assert ratio.min() >= 1 - 1e-12
    assert 1.298 < ratio.max() < 1.3
    assert 1.768 * np.exp(-1.768) > 0.3  # what the proof uses
    assert 1.768 + 1 / 1.768 > 0.7 / 0.3


def test_plain_memory_is_even():
    inputs = [stats.norm(0, 1), stats.norm(0.5, 1)]
    plain = rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), inputs, stats.uniform(0, 1)))
    signed = rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), inputs, lambda W: 0.9 * np.sign(W[:, 0])))
    z, m = np.linspace(0.1, 3, 30), np.linspace(-0.5, 0.5, 30)
    up, down = np.column_stack([z, np.ones(30)]), np.column_stack([-z, np.ones(30)])
    np.testing.assert_allclose(plain(up, m), plain(down, m), atol=1e-13)
    nodes = np.linspace(-9, 9, 2001)  # of a trapezoidal rule: W·x is normal with mean ½ and variance 1 + z², E B = ½
    weights = np.exp(-(nodes**2) / 2)
    by_hand = 0.5 * np.tanh(0.5 + np.sqrt(1 + z**2)[:, None] * nodes + m[:, None]) @ weights / weights.sum()
    np.testing.assert_allclose(plain(up, m), by_hand, atol=1e-9)
    assert (signed(up, m) > signed(down, m) + 0.05).all()


def test_records_are_what_the_chapter_says():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = np.genfromtxt(DATA / "sunspots.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(table["year"], np.arange(1700, 2009))
    assert table["number"].min() == 0
    assert table["year"][table["number"].argmax()] == 1957
    np.testing.assert_array_equal(table["number"][[0, 1, 2, -1]], [5, 11, 16, 2.9])
