"""What the chapter on the limit equation states, against the package."""

import numpy as np
import pages
import pytest
from reference import CHAIN, LAW
from scipy import integrate, stats

import rnnkernel as rk

DATA = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2, noise=0.3)
POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW, learning_rate=0.8)


def test_kernel_is_positive_semidefinite_and_bounded():
    rng = np.random.default_rng(0)
    x, m = rng.uniform(-2, 2, 60), rng.uniform(-1, 1, 60)
    gram = rk.TangentKernel(LAW)(x, m, x, m)
    assert np.linalg.eigvalsh(gram).min() > -1e-12
    assert np.abs(gram).max() <= 1 + np.abs(x).max() ** 2 / 3  # sup|tanh| = sup|tanh'| = 1, E C² = 1/3
    for i, j in ((0, 1), (2, 3), (4, 4)):  # by another quadrature over W ~ N(0.7, 1)

        def integrand(w, i=i, j=j):
            one, other = np.tanh(w * x[i] + m[i]), np.tanh(w * x[j] + m[j])
            return stats.norm.pdf(w, 0.7) * (one * other + x[i] * x[j] / 3 * (1 - one**2) * (1 - other**2))

        assert gram[i, j] == pytest.approx(integrate.quad(integrand, -9, 10, epsabs=1e-11)[0], abs=1e-9)


def test_bound_of_the_kernel_is_attained():
    """Each of its two terms: by saturated units with small C, and by units near zero with large inputs."""
    for W, C, x, size in ((stats.norm(20, 0.1), 0.01, 1.0, 1), (stats.norm(0, 1e-4), 1.0, 30.0, 300)):
        law = rk.InitialLaw(stats.uniform(-C, 2 * C), W, stats.uniform(0, 0.2))
        bound = 1 + x**2 * C**2 / 3
        found = rk.TangentKernel(law)([x], [0.0], [x], [0.0])[0, 0]
        assert found <= bound < 1.01 * found
        assert found == pytest.approx(size, rel=1e-3)


def test_predictions_solve_the_equation(limit):
    """∂_t g_t = α ∫ (f* − g_t) K dμ, with the integral over the nodes of μ, by a central difference in t."""
    mu = limit.stationary
    t, h = 1.3, 1e-4
    before, _, after = limit.predict([t - h, t, t + h], **POINTS)
    at_nodes = limit.predict(t, x=mu.inputs, memory=mu.memory)
    gram = limit.kernel(POINTS["x"], POINTS["memory"], mu.inputs, mu.memory)
    velocity = 0.8 * gram @ (mu.weights * (DATA.mean_target[mu.states] - at_nodes))
    np.testing.assert_allclose((after - before) / (2 * h), velocity, rtol=1e-7)
    np.testing.assert_array_equal(limit.predict(0.0, **POINTS), 0)
    for time in (0.01, 0.1, 1.0, 10.0, 1000.0):
        s = 0.8 * (1 + 1.5**2 / 3) * time  # α K̄ t
        most = np.abs(DATA.mean_target).max() * min(s, np.sqrt(s / 2))
        assert (np.abs(limit.predict(time, **POINTS)) <= most).all()


def test_bound_of_the_forecast_is_nearly_attained():
    """Saturated units and one state: g_t = ȳ (1 − e^{−s}) with s = αK̄t, against ȳ min(s, √(s/2))."""
    law = rk.InitialLaw(stats.uniform(-0.01, 0.02), stats.norm(20, 0.1), stats.uniform(0, 0.2))
    one = rk.DataSequence(rk.MarkovChain(np.full((2, 2), 0.5)), inputs=[1.0, 1.0 + 1e-3], targets=[2.0, 2.0])
    limit = rk.KernelLimit(one, law, learning_rate=0.5)
    s = np.array([0.01, 0.5, 1.256, 3.0])
    found = limit.predict(s / 0.5, x=[1.0], memory=[0.1])[:, 0]
    np.testing.assert_allclose(found, 2 * (1 - np.exp(-s)), rtol=1e-3)
    bound = 2 * np.minimum(s, np.sqrt(s / 2))
    assert (found <= bound * (1 + 1e-3)).all()
    assert bound[0] < 1.01 * found[0]
    assert bound[2] < 1.12 * found[2]


def test_each_mode_learns_at_its_own_rate(limit):
    """Project g_t on each mode by quadrature over μ; and the loss, from its definition."""
    mu = limit.stationary
    modes = limit.eigenfunctions(mu.inputs, mu.memory)[:, :4]
    target = DATA.mean_target[mu.states]
    np.testing.assert_allclose(limit.coefficients[:4], (modes.T * mu.weights) @ target, rtol=1e-7, atol=1e-9)
    for t in (0.5, 3.0, 40.0):
        shares = limit.mode_shares(t)[:4]
        np.testing.assert_allclose(shares, 1 - np.exp(-0.8 * limit.eigenvalues[:4] * t), rtol=1e-12)
        g = limit.predict(t, x=mu.inputs, memory=mu.memory)
        share = (modes.T * mu.weights) @ g / ((modes.T * mu.weights) @ target)
        np.testing.assert_allclose(share, shares, rtol=1e-8, atol=1e-10)
        variance = CHAIN.stationary_distribution @ DATA.target_variance
        assert limit.loss(t) == pytest.approx((variance + mu.weights @ (target - g) ** 2) / 2, rel=1e-12)
    assert limit.irreducible_loss == pytest.approx(variance / 2, rel=1e-12)
    np.testing.assert_allclose((modes.T * mu.weights) @ modes, np.eye(4), atol=1e-8)


def test_even_functions_are_never_learned():
    before, after = pages.names("limit-equation", "odd_loss")["odd_loss"]
    assert before == pytest.approx(0.5, rel=1e-12)
    assert after == pytest.approx(before, rel=1e-9)


def test_networks_approach_the_limit(limit):
    """The largest difference over time falls at least as N^(½−β) + N^(β−1) allows, and is small at N = 6400.

    The theorem asks for bounded targets, so there is no noise; the limit sees their mean only.
    """
    bounded = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    beta, widths = 0.75, (100, 800, 6400)
    gaps = []
    for n_units in widths:
        squares = []
        for seed in range(6):
            network = rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=seed)
            run = rk.train(
                network,
                bounded,
                time=1.5,
                learning_rate=0.8,
                rng=100 + seed,
                n_records=10,
                points=(POINTS["x"], POINTS["memory"]),
            )
            squares.append(np.abs(run.predictions - limit.predict(run.times, **POINTS)).max() ** 2)
        gaps.append(np.sqrt(np.mean(squares)))
    assert gaps[1] < 0.75 * gaps[0]  # 8^(−1/4) = 0.59 is guaranteed in the limit
    assert gaps[2] < 0.75 * gaps[1]
    assert gaps[2] < 0.06


def test_networks_scatter_around_this_limit_and_no_other():
    """The mean of eight wide networks is that close that half of E C², or 15 % of α, would show."""
    bounded = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    n_units, n_seeds, alpha, t = 6400, 8, 0.8, 1.5

    def forecast(alpha, output=LAW.output):
        law = rk.InitialLaw(output, stats.norm(0.7, 1), stats.uniform(0, 1))
        return rk.KernelLimit(bounded, law, learning_rate=alpha).predict(t, **POINTS)

    ends = []
    for seed in range(n_seeds):
        start = rk.RNN.sample(LAW, n_units=n_units, beta=0.75, rng=seed, paired=True)
        ends.append(rk.train(start, bounded, time=t, learning_rate=alpha, rng=100 + seed).network.predict(**POINTS))
    law_of_error = rk.KernelLimit(bounded, LAW, learning_rate=alpha).fluctuations(t, **POINTS)
    error = law_of_error.std(n_units=n_units, beta=0.75, paired=True) / np.sqrt(n_seeds)

    def score(expected):
        return (np.abs(np.mean(ends, axis=0) - expected) / error).max()

    assert score(forecast(alpha)) < 4
    assert score(forecast(0.85 * alpha)) > 5
    assert score(forecast(1.15 * alpha)) > 5
    half = stats.uniform(-np.sqrt(0.5), 2 * np.sqrt(0.5))
    assert score(forecast(alpha, half)) > 5
