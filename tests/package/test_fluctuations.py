"""The law of the error: closed forms, exact derivatives in the initial law, simulation, and reference numbers."""

from itertools import pairwise, product

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats
from scipy.linalg import expm

import rnnkernel as rk

X, M = [-1.0, -1.0, 1.5, 1.5], [-0.2, 0.1, 0.1, 0.4]
PARTS = ("initial_output", "data", "finite_width")

# A law with finitely many units, so that expectations are sums: C has a kurtosis, B a variance given W.
UNITS = rk.InitialLaw(
    output=stats.rv_discrete(values=([-2.0, -0.5, 0.5, 2.0], [0.1, 0.4, 0.4, 0.1])),
    inputs=stats.rv_discrete(values=([-0.5, 0.4, 1.3], [0.3, 0.3, 0.4])),
    recurrent=stats.rv_discrete(values=([-0.1, 0.6], [0.5, 0.5])),
)
HIDDEN = rk.DataSequence(  # states 1 and 2 share an input; the target depends on the transition and is noisy
    rk.MarkovChain([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.5, 0.2, 0.3]]),
    inputs=[-1.0, 0.8, 0.8],
    targets=[[-1.0, 0.5, 1.0], [0.3, 2.0, -1.0], [1.0, 0.0, -0.5]],
    noise=0.4,
)


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW)


def variances(limit, t, x=X, memory=M):
    fluct = limit.fluctuations(t, x, memory)
    return np.array([getattr(fluct, part) for part in PARTS])


def test_reference_numbers(limit):
    initial, data, width = variances(limit, 2.0)
    np.testing.assert_allclose(np.sqrt(initial), [0.1125, 0.1281, 0.1204, 0.1368], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(data), [0.4816, 0.4428, 0.5436, 0.5545], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(width), [0.1108, 0.1205, 0.1068, 0.1056], atol=5e-5)
    paired = limit.fluctuations(2.0, X, M).std(n_units=400, beta=0.6, paired=True)
    np.testing.assert_allclose(20 * paired, [0.5065, 0.4744, 0.5642, 0.5743], atol=5e-5)


def test_at_time_zero_there_is_only_the_initial_output(limit):
    initial, data, width = variances(limit, 0.0)
    W, weights = limit.law.quadrature
    expected = np.tanh(np.outer(X, W) + np.array(M)[:, None]) ** 2 @ weights / 3
    np.testing.assert_allclose(initial, expected, rtol=1e-13)
    assert not data.any()
    assert not width.any()


def limit_of_units(data, units, t, x, m, n_steps=7):
    """The limit for finitely many units, rows (chance, C², W, B): g_t(z), and what is left at z of each σ_i at time t.

    Memory is followed along all paths of n_steps from zero, and learning in the space of all features.
    """
    chance, C2, W, B = units.T

    def features(inputs, memory):
        u = np.outer(inputs, W) + memory[:, None]
        return np.hstack([np.sqrt(chance) * np.tanh(u), inputs[:, None] * np.sqrt(chance * C2) / np.cosh(u) ** 2])

    paths = np.array(list(product(range(data.chain.n_states), repeat=n_steps + 1)))
    weights = data.chain.stationary_distribution[paths[:, 0]]
    memory = np.zeros(len(paths))
    for now, after in pairwise(paths.T):
        weights = weights * data.chain.transition[now, after]
        memory = np.tanh(np.outer(data.inputs[now], W) + memory[:, None]) @ (chance * B)
    last = paths[:, -1]
    F, at_points = features(data.inputs[last], memory), features(np.array(x), np.array(m))
    S, b = (F.T * weights) @ F, F.T @ (weights * data.mean_target[last])
    n = len(b)
    propagator = expm(t * np.block([[-S, b[:, None]], [np.zeros((1, n + 1))]]))
    left = at_points @ propagator[:n, : len(chance)] / np.sqrt(chance)
    return at_points @ propagator[:n, n], left


def all_units(law):
    """Every unit of a discrete law as a row (chance, C², W, B); C and −C count as one."""
    positive = law.output.xk > 0
    laws = [(law.output.xk[positive] ** 2, 2 * law.output.pk[positive])]
    laws += [(each.xk, each.pk) for each in (law.inputs[0], law.recurrent)]
    values, chances = ([np.array(list(product(*part)))] for part in zip(*laws, strict=True))
    return np.column_stack([chances[0].prod(axis=1), values[0]])


def test_initial_output_is_the_sum_over_units_of_what_learning_leaves():
    x, m = [-1.0, 0.8, 0.3], [0.1, -0.2, 0.4]
    units = all_units(UNITS)
    _, left = limit_of_units(HIDDEN, units, 1.5, x, m)
    expected = left**2 @ (units[:, 0] * units[:, 1])
    np.testing.assert_allclose(variances(rk.KernelLimit(HIDDEN, UNITS), 1.5, x, m)[0], expected, rtol=1e-5)


def test_finite_width_is_the_variance_of_the_derivative_in_the_initial_law():
    """N^{-1/2} Σ_i ρ(unit i), and ρ − E ρ is the derivative of g_t along (1 − ε) λ + ε δ_unit."""
    x, m, eps = [-1.0, 0.8, 0.3], [0.1, -0.2, 0.4], 1e-4
    units = all_units(UNITS)
    expected = np.zeros(3)
    for i, chance in enumerate(units[:, 0]):
        g = []
        for step in (eps, -eps):
            moved = units.copy()
            moved[:, 0] *= 1 - step
            moved[i, 0] += step
            g.append(limit_of_units(HIDDEN, moved, 1.5, x, m)[0])
        expected += chance * ((g[0] - g[1]) / (2 * eps)) ** 2
    np.testing.assert_allclose(variances(rk.KernelLimit(HIDDEN, UNITS), 1.5, x, m)[2], expected, rtol=1e-4)


def test_data_without_memory_is_a_sum_over_transitions():
    """B = 0: D = (y_ij + noise − f*_i) h_i + u_j − (Pu)_i over transitions i → j, (I − P)u = r h − π(r h)."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), recurrent=lambda W: np.zeros(len(W)))
    limit, x, m = rk.KernelLimit(HIDDEN, law), [-1.0, 0.8, 2.0], [0.0, 0.0, 0.5]
    P, pi, inputs = HIDDEN.chain.transition, HIDDEN.chain.stationary_distribution, HIDDEN.inputs
    A = limit.kernel(inputs, 0.0, inputs, 0.0) * pi
    nodes, weights = np.polynomial.legendre.leggauss(20)
    expected = np.zeros(3)
    for t, weight in zip(1.0 + nodes, weights, strict=True):
        r = expm(-t * A) @ HIDDEN.mean_target
        for p, h in enumerate(limit.kernel(x, m, inputs, 0.0) @ expm(-(2.0 - t) * A.T)):
            u = np.linalg.solve(np.eye(3) - P + pi, r * h - pi @ (r * h))
            D = (HIDDEN.targets - HIDDEN.mean_target[:, None]) * h[:, None] + u - (P @ u)[:, None]
            expected[p] += weight * (pi @ (P * D**2).sum(axis=1) + HIDDEN.noise**2 * pi @ h**2)
    np.testing.assert_allclose(variances(limit, 2.0, x, m)[1], expected, rtol=1e-9)


def test_data_against_learning_with_the_limit_kernel():
    """Many runs of θ += (α/n) e_k F(z_k) with the kernel's features F and the memory of the limit."""
    n, n_seeds, time, alpha = 400, 6000, 1.5, 1.3
    limit = rk.KernelLimit(HIDDEN, UNITS, learning_rate=alpha)
    x, m = [-1.0, 0.8, 0.3], [0.1, -0.2, 0.4]
    rng = np.random.default_rng(1)
    states = np.array([HIDDEN.chain.simulate(round(time * n) + 51, rng=rng) for _ in range(n_seeds)]).T
    memory, theta = np.zeros(n_seeds), 0.0
    for k, (now, after) in enumerate(pairwise(states)):
        if k >= 50:
            F = limit.kernel.features(HIDDEN.inputs[now], memory)
            y = HIDDEN.targets[now, after] + HIDDEN.noise * rng.standard_normal(n_seeds)
            theta = theta + (alpha / n) * (y - (F * theta).sum(axis=1))[:, None] * F
        memory = limit.memory_map(HIDDEN.inputs[now], memory)
    outputs = theta @ limit.kernel.features(x, m).T
    predicted = variances(limit, time, x, m)[1]
    # A sample variance of n_seeds − 1 degrees of freedom is a chi-square; the next order is a share 1/n times a few.
    np.testing.assert_allclose(n * outputs.var(axis=0, ddof=1) / predicted, 1.0, atol=4 * np.sqrt(2 / n_seeds) + 4 / n)
    error = np.sqrt(predicted / n / n_seeds)
    np.testing.assert_allclose(outputs.mean(axis=0), limit.predict(time, x, m), atol=4 * error.max() + 4 / n)


@pytest.mark.parametrize("time", [0.0, 0.7, 40.0, 4000.0])
def test_one_state(time):
    """One state with noise: D = η s K(z, z*), and σ at z has left what its projection on z* has learned."""
    data = rk.DataSequence(rk.MarkovChain([[1.0]]), inputs=[1.5], targets=[2.0], noise=0.3)
    limit = rk.KernelLimit(data, LAW, learning_rate=0.5)
    star = limit.memory_map.fixed_points(1.5)[0]
    W, weights = limit.law.quadrature
    k, sections = limit.kernel(1.5, star, 1.5, star)[0, 0], limit.kernel(X, M, 1.5, star)[:, 0]
    initial, noise, _ = variances(limit, time)
    np.testing.assert_allclose(noise, 0.5 * 0.09 * sections**2 * -np.expm1(-time * k) / (2 * k), rtol=1e-9)
    left = np.tanh(np.outer(X, W) + np.array(M)[:, None])
    left += np.outer(np.expm1(-0.5 * k * time) * sections / k, np.tanh(1.5 * W[:, 0] + star))
    np.testing.assert_allclose(initial, left**2 @ weights / 3, rtol=1e-7)  # long times see modes near rounding


def test_learning_rate_and_time_enter_as_a_product():
    slow = variances(rk.KernelLimit(DATA, LAW, learning_rate=0.5), 3.0)
    fast = variances(rk.KernelLimit(DATA, LAW, learning_rate=1.5), 1.0)
    np.testing.assert_allclose(fast, slow * [[1], [3], [1]], rtol=1e-9)


def test_small_learning_rates():
    """To first order in α only the initial output is seen; the others vanish as α² t and (αt)²."""
    small, smaller = (variances(rk.KernelLimit(DATA, LAW, learning_rate=a), 1.0) for a in (1e-4, 1e-5))
    np.testing.assert_allclose(small, smaller * [[1], [100], [100]], rtol=2e-3)


def test_times_and_points_are_computed_one_by_one(limit):
    together = variances(limit, [0.0, 2.0, 7.0])
    assert together.shape == (3, 3, 4)
    np.testing.assert_allclose(together[:, 1], variances(limit, 2.0), rtol=1e-12)
    np.testing.assert_allclose(together[:, 2, 3], variances(limit, 7.0, 1.5, 0.4)[:, 0], rtol=1e-12)
    assert variances(limit, []).shape == (3, 0, 4)
    assert variances(limit, [1.0], [], []).shape == (3, 1, 0)


def test_many_points_are_computed_in_blocks(limit, monkeypatch):
    whole = variances(limit, 2.0)
    monkeypatch.setattr("rnnkernel.fluctuations._BLOCK", 1)
    np.testing.assert_allclose(variances(limit, 2.0), whole, rtol=1e-12)


def test_long_times_are_resolved(limit, monkeypatch):
    coarse = variances(limit, [30.0, 1e4, 1e7])
    monkeypatch.setattr("rnnkernel._response.ORDER", 32)
    np.testing.assert_allclose(coarse, variances(limit, [30.0, 1e4, 1e7]), rtol=1e-6)


def test_nodes_converge():
    def at(n_nodes):
        return variances(rk.KernelLimit(DATA, LAW, n_nodes=n_nodes), 2.0)

    errors = [np.abs(at(n) / at(48) - 1).max() for n in (4, 8, 16, 32)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 1e-3
    assert max(errors[2:]) < 1e-8


def test_an_input_that_is_zero_changes_nothing(limit):
    law = rk.InitialLaw(LAW.output, stats.norm(0.7, 1), LAW.recurrent, n_inputs=2)
    wide = rk.DataSequence(DATA.chain, inputs=[[-1.0, 0.0], [1.5, 0.0]], targets=DATA.targets)
    points = np.column_stack([X, np.zeros(4)])
    np.testing.assert_allclose(
        variances(rk.KernelLimit(wide, law), 2.0, points),
        variances(limit, 2.0),
        rtol=1e-8,
    )


def test_the_axes_of_the_input_do_not_matter():
    """A rotated input with centred, rotation-invariant W: the same network."""
    angle = np.array([0.6, 0.8])
    law1 = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0, 1), stats.uniform(0.2, 0.6))
    law2 = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0, 1), stats.uniform(0.2, 0.6), n_inputs=2)
    turned = rk.DataSequence(DATA.chain, inputs=np.outer([-1.0, 1.5], angle), targets=DATA.targets)
    with pytest.warns(rk.AssumptionWarning):
        one, two = rk.KernelLimit(DATA, law1), rk.KernelLimit(turned, law2)
    np.testing.assert_allclose(variances(two, 2.0, np.outer(X, angle)), variances(one, 2.0), rtol=1e-6)


def test_a_state_split_in_two_changes_nothing(limit):
    """State 1 as two hidden copies that behave alike."""
    P = [[0.9, 0.04, 0.06], [0.3, 0.5, 0.2], [0.3, 0.1, 0.6]]
    split = rk.DataSequence(rk.MarkovChain(P), inputs=[-1.0, 1.5, 1.5], targets=[[-1.0, 1.5, 1.5]] * 3)
    np.testing.assert_allclose(variances(rk.KernelLimit(split, LAW), 2.0), variances(limit, 2.0), rtol=1e-9)


def test_std_and_band(limit):
    fluct = limit.fluctuations([1.0, 2.0], X, M)
    G, S, V = fluct.initial_output, fluct.data, fluct.finite_width
    b, bias, of_pairs, F, R = fluct.next_order
    np.testing.assert_allclose(fluct.std(n_units=100, beta=0.75), np.sqrt(G / 10 + (S + V + F) / 100 + R / 1000))
    np.testing.assert_allclose(fluct.std(n_units=100, beta=0.75, paired=True), np.sqrt(S / 100 + 2 * V / 100))
    np.testing.assert_allclose(fluct.std(n_units=100, beta=0.5), np.sqrt(G + (S + V + F + R) / 100))
    mean = limit.predict([1.0, 2.0], X, M) + b / 10
    np.testing.assert_allclose(fluct.mean(n_units=100, beta=0.75), mean + bias / 100)
    np.testing.assert_allclose(fluct.mean(n_units=100, beta=0.75, paired=True), mean + of_pairs / 100)
    low, high = fluct.band(n_units=100, beta=0.6, level=0.9)
    np.testing.assert_allclose((low + high) / 2, fluct.mean(n_units=100, beta=0.6))
    np.testing.assert_allclose(high - low, 2 * stats.norm.ppf(0.95) * fluct.std(n_units=100, beta=0.6))


def test_a_variance_below_zero_is_announced():
    zero, one = np.zeros(1), np.ones(1)
    small = rk.Fluctuations(zero, one, zero, zero, next_order=(zero, zero, zero, zero, -4 * one))
    with pytest.warns(RuntimeWarning, match="n_units is too small .* at N = 2"):
        assert small.std(n_units=2, beta=0.75) == pytest.approx(2**-0.25)
    assert small.std(n_units=8, beta=0.5) == pytest.approx(np.sqrt(0.5))


def test_an_older_file_has_the_first_order_only():
    fluct = rk.Fluctuations(np.ones(2), np.zeros(2), np.ones(2), np.zeros(2))
    assert not np.any(fluct.next_order)
    np.testing.assert_array_equal(fluct.mean(n_units=4, beta=1.0), np.ones(2))


def test_the_width_need_not_be_whole():
    """Twice the width, half the variance."""
    fluct = rk.Fluctuations(np.zeros(1), np.zeros(1), np.array([3.0]), np.array([2.0]))
    assert fluct.std(n_units=10.5, beta=0.75) ** 2 == pytest.approx(5 / 10.5)
    assert fluct.std(n_units=10.5, beta=0.75, paired=True) ** 2 == pytest.approx(7 / 10.5)


def test_wrong_arguments(limit):
    fluct = limit.fluctuations(2.0, X, M)
    with pytest.raises(ValueError, match="n_units must be at least 1, not 0"):
        fluct.std(n_units=0, beta=0.75)
    with pytest.raises(ValueError, match=r"beta must be at least 0\.5"):
        fluct.std(n_units=100, beta=0.4)
    with pytest.raises(ValueError, match="level must be greater than 0"):
        fluct.band(n_units=100, beta=0.75, level=0)
    with pytest.raises(ValueError, match="times must not be negative"):
        limit.fluctuations(-1.0, X, M)


def test_infinite_fourth_moment_is_refused():
    law = rk.InitialLaw(stats.t(3), stats.norm(0.7, 1), stats.uniform(0, 1))
    with pytest.raises(ValueError, match="finite fourth moment"):
        rk.KernelLimit(DATA, law).fluctuations(2.0, X, M)
