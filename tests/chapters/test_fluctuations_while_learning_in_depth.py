"""Statements of *Fluctuations while learning, in depth* against exact computation or, where named, simulation."""

import numpy as np
import pytest
from kernel_learner import BUILT, RATE, Case, solved, variance
from reference import DATA, LAW

import rnnkernel as rk


@pytest.fixture(params=BUILT)
def case(request):
    return BUILT[request.param]


def test_the_drift_averages_out(case):
    """Sixteen times the width divides the drift by 16^(3/2) = 64, and not by 16."""
    sizes = []
    for N in (40, 640):
        states, m = case.paths(round(1.5 * N), 60, seed=N + 1)
        drift = np.array([each[3] for each in case.learn(N, states, m)])
        sizes.append(np.sqrt(np.mean(np.max((drift**2).sum(axis=2), axis=0))))
    assert 40 < sizes[0] / sizes[1] < 100
    if case is BUILT["two"]:  # what drifts is the package's solution, and it is centred at every time
        for t in (0.2, 1.0):
            u = solved(case, t, 0)
            np.testing.assert_allclose(u, case.steps(t)[2][:, 0], atol=1e-7)
            assert abs(case.mu.weights @ u) < 1e-8


def test_independent_draws_have_the_naive_variance(case):
    """Draws (z, Y) from a long past: their variance is that with u = f − μ(f), and not that of the chain."""
    N, T, runs = 200, 1.5, 1500
    states, m = case.paths(1000, 200, seed=4)
    now, ahead, memory = states[:, :-1].ravel(), states[:, 1:].ravel(), m[:, :-1].ravel()
    Phi, y = case.features(case.data.inputs[now], memory), case.data.targets[now, ahead]
    rng, g = np.random.default_rng(5), np.zeros((runs, Phi.shape[1]))
    for _ in range(round(N * T)):
        i = rng.integers(len(y), size=runs)
        g += RATE / N * (y[i] - (g * Phi[i]).sum(axis=1))[:, None] * Phi[i]
    z = case.features([1.5], [0.1])[0]
    naive, chain = variance(case, T, z, independent=True), variance(case, T, z)
    assert N * np.var(g @ z) == pytest.approx(naive, rel=4 * np.sqrt(2 / runs) + 4 / N)
    assert abs(chain / naive - 1) > 0.01


@pytest.mark.slow
def test_a_batch_divides_the_variance_of_the_learner(case):
    """By b, to the next order in N, and not by √b, b², or not at all."""
    N, T, runs = 100, 1.5, 2000
    z = case.features([-1.0, 1.5], [0.1, 0.1])
    expected = variance(case, T, z[1])
    assert case.limit.fluctuations(T, [1.5], [0.1]).data[0] == pytest.approx(expected, rel=1e-4)
    for b in (1, 4):
        states, m = case.paths(round(N * T), runs * b, seed=b)
        Phi = case.features(case.data.inputs[states.ravel()], m.ravel()).reshape(runs, b, m.shape[1], -1)
        y = case.data.targets[states[:, :-1], states[:, 1:]].reshape(runs, b, -1)
        g = np.zeros((runs, Phi.shape[3]))
        for k in range(y.shape[2]):
            e = y[:, :, k] - np.einsum("rf,rbf->rb", g, Phi[:, :, k])
            g += RATE / N / b * np.einsum("rb,rbf->rf", e, Phi[:, :, k])
        assert N * b * np.var(g @ z[1]) == pytest.approx(expected, rel=4 * np.sqrt(2 / runs) + 4 / N)


@pytest.mark.slow
def test_a_batch_divides_the_variance_of_networks():
    """N Var = V^S/b + 2V^I with paired units; V^S is nine times 2V^I or more, so √b and b² would be far off."""
    N, n_networks, x, m = 200, 1500, [-1.0, 1.5], [-0.2, 0.4]
    fluct = rk.KernelLimit(DATA, LAW).fluctuations(2.0, x, m)
    of_units = 2 * np.array([0.1108, 0.1056]) ** 2  # 2V^I, a reference number of tests/package/test_fluctuations.py
    for b in (2, 4):
        outputs = []
        for i in range(n_networks):
            rnn = rk.RNN.sample(LAW, n_units=N, beta=0.6, rng=i, paired=True)
            sequences = [DATA.simulate(2 * N, rng=rng) for rng in np.random.default_rng([i, b]).spawn(b)]
            run = rk.train(rnn, sequences, learning_rate=1.0, batch=True, n_records=1)
            outputs.append(run.network.predict(x, m))
        expected = fluct.data / b + of_units
        error = expected * (4 * np.sqrt(2 / n_networks) + 4 / N)
        assert (np.abs(N * np.var(outputs, axis=0) - expected) < error).all()
        for power in (0.0, 0.5, 2.0):
            assert (np.abs(fluct.data / b**power + of_units - expected) > error).all()
        miss = np.abs(np.mean(outputs, axis=0) - fluct.prediction)
        assert (miss < 4 * np.sqrt(expected / N / n_networks) + 0.1 * N ** (2 * 0.6 - 2)).all()


def sizes_at_a_point(rho):
    """Mean squares of noise, martingale and their sum at (1.5, 0.1), as N → ∞, without unlearning: h = K(z, ·)."""
    chain = rk.MarkovChain(rho * np.eye(2) + (1 - rho) * np.array([0.75, 0.25]))
    case = Case(rk.DataSequence(chain, [-1.0, 1.5], [[-1.0, 1.5]] * 2), rate=1.0)
    mu, h, noise, martingale = case.mu, case.Phi @ case.features([1.5], [0.1])[0], 0.0, 0.0
    nodes, weights = np.polynomial.legendre.leggauss(12)
    for t, weight in zip(1 + nodes, weights, strict=True):  # from 0 to 2
        f = (case.best - case.Phi @ case.g(t)) * h
        f = f - mu.weights @ f
        noise += weight * mu.weights @ (mu.target_variances * h**2)
        martingale += weight * mu.weights @ (f * (2 * case.invert @ f - f))
    return noise, martingale


def test_answer_on_noise_and_martingale():
    """The noise shrinks with stickiness, the martingale is least near 0.6; they cross between 0.8 and 0.9."""
    rhos = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
    noise, martingale = np.array([sizes_at_a_point(rho) for rho in rhos]).T
    assert (np.diff(noise) < 0).all()
    assert martingale.argmin() == 2
    assert (martingale > noise).tolist() == [False, False, False, False, True, True]


def test_answer_on_the_scatter():
    """At ρ = 0 the naive rule is too small, at 0.6 right; the scatter falls at first and rises in the end."""
    found = {}
    for rho in (-0.2, 0.0, 0.4, 0.6, 0.95):
        chain = rk.MarkovChain(rho * np.eye(2) + (1 - rho) * np.array([0.75, 0.25]))
        case = Case(rk.DataSequence(chain, [-1.0, 1.5], [[-1.0, 1.5]] * 2), rate=RATE)
        z = case.features([1.5], [0.1])[0]
        found[rho] = variance(case, 2.0, z), variance(case, 2.0, z, independent=True)
    assert found[0.0][0] > 1.05 * found[0.0][1]
    assert found[-0.2][0] > found[0.0][0] > found[0.4][0]
    assert found[0.95][0] > found[0.6][0]
    assert found[0.6][0] == pytest.approx(found[0.6][1], rel=0.05)


def test_gronwall_is_smaller_for_short_horizons_only():
    """1 + √(x/2) and e^x, x = αK̄T, cross at about one third."""
    x = np.array([0.2, 0.33, 0.4, 1.0])
    assert (np.exp(x) < 1 + np.sqrt(x / 2)).tolist() == [True, True, False, False]
