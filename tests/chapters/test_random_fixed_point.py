"""The statements of the chapter on the random fixed point, each against an independent computation."""

import itertools
import warnings

import naive
import numpy as np
import pytest
from functions import mean, spread, tanh_units
from numpy.testing import assert_allclose
from reference import CHAIN, DATA, LAW
from scipy import optimize, stats

import rnnkernel as rk

INPUTS = DATA.inputs
OUTPUT, WEIGHTS = LAW.output, stats.norm(0.7, 1)
MODERATE = rk.InitialLaw(OUTPUT, WEIGHTS, stats.uniform(0.2, 0.6))
SIGNED = rk.InitialLaw(OUTPUT, WEIGHTS, lambda w: np.sin(3 * w[:, 0]) + 0.3)


def strong_map(q):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        return rk.MemoryMap(rk.InitialLaw(OUTPUT, WEIGHTS, stats.uniform(0, 2 * q)))


def network(law, n_units, seed):
    return rk.RNN.sample(law, n_units=n_units, beta=0.75, rng=seed)


def start_at(net, memory):
    """The same network with equal hidden units, such that it holds the given memory."""
    hidden = np.full(net.n_units, memory / net.recurrent.mean())
    return rk.RNN(net.output, net.inputs, net.recurrent, beta=net.beta, hidden=hidden)


def compose(memory, inputs, start):
    """Apply φ(x, ·) for each input, by hand and one point at a time."""
    for x in inputs:
        start = mean(memory.law, memory.law.recurrent_mean * tanh_units(memory.law, x, start))
    return start


def listened(net, x):
    """Memory of a network along inputs, unit by unit from its definition: m = (1/N) Σ B S, S = tanh(W x + m)."""
    state, memories = net.hidden, [np.mean(net.recurrent * net.hidden)]
    for each in x:
        state = np.tanh(net.inputs[:, 0] * each + memories[-1])
        memories.append(np.mean(net.recurrent * state))
    return np.array(memories)


# Contraction and forgetting


@pytest.mark.parametrize("law", [LAW, MODERATE, SIGNED])
def test_memory_map_contracts(law):
    memory = rk.MemoryMap(law)
    q = float(law.quadrature.weights @ np.abs(law.recurrent_mean))  # E|B|: B is positive, or a function of W
    assert_allclose(memory.contraction, q, rtol=1e-10)
    grid = np.linspace(-2, 2, 401)
    for x in (-1.0, 0.0, 1.5):
        h = 1e-5
        slope = (memory(x, grid + h) - memory(x, grid - h)) / (2 * h)
        assert_allclose(memory.derivative(x, grid), slope, atol=1e-9)
        assert np.abs(slope).max() <= q + 1e-9
        assert np.abs(memory(x, grid)).max() <= q
    if law is LAW:
        assert_allclose(memory.derivative(0.0, 0.0), 0.5, rtol=1e-12)  # the bound is attained: it cannot be improved
    lipschitz = float(law.quadrature.weights @ np.abs(law.recurrent_mean * law.quadrature.nodes[:, 0]))
    xs = np.linspace(-1, 1.5, 201)
    assert np.abs(np.diff(memory(xs, 0.1)) / np.diff(xs)).max() <= lipschitz


def test_two_starts_meet_at_the_rate_q():
    x, _ = DATA.simulate(15, rng=7)
    apart = rk.MemoryMap(LAW).forgetting(x, start=-0.5, other=0.5)
    steps = np.arange(16)
    assert apart[0] == 1
    assert (apart <= 0.5**steps).all()
    assert apart[10] > 1e-9  # a bound on zero would say nothing
    still = rk.MemoryMap(LAW).forgetting(np.zeros(15), start=-1e-6, other=1e-6)
    assert_allclose(still, 2e-6 * 0.5**steps, rtol=1e-6)  # at x = 0 and small m the bound is sharp
    for n_units in (3, 30):
        net = network(SIGNED, n_units, 8)
        q_n = np.abs(net.recurrent).mean()
        first, second = start_at(net, -0.3).trajectory(x), start_at(net, 0.6).trajectory(x)
        assert_allclose(first, listened(start_at(net, -0.3), x), rtol=1e-12, atol=1e-15)
        assert (np.abs(first - second) <= 0.9 * q_n**steps + 1e-15).all()
    net, quiet = network(MODERATE, 30, 8), np.zeros(15)  # B > 0: the bound is sharp for a network, too
    first, second = start_at(net, -1e-5).trajectory(quiet), start_at(net, 1e-5).trajectory(quiet)
    assert_allclose(second - first, 2e-5 * net.recurrent.mean() ** steps, rtol=1e-6)


# The random fixed point


def test_backward_iterates_converge_to_the_random_fixed_point():
    memory = rk.MemoryMap(LAW)
    history, _ = DATA.simulate(80, rng=9)
    limit = memory.fixed_point(history)
    a = 0.5
    for n in range(1, 20):
        for m in (-3.0, 0.0, 0.4):
            R = compose(memory, history[-n:], m)
            assert abs(R - limit) <= 0.5**n * (abs(m) + a)
            assert_allclose(memory.fixed_point(history[-n:], start=m), R, atol=1e-14)
    following = memory.fixed_point(np.append(history, 1.5))
    assert_allclose(following, compose(memory, [1.5], limit), atol=1e-14)  # M*_{k+1} = φ(X_k, M*_k)


def test_two_sided_solutions_are_unique():
    """Whatever memory is put in far back, at every present the solution is the same function of the past."""
    memory = rk.MemoryMap(SIGNED)
    assert memory.contraction < 1
    x, _ = DATA.simulate(400, rng=10)
    solutions = np.array([memory.trajectory(x, start=start) for start in (-0.9, -0.1, 0.3, 0.9)])
    late = solutions[:, 200:]
    assert np.ptp(late, axis=0).max() < 1e-12
    own = [memory.fixed_point(x[k - 150 : k]) for k in (250, 300, 399)]
    assert_allclose(late[0, [50, 100, 199]], own, atol=1e-12)
    assert np.std(late[0]) > 0.05  # a solution that is random, not a constant


def test_forward_and_backward_iterates_have_one_law():
    """All 2^8 words of inputs: forward, with probabilities by P from the first on; backward, by P̃ from the last back.

    The two laws are equal only if the chain starts in π, and only if the oldest input acts first.
    """
    memory, n, m = rk.MemoryMap(LAW), 8, 0.2
    pi, P = CHAIN.stationary_distribution, CHAIN.transition
    reverse = (pi[:, None] * P).T / pi[:, None]
    forward, backward, from_uniform = {}, {}, {}

    def add(law, value, probability):
        law[round(value, 10)] = law.get(round(value, 10), 0) + probability

    for word in itertools.product((0, 1), repeat=n):
        ahead = np.prod([P[i, j] for i, j in itertools.pairwise(word)])
        path = memory.trajectory(INPUTS[list(word)], start=m)
        add(forward, path[-1], pi[word[0]] * ahead)
        add(from_uniform, path[-1], 0.5 * ahead)
        back = np.prod([reverse[j, i] for i, j in itertools.pairwise(word)])
        add(backward, memory.fixed_point(INPUTS[list(word)], start=m), pi[word[-1]] * back)
        if word[:4] == (0, 1, 1, 0):
            assert_allclose(path[-1], compose(memory, INPUTS[list(word)], m), rtol=1e-12)
    assert forward == pytest.approx(backward, abs=1e-12)
    assert max(abs(from_uniform[value] - forward[value]) for value in forward) > 1e-2
    # |E h(M_n) − E h(M*)| ≤ q^n (|m| + a), for h(u) = u and the exact mean; and attained at x = 0, m → 0
    mean_memory = rk.StationaryLaw(DATA, memory).mean(lambda _, m: m)
    gap = abs(sum(value * p for value, p in forward.items()) - mean_memory)
    assert gap <= 0.5**n * (m + 0.5)
    for start in (-3.0, 0.2, 1.0, 3.0):  # and where it is tightest, after one step
        one_step = sum(p * memory.trajectory([x], start=start)[-1] for x, p in zip(INPUTS, pi, strict=True))
        assert abs(one_step - mean_memory) <= 0.5 * (abs(start) + 0.5)
    assert_allclose(memory.fixed_point(np.zeros(n), start=1e-5), 0.5**n * 1e-5, rtol=1e-6)
    long, _ = DATA.simulate(2000, rng=11)
    path = memory.trajectory(long, start=m)
    assert np.abs(np.diff(path[-200:])).max() > 0.1  # forward does not settle
    R = np.array([memory.fixed_point(long[-k:], start=m) for k in range(1, 60)])
    assert (np.abs(np.diff(R)) <= 0.5 ** np.arange(1, 59) * 0.7 + 1e-15).all()  # backward does


# Finite width


def memory_errors(law, n_units, x, seeds):
    limit = rk.MemoryMap(law).trajectory(x)
    return np.array([network(law, n_units, seed).trajectory(x) - limit for seed in range(seeds)])


def test_finite_width_error_stays_below_its_bound_at_all_times():
    x, _ = DATA.simulate(50, rng=18)
    memory = rk.MemoryMap(MODERATE)
    nu = max(spread(MODERATE, tanh_units(MODERATE, xi, m)) for xi, m in zip(x, memory.trajectory(x)[:-1], strict=True))
    for n_units in (50, 400):
        error = np.sqrt((memory_errors(MODERATE, n_units, x, 200) ** 2).mean(axis=0))
        part_1, part_2 = nu / np.sqrt(n_units) / 0.2, nu / np.sqrt(n_units) / 0.5
        assert_allclose(memory.finite_width_bound(n_units, x), part_1, rtol=1e-10)
        assert_allclose(memory.finite_width_bound(n_units), np.sqrt(0.28 / n_units) / 0.2, rtol=1e-10)  # E B² = 0.28
        assert error.max() < part_2 < part_1 < memory.finite_width_bound(n_units)
        assert error.max() > 0.3 * part_2  # of the right size too
    net = network(MODERATE, 50, 3)
    assert_allclose(net.trajectory(x), listened(net, x), rtol=1e-12, atol=1e-15)
    # from a wrong start: the sum of the two rates
    starts = [start_at(network(MODERATE, 400, seed), 0.5).trajectory(x) for seed in range(200)]
    fixed = memory.trajectory(np.append([1.5] * 60, x))[60:]
    distance = np.sqrt(((np.array(starts) - fixed) ** 2).mean(axis=0))
    assert (distance <= 0.5 ** np.arange(51) * abs(0.5 - fixed[0]) + memory.finite_width_bound(400)).all()


def test_finite_width_bounds_are_attained():
    """Equal B and nearly equal, small W: all errors have one sign, and each step shrinks them by q and no more."""
    small = rk.InitialLaw(OUTPUT, stats.norm(0, 0.01), stats.rv_discrete(values=([0.5], [1.0])))
    with pytest.warns(rk.AssumptionWarning):  # W is symmetric, so the limit's memory stays at zero
        memory = rk.MemoryMap(small)
    x, n_units, n_networks = np.ones(40), 100, 400
    paths = np.array([network(small, n_units, seed).trajectory(x) for seed in range(n_networks)])
    error = np.sqrt(np.mean(paths**2, axis=0)).max()
    uncertainty = 4 / np.sqrt(2 * n_networks)
    assert_allclose(error, 0.5 * 0.01 / np.sqrt(n_units) / (1 - 0.5), rtol=uncertainty)
    assert error <= memory.finite_width_bound(n_units, x) * (1 + uncertainty)
    assert memory.finite_width_bound(n_units, x) <= 1.25 * error
    # the start: M_0 − M*_0 is forgotten at the rate q^k and no faster, at x = 0
    late = start_at(network(small, n_units, 0), 1e-4).trajectory(np.zeros(10))
    assert_allclose(late, 1e-4 * 0.5 ** np.arange(11), rtol=1e-6)


def test_one_network_is_close_at_all_times_at_once():
    """LAW has L sup|B| = 1, so only the bound that uses q applies."""
    x, _ = DATA.simulate(2000, rng=19)
    nu_0 = max(spread(LAW, tanh_units(LAW, xi, m)) for xi in INPUTS for m in (-1.0, 1.0))
    nu_1 = max(spread(LAW, 1 - tanh_units(LAW, xi, m) ** 2) for xi in INPUTS for m in np.linspace(-1, 1, 51))
    for n_units in (100, 900):
        worst = np.abs(memory_errors(LAW, n_units, x, 40)).max(axis=1)
        bound = np.sqrt(2) * (nu_0 + nu_1) / (0.5 * np.sqrt(n_units))
        size = np.sqrt(np.mean(worst**2))
        assert size < bound
        assert bound < 6 * size
    # the two steps of the proof: for each network sup_k |m_k − M_k| ≤ Δ/(1 − q), and the size of Δ
    memory, grid = rk.MemoryMap(LAW), np.linspace(-1, 1, 101)
    limit = np.array([memory(xi, grid) for xi in INPUTS])
    gaps = []
    for seed in range(40):
        net = network(LAW, 900, seed)
        u = np.multiply.outer(INPUTS, net.inputs[:, 0])[:, None] + grid[:, None]
        gaps.append(np.tanh(u) @ net.recurrent / 900 - limit)
    at_ends = np.sqrt(np.mean(np.array(gaps)[:, :, [0, -1]] ** 2, axis=0)).max()
    assert_allclose(at_ends, nu_0 / 30, rtol=0.45)  # 40 networks: a standard error of 11 %, four times that
    largest = np.abs(gaps).max(axis=(1, 2))
    rises = np.abs(np.diff(gaps, axis=2)).sum(axis=2)  # ∫|G'| on the grid; from either end to the largest value
    halves = (np.abs(gaps)[:, :, [0, -1]].sum(axis=2) + rises) / 2
    assert (np.abs(gaps).max(axis=2) <= halves + 1e-15).all()
    assert (np.abs(gaps).max(axis=2) > 0.95 * halves).any()
    assert np.sqrt(np.mean((rises / 2) ** 2)) <= 1.05 * nu_1 / 30
    assert (worst <= largest / 0.5 * 1.001).all()
    assert np.sqrt(np.mean(largest**2)) <= np.sqrt(2) * (nu_0 + nu_1) / 30


def test_training_hardly_moves_memory():
    """Memory during training beside that of the network at the start, step by step, with all moves observed."""
    x, y = DATA.simulate(300, rng=21)
    for n_units in (100, 300):
        start = net = network(LAW, n_units, 22)
        frozen = start.trajectory(x)
        gap = eps_w = eps_b = 0.0
        for k in range(n_units):
            net = net.step(x[k], y[k], learning_rate=1.0)
            gap = max(gap, abs(net.memory - frozen[k + 1]))
            eps_w = max(eps_w, np.abs(net.inputs - start.inputs).max())
            eps_b = max(eps_b, np.abs(net.recurrent - start.recurrent).max())
        q_n = np.abs(start.recurrent).mean()
        assert 1e-4 < gap <= (eps_b + q_n * 1.5 * eps_w) / (1 - q_n)
    # the two terms of the bound are attained: by units at zero, and by saturated ones
    eps, C, B, x_ones = 1e-4, np.zeros(10), np.full(10, 0.5), np.ones(60)
    for W, move_w, move_b, largest in ((0.0, eps, 0.0, 0.5 * eps / (1 - 0.5)), (30.0, 0.0, eps, eps)):
        before = rk.RNN(C, np.full(10, W), B, beta=0.75).trajectory(x_ones)
        after = rk.RNN(C, np.full(10, W + move_w), B + move_b, beta=0.75).trajectory(x_ones)
        assert_allclose(np.abs(after - before).max(), largest, rtol=1e-6)
        assert np.abs(after - before).max() <= (move_b + 0.5 * move_w) / (1 - 0.5) * (1 + 1e-6)
    clip = 0.5
    for n_units in (100, 1600):
        start = network(LAW, n_units, 22)
        trained = rk.train(start, DATA, time=1.0, learning_rate=1.0, clip=clip, rng=25).network
        x, y = DATA.simulate(n_units, rng=25)
        parts, sigma = (start.output, start.inputs, start.recurrent, start.hidden), np.tanh
        options = {"beta": 0.75, "alpha": 1.0, "sigma": sigma, "prime": lambda u: 1 - np.tanh(u) ** 2, "clip": clip}
        if n_units == 100:  # the moves themselves, by the chain rule
            moved = naive.train(*parts, x[:, None], y, **options)[:3]
            found = (trained.output, trained.inputs, trained.recurrent)
            for before, after, expected in zip(parts, found, moved, strict=False):
                assert_allclose(after - before, expected - before, rtol=0, atol=1e-10 * np.abs(expected - before).max())
        creep = clip * n_units ** (0.75 - 1)  # the largest move of an output weight
        assert np.abs(trained.inputs - start.inputs).max() <= 1.5 * (1 + creep) * creep
        assert np.abs(trained.recurrent - start.recurrent).max() <= (1 + creep) * creep


# q ≥ 1


def test_three_fixed_points_as_soon_as_q_exceeds_one():
    for q in (0.5, 0.99):
        assert_allclose(strong_map(q).fixed_points(0.0), [0.0], atol=1e-9)
    for q in (1.05, 1.6, 3.0):
        memory = strong_map(q)
        roots = memory.fixed_points(0.0)
        assert len(roots) == 3
        assert_allclose(roots, q * np.tanh(roots), atol=1e-9)
        assert_allclose(roots[2], optimize.brentq(lambda m, q=q: q * np.tanh(m) - m, 1e-3, q), rtol=1e-9)
        assert (np.diff(roots) > 0).all()
        assert_allclose(memory.derivative(0.0, roots[1]), q, rtol=1e-9)
        assert memory.derivative(0.0, roots[2]) < 1
        assert_allclose(roots, -roots[::-1], atol=1e-9)


def test_two_invariant_intervals_hold_two_solutions():
    memory = strong_map(1.6)
    for loud in (0.2, 1.0):
        x = loud * np.random.default_rng(24).choice([-1.0, 1.0], 600)
        roots = [memory.fixed_points(xi) for xi in (-loud, loud)]
        bistable = len(roots[0]) == 3
        gap = memory.forgetting(x, start=-2.0, other=2.0)
        assert bistable == (loud == 0.2)
        if bistable:
            c, d = roots[0][-1], roots[1][-1]  # f₋(c) = c and f₊(d) = d
            assert 0 < c < d
            for xi in (-loud, loud):
                grid = memory(xi, np.linspace(c, d, 50))
                assert (np.diff(grid) > 0).all()
                assert c - 1e-9 <= grid[0]
                assert grid[-1] <= d + 1e-9
            for start, inside in ((c, (c, d)), (-c, (-d, -c))):  # two solutions, by hand, each in its interval
                path = memory.trajectory(x[:12], start=start)
                assert_allclose(path, [compose(memory, x[:k], start) for k in range(13)], rtol=1e-10)
                path = memory.trajectory(x, start=start)
                assert ((inside[0] - 1e-9 <= path) & (path <= inside[1] + 1e-9)).all()
            R = [memory.fixed_point(x[-n:], start=c) for n in range(1, 60)]
            assert (np.diff(R) >= -1e-12).all()
            assert gap[-1] > 2 * c
        else:
            assert gap[-1] < 1e-12
