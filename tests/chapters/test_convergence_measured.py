"""What the chapter on measured convergence states, against the package."""

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats
from scipy.linalg import expm
from scipy.optimize import minimize_scalar

import rnnkernel as rk

SKEWED = rk.InitialLaw(  # E C = 0 and E C² = 1/3 as in LAW, E C³ = 2/9
    stats.rv_discrete(values=([-1 / 3, 1.0], [0.75, 0.25])), stats.norm(0.7, 1), stats.uniform(0, 1)
)
POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
ALPHA, TIME = 0.8, 2.0


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW, learning_rate=ALPHA)


def propagate(limit, t, x, memory):
    """The matrix that takes a function's values at the nodes of μ and at points to those of e^{−αtT} at the points."""
    mu = limit.stationary
    x_all, m_all = np.append(mu.inputs, x), np.append(mu.memory, memory)
    generator = np.zeros((len(m_all), len(m_all)))
    generator[:, : len(mu.memory)] = limit.kernel(x_all, m_all, mu.inputs, mu.memory) * mu.weights
    return expm(-limit.learning_rate * t * generator)[len(mu.memory) :]


def at_nodes_and_points(limit, predict):
    mu = limit.stationary
    return predict(np.append(mu.inputs, POINTS["x"]), np.append(mu.memory, POINTS["memory"]))


def sample(n_units, beta, seed, *, law=LAW, paired=False):
    return rk.RNN.sample(law, n_units=n_units, beta=beta, rng=seed, paired=paired)


def trained(network, seed):
    return rk.train(network, DATA, time=TIME, learning_rate=ALPHA, rng=1000 + seed, n_records=1).network


def memory_map(network):
    """φ^N of a network at the four points."""
    u = np.outer(POINTS["x"], network.inputs[:, 0]) + np.array(POINTS["memory"])[:, None]
    return np.tanh(u) @ network.recurrent / network.n_units


def kernel_matrix(network):
    return rk.empirical_kernel(network, *POINTS.values(), *POINTS.values())


def exponent_of_change(what, beta, **options):
    """Of N in the root mean square change of something over training."""
    widths, squares = np.array([300, 900, 2700]), []
    for n_units in widths:
        networks = [sample(n_units, beta, seed, **options) for seed in range(16)]
        changes = [what(trained(each, seed)) - what(each) for seed, each in enumerate(networks)]
        squares.append(np.mean(np.square(changes)))
    return np.polyfit(np.log(widths), np.log(squares) / 2, 1)[0]


@pytest.mark.parametrize("beta", [0.6, 0.9])
def test_kernel_drifts_at_second_order(beta):
    """N^{2β−2} for pairs, even skewed ones; for independent units N^{2β−2} + N^{β−3/2}, and N^{β−1} if skewed."""
    assert exponent_of_change(kernel_matrix, beta, paired=True) == pytest.approx(2 * beta - 2, abs=0.08)
    assert exponent_of_change(kernel_matrix, beta, paired=True, law=SKEWED) == pytest.approx(2 * beta - 2, abs=0.15)
    assert exponent_of_change(kernel_matrix, beta, law=SKEWED) == pytest.approx(beta - 1, abs=0.1)
    assert exponent_of_change(kernel_matrix, beta) < max(2 * beta - 2, beta - 1.5) + 0.08


@pytest.mark.parametrize("beta", [0.6, 0.9])
def test_memory_map_drifts_at_second_order(beta):
    """At most; here E C = 0 is enough, since the first order of the memory map is linear in C."""
    assert exponent_of_change(memory_map, beta, paired=True) < 2 * beta - 2 + 0.05
    for law in (LAW, SKEWED):
        assert exponent_of_change(memory_map, beta, law=law) < max(2 * beta - 2, beta - 1.5) + 0.15


def test_rest_is_small_once_the_first_output_is_known(limit):
    """g^N_t − g_t − e^{−αtT} g_0^N is N^{−1/2} times what the law of the error says, at β = 0.6, where g_0^N is not."""
    after = propagate(limit, TIME, **POINTS)
    law_of_error = limit.fluctuations(TIME, **POINTS)
    expected = np.sqrt((law_of_error.data + law_of_error.finite_width).mean())
    for n_units, n_seeds in ((100, 300), (900, 100)):
        whole, rest = [], []
        for seed in range(n_seeds):
            network = sample(n_units, 0.6, seed)
            whole.append(trained(network, seed).predict(**POINTS) - law_of_error.prediction)
            rest.append(whole[-1] - after @ at_nodes_and_points(limit, network.predict))
        # Seeds allow about 8 and 14 %, two standard deviations.
        assert np.sqrt(n_units * np.mean(np.square(rest))) == pytest.approx(expected, rel=0.25)
        start = n_units**0.8 * law_of_error.initial_output.mean()
        assert np.sqrt(n_units * np.mean(np.square(whole))) == pytest.approx(np.sqrt(expected**2 + start), rel=0.25)
        assert np.sqrt(expected**2 + start) > (1.2 if n_units == 100 else 2) * expected


def test_left_over_solves_its_equation(limit):
    """e^{−αtT} g from modes, as the chapter computes it, against a matrix exponential; and g_t + e^{−αtT} g_0."""
    mu, network = limit.stationary, sample(50, 0.6, 3)
    first = at_nodes_and_points(limit, network.predict)
    n = len(mu.memory)
    along = (limit.eigenfunctions(mu.inputs, mu.memory).T * mu.weights) @ first[:n]
    left = first[n:] - limit.eigenfunctions(**POINTS) @ (limit.mode_shares(TIME) * along)
    np.testing.assert_allclose(left, propagate(limit, TIME, **POINTS) @ first, rtol=1e-8)


@pytest.mark.parametrize("beta", [0.6, 0.75])
def test_pairs_converge_like_one_over_root_n(limit, beta):
    """The largest error over times and points, as the theorem takes it."""
    widths, gaps = (100, 300, 900), []
    for n_units in widths:
        largest = []
        for seed in range(40):
            run = rk.train(
                sample(n_units, beta, seed, paired=True),
                DATA,
                time=TIME,
                learning_rate=ALPHA,
                rng=1000 + seed,
                n_records=20,
                points=tuple(POINTS.values()),
            )
            largest.append(np.abs(run.predictions - limit.predict(run.times, **POINTS)).max())
        gaps.append(largest)
    exponent, (low, high) = rk.fit_rate(widths, gaps, of="error")
    assert exponent == pytest.approx(-0.5, abs=0.15)
    assert high - low < 0.3


@pytest.mark.parametrize(
    ("law", "paired", "beta", "exponent"),
    [
        (LAW, True, 0.6, -0.8),
        (LAW, True, 0.9, -0.2),
        (SKEWED, True, 0.75, -0.5),
        (SKEWED, False, 0.75, -0.25),
        (SKEWED, False, 0.9, -0.1),
    ],
)
def test_drift_has_the_exponents_of_the_corollary(law, paired, beta, exponent):
    """The bias which frozen features remove: 2β − 2, or β − 1 for independent units with E C³ ≠ 0."""
    same = {"widths": [100, 300, 900], "betas": [beta], "n_seeds": 150, "times": TIME, "rng": 5, "paired": paired}
    moving, frozen = (
        rk.convergence_study(DATA, law, learning_rate=ALPHA, frozen=each, **same, **POINTS) for each in (False, True)
    )
    rate = rk.fit_rate(moving.widths, moving.errors[0] - frozen.errors[0], of="bias")
    assert rate.exponent == pytest.approx(exponent, abs=0.08)


def left_of_units(limit, x, memory):
    """(e^{−αtT} σ_W)(z) at the quadrature nodes of W, (points, nodes), and their weights."""
    mu, (W, weights) = limit.stationary, limit.law.quadrature
    u = np.outer(np.append(mu.inputs, x), W[:, 0]) + np.append(mu.memory, memory)[:, None]
    return propagate(limit, TIME, x, memory) @ np.tanh(u), weights


def test_error_is_normal_while_the_first_output_rules(limit):
    """β = 0.55: covariances E[C²] E[(e^{−αtT}σ)(z)(e^{−αtT}σ)(z')] and a normal law, of networks that were trained."""
    n_units, beta, n_seeds = 900, 0.55, 200
    left, weights = left_of_units(limit, **POINTS)
    covariance = (left * weights) @ left.T / 3  # E C² = 1/3
    law_of_error = limit.fluctuations(TIME, **POINTS)
    np.testing.assert_allclose(np.diag(covariance), law_of_error.initial_output, rtol=1e-8)
    errors = np.array(
        [trained(sample(n_units, beta, seed), seed).predict(**POINTS) for seed in range(n_seeds)]
    ) - limit.predict(TIME, **POINTS)
    scaled = n_units ** (beta - 0.5) * errors
    rest = n_units ** (2 * beta - 2) * (law_of_error.data + law_of_error.finite_width)
    assert (rest < 0.06 * np.diag(covariance)).all()  # what is left at this N of the next order
    measured = scaled.T @ scaled / n_seeds
    size = np.sqrt(np.diag(covariance))
    # A correlation of 200 normal pairs has a standard deviation of at most 0.1 (variances) in these units.
    np.testing.assert_allclose(measured / np.outer(size, size), covariance / np.outer(size, size), atol=0.4)
    for each, variance in zip(scaled.T, np.diag(covariance) + rest, strict=True):
        assert stats.kstest(each / np.sqrt(variance), "norm").pvalue > 1e-4


def test_variance_of_what_is_left_of_the_first_output(limit):
    """The same at every N; its mean over μ as a sum over modes, and the bound E[C²] Σ λ_i exp(−2αλ_i t)."""
    mu, (W, weights) = limit.stationary, limit.law.quadrature
    after = propagate(limit, TIME, **POINTS)
    C, units, _ = LAW.sample(6 * 20_000, rng=0)
    x_all, m_all = np.append(mu.inputs, POINTS["x"]), np.append(mu.memory, POINTS["memory"])
    outputs = np.tanh(np.outer(x_all, units[:, 0]) + m_all[:, None]) * C
    left = after @ outputs.reshape(len(m_all), 20_000, 6).sum(axis=2) / np.sqrt(6)  # N = 6
    variances = limit.fluctuations(TIME, **POINTS).initial_output
    np.testing.assert_allclose(left.var(axis=1), variances, rtol=0.06)

    times = np.array([0.0, 0.5, 2.0, 50.0, 1000.0])
    mean = limit.fluctuations(times, mu.inputs, mu.memory).initial_output @ mu.weights
    modes = limit.eigenfunctions(mu.inputs, mu.memory).T * mu.weights
    held = (modes @ np.tanh(np.outer(mu.inputs, W[:, 0]) + mu.memory[:, None])) ** 2 @ weights  # E⟨ψ_i, σ⟩²
    decay = np.exp(-2 * ALPHA * np.outer(times, limit.eigenvalues))
    np.testing.assert_allclose(mean, decay @ held / 3, rtol=1e-6)
    assert (held <= limit.eigenvalues * (1 + 1e-9) + 1e-14).all()
    assert (mean <= decay @ limit.eigenvalues / 3).all()
    assert (np.diff(mean) < 0).all()
    assert mean[-1] < 1e-3 * mean[0]


def test_memory_error_is_folded_into_one_function():
    """d/dε μ_ε(f) = μ(ζw): B = b(W) + ε c(W), ζ = E[c σ], with f that depends on state and memory."""

    def stationary(epsilon):
        law = rk.InitialLaw(
            stats.uniform(-1, 2),
            stats.norm(0.7, 1),
            recurrent=lambda W: 0.5 + 0.4 * np.tanh(W[:, 0]) + epsilon * np.cos(W[:, 0]),
        )
        return law, rk.StationaryLaw(DATA, rk.MemoryMap(law))

    law, mu = stationary(0.0)
    W, weights = law.quadrature
    zeta = np.tanh(np.outer(mu.inputs, W[:, 0]) + mu.memory[:, None]) @ (weights * np.cos(W[:, 0]))
    slope = rk.MemoryMap(law).derivative(mu.inputs, mu.memory)
    T = mu.transition_operator
    for f, df in (
        (lambda x, m: np.sin(3 * m) * x, lambda x, m: 3 * np.cos(3 * m) * x),
        (lambda x, m: m**2, lambda x, m: 2 * m),  # noqa: ARG005
    ):
        change = df(mu.inputs, mu.memory)
        w = np.linalg.solve(np.eye(len(T)) - T * slope, T @ change)
        quotient = (stationary(1e-4)[1].mean(f) - stationary(-1e-4)[1].mean(f)) / 2e-4
        assert mu.weights @ (zeta * w) == pytest.approx(quotient, rel=1e-6)
        assert np.abs(w).max() <= np.abs(change).max() / (1 - rk.MemoryMap(law).contraction)


def test_slow_learning_is_cheap():
    """Of all α the work tN² for one variance is least at 2V^I/V^S, both at α = 1 and the same αt."""

    def parts(alpha):
        limit = rk.KernelLimit(DATA, LAW, learning_rate=alpha)
        law_of_error = limit.fluctuations(TIME / alpha, **POINTS)
        return law_of_error.data.mean(), law_of_error.finite_width.mean()

    def work(log_alpha):
        data, width = parts(np.exp(log_alpha))
        return TIME / np.exp(log_alpha) * (data + 2 * width) ** 2

    data, width = parts(1.0)
    best = minimize_scalar(work, bounds=(-5, 1), method="bounded", options={"xatol": 1e-4})
    assert np.exp(best.x) == pytest.approx(2 * width / data, rel=1e-3)
    assert work(0.0) / best.fun == pytest.approx((data + 2 * width) ** 2 / (8 * data * width), rel=1e-4)
