"""The statements of the chapter on the random fixed point, each against an independent computation."""

import itertools
import warnings

import numpy as np
import pytest
from functions import mean, spread, tanh_units
from numpy.testing import assert_allclose
from reference import CHAIN, LAW
from scipy import stats

import rnnkernel as rk

INPUTS = np.array([-1.0, 1.5])
DATA = rk.DataSequence(CHAIN, INPUTS, [[-1.0, 1.5]] * 2)
OUTPUT, WEIGHTS = stats.uniform(-1, 2), stats.norm(0.7, 1)
MODERATE = rk.InitialLaw(OUTPUT, WEIGHTS, stats.uniform(0.2, 0.6))
SIGNED = rk.InitialLaw(OUTPUT, WEIGHTS, lambda w: np.sin(3 * w[:, 0]) + 0.3)
NARROW = rk.InitialLaw(OUTPUT, stats.norm(1, 0.2), stats.uniform(0, 0.8))


def strong_map(q, inputs=WEIGHTS):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        return rk.MemoryMap(rk.InitialLaw(OUTPUT, inputs, stats.uniform(0, 2 * q)))


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
        assert (np.abs(first - second) <= 0.9 * q_n**steps + 1e-15).all()
        assert abs(first[1] - second[1]) > 0


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
    """All 2^8 input words of a two-state chain with their probabilities: the two laws are equal, not only close."""
    memory, n, m = rk.MemoryMap(LAW), 8, 0.2
    pi, P = CHAIN.stationary_distribution, CHAIN.transition
    forward, backward, far = {}, {}, {}
    for word in itertools.product((0, 1), repeat=n):
        probability = pi[word[0]] * np.prod([P[i, j] for i, j in itertools.pairwise(word)])
        value = round(memory.trajectory(INPUTS[list(word)], start=m)[-1], 12)
        forward[value] = forward.get(value, 0) + probability
        R = m
        for state in word:  # time −n first: the oldest input is innermost
            R = compose(memory, [INPUTS[state]], R)
        backward[round(R, 12)] = backward.get(round(R, 12), 0) + probability
        far[word] = (probability, value)
    assert forward == pytest.approx(backward, abs=1e-12)
    assert sum(p for p, _ in far.values()) == pytest.approx(1)
    long, _ = DATA.simulate(2000, rng=11)
    path = memory.trajectory(long, start=m)
    assert np.abs(np.diff(path[-200:])).max() > 0.1  # forward does not settle
    R = np.array([memory.fixed_point(long[-k:], start=m) for k in range(1, 60)])
    assert (np.abs(np.diff(R)) <= 0.5 ** np.arange(1, 59) * 0.7 + 1e-15).all()  # backward does


# What it looks like


def test_disjoint_images_make_memory_invertible():
    memory = rk.MemoryMap(NARROW)
    low, high = (float(memory.fixed_points(x)[0]) for x in (-0.5, 0.5))
    border = (memory(-0.5, high) + memory(0.5, low)) / 2
    assert memory(-0.5, high) < border < memory(0.5, low)
    rng = np.random.default_rng(12)
    for _ in range(20):
        history = rng.choice([-0.5, 0.5], 60)
        value = memory.fixed_point(history)
        assert low <= value <= high
        for x in history[::-1][:12]:
            assert (value > border) == (x > 0)
            a, b = low, high
            for _ in range(60):
                middle = (a + b) / 2
                a, b = (middle, b) if memory(x, middle) < value else (a, middle)
            value = a


def test_cantor_set_has_length_zero():
    memory = rk.MemoryMap(NARROW)
    low, high = (float(memory.fixed_points(x)[0]) for x in (-0.5, 0.5))
    kappa = max(memory.derivative(x, np.linspace(low, high, 400)).max() for x in (-0.5, 0.5))
    assert kappa < 0.5
    intervals = np.array([[low, high]])
    for n in range(1, 11):
        intervals = np.concatenate([memory(x, intervals.ravel()).reshape(-1, 2) for x in (-0.5, 0.5)])
        lengths = np.diff(intervals)[:, 0]
        assert (lengths <= kappa**n * (high - low) * (1 + 1e-9)).all()
        assert (intervals[1:, 0] > intervals[:-1, 1]).all()  # disjoint, from left to right: latest input first
    assert lengths.sum() < (2 * kappa) ** 10 * (high - low) < 0.06 * (high - low)
    path = memory.trajectory(np.random.default_rng(13).choice([-0.5, 0.5], 2000))[50:]
    inside = (path[:, None] >= intervals[:, 0] - 1e-12) & (path[:, None] <= intervals[:, 1] + 1e-12)
    assert (inside.sum(axis=1) == 1).all()


@pytest.mark.parametrize(("q", "size", "sharp"), [(0.95, 0.5, 0.1), (0.1, 0.2, 0.8)])
def test_density_of_memory_is_bounded(q, size, sharp):
    """At most ρ/c, with ρ = 1/(2 size); nearly ρ/c if φ is nearly linear in x and hardly depends on m."""
    memory = strong_map(q, stats.norm(1, 0.2))
    x, m = np.meshgrid(np.linspace(-size, size, 41), np.linspace(-q, q, 81))
    w = memory.law.quadrature.nodes[:, 0]
    slope = (1 - np.tanh(np.multiply.outer(x, w) + m[..., None]) ** 2) @ (
        memory.law.quadrature.weights * memory.law.recurrent_mean * w
    )
    c = slope.min()
    assert c > 0
    rng = np.random.default_rng(14)
    values = np.zeros(40_000)
    for _ in range(60):
        values = memory(rng.uniform(-size, size, values.size), values)
    count, edges = np.histogram(values, 40)
    width = edges[1] - edges[0]
    density, error = count / values.size / width, np.sqrt(count) / values.size / width
    bound = 1 / (2 * size * c)
    assert (density <= bound + 5 * error).all()
    assert density.max() > sharp * bound


# How far back


def test_old_inputs_matter_geometrically_little():
    memory = rk.MemoryMap(LAW)
    recent, _ = DATA.simulate(10, rng=15)
    lipschitz = float(LAW.quadrature.weights @ np.abs(LAW.recurrent_mean * LAW.quadrature.nodes[:, 0]))
    rng = np.random.default_rng(16)
    for n in range(11):
        pasts = [np.append(rng.choice(INPUTS, 60), recent[10 - n :]) for _ in range(2)]
        gap = abs(memory.fixed_point(pasts[0]) - memory.fixed_point(pasts[1]))
        assert gap <= 2 * 0.5 * 0.5**n
        other = pasts[0] + rng.uniform(-0.1, 0.1, len(pasts[0]))
        weights = 0.5 ** np.arange(len(other))[::-1]
        gap = abs(memory.fixed_point(pasts[0]) - memory.fixed_point(other))
        assert 0 < gap <= lipschitz * weights @ np.abs(pasts[0] - other)
    quiet = np.zeros(8)  # at x = 0 and small m each step costs the factor q exactly
    pasts = [np.full(60, each) for each in (-0.01, 0.01)]
    old = memory.fixed_point(pasts[1]) - memory.fixed_point(pasts[0])
    late = [memory.fixed_point(np.append(past, quiet)) for past in pasts]
    assert_allclose(late[1] - late[0], 0.5**8 * old, rtol=1e-3)
    for j in (1, 2, 5):  # one input moved, j steps back
        moved = np.zeros(60)
        moved[-j] = 1e-3
        gap = abs(memory.fixed_point(moved) - memory.fixed_point(np.zeros(60)))
        assert 0.7 < gap / (lipschitz * 0.5 ** (j - 1) * 1e-3) <= 1
    length = int(np.ceil(np.log(1e-6 / 1.0) / np.log(0.5)))
    assert 0.5**length <= 1e-6 < 0.5 ** (length - 1)


def test_lyapunov_exponent_is_the_rate_of_forgetting():
    memory = rk.MemoryMap(MODERATE)
    x, _ = DATA.simulate(400, rng=17)
    M = memory.trajectory(x)
    log_slopes = np.log(memory.derivative(x, M[:-1]))
    for n in (10, 20):
        apart = memory.forgetting(x[:n], start=-0.4, other=0.4)[-1]
        exact = np.log(0.8) + log_slopes[:n].sum()
        assert abs(np.log(apart) - exact) < 1.0  # a constant: the same for both n
    apart = np.log(memory.forgetting(x[:14], -0.4, 0.4))
    assert_allclose(apart[14] - apart[6], log_slopes[6:14].sum(), atol=2e-3)
    h = 1e-6
    derivative = (memory.trajectory(x[:8], start=h)[-1] - memory.trajectory(x[:8], start=-h)[-1]) / (2 * h)
    assert_allclose(np.log(derivative), log_slopes[:8].sum(), atol=1e-4)
    assert log_slopes.max() <= np.log(memory.contraction)


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
    # from a wrong start: the sum of the two rates
    starts = [start_at(network(MODERATE, 400, seed), 0.5).trajectory(x) for seed in range(200)]
    fixed = memory.trajectory(np.append([1.5] * 60, x))[60:]
    distance = np.sqrt(((np.array(starts) - fixed) ** 2).mean(axis=0))
    assert (distance <= 0.5 ** np.arange(51) * abs(0.5 - fixed[0]) + memory.finite_width_bound(400)).all()


def test_one_network_is_close_at_all_times_at_once():
    """LAW has L sup|B| = 1, so only the bound that uses q applies."""
    x, _ = DATA.simulate(2000, rng=19)
    nu_0 = max(spread(LAW, tanh_units(LAW, xi, 0.0)) for xi in INPUTS)
    nu_1 = max(spread(LAW, 1 - tanh_units(LAW, xi, m) ** 2) for xi in INPUTS for m in np.linspace(-1, 1, 51))
    for n_units in (100, 900):
        worst = np.abs(memory_errors(LAW, n_units, x, 40)).max(axis=1)
        bound = np.sqrt(2) * (nu_0 + 2 * nu_1) / (0.5 * np.sqrt(n_units))
        assert bound / 20 < np.sqrt(np.mean(worst**2)) < bound
    # the two steps of the proof: for each network sup_k |m_k − M_k| ≤ Δ/(1 − q), and the size of Δ
    memory, grid = rk.MemoryMap(LAW), np.linspace(-1, 1, 101)
    limit = np.array([memory(xi, grid) for xi in INPUTS])
    gaps = []
    for seed in range(40):
        net = network(LAW, 900, seed)
        u = np.multiply.outer(INPUTS, net.inputs[:, 0])[:, None] + grid[:, None]
        gaps.append(np.abs(np.tanh(u) @ net.recurrent / 900 - limit))
    at_zero = np.sqrt(np.mean(np.array(gaps)[:, :, 50] ** 2, axis=0)).max()
    assert_allclose(at_zero, nu_0 / 30, rtol=0.35)  # 40 networks: a standard error of 11 %
    largest = np.max(gaps, axis=(1, 2))
    assert (worst <= largest / 0.5 * 1.001).all()
    assert np.sqrt(np.mean(largest**2)) <= np.sqrt(2) * (nu_0 + 2 * nu_1) / 30


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
    clip = 0.5
    for n_units in (100, 1600):
        start = network(LAW, n_units, 22)
        trained = rk.train(start, DATA, time=1.0, learning_rate=1.0, clip=clip, rng=25).network
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
            R = [memory.fixed_point(x[-n:], start=c) for n in range(1, 60)]
            assert (np.diff(R) >= -1e-12).all()
            assert gap[-1] > 2 * c
        else:
            assert gap[-1] < 1e-12
