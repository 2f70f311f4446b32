"""What the chapter on measured convergence states, against the package."""

import naive
import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

SKEWED = rk.InitialLaw(  # E C = 0 and E C² = 1/3 as in LAW, E C³ = 2/9
    stats.rv_discrete(values=([-1 / 3, 1.0], [0.75, 0.25])), stats.norm(0.7, 1), stats.uniform(0, 1)
)
POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
ALPHA, TIME = 0.8, 2.0


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW, learning_rate=ALPHA)


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
    network, m = sample(30, beta, 0), np.array(POINTS["memory"])
    s = np.tanh(np.outer(POINTS["x"], network.inputs[:, 0]) + m[:, None])
    d = network.output * (1 - s**2) * np.array(POINTS["x"])[:, None]
    np.testing.assert_allclose(kernel_matrix(network), (s @ s.T + d @ d.T) / 30, rtol=1e-10)
    other = rk.empirical_kernel(network, *POINTS.values(), [1.5, -1.0], [0.3, 0.2])  # not symmetric
    s2 = np.tanh(np.outer([1.5, -1.0], network.inputs[:, 0]) + np.array([[0.3], [0.2]]))
    d2 = network.output * (1 - s2**2) * np.array([[1.5], [-1.0]])
    np.testing.assert_allclose(other, (s @ s2.T + d @ d2.T) / 30, rtol=1e-10)
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
    after = naive.propagate(limit, TIME, **POINTS)
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
    np.testing.assert_allclose(left, naive.propagate(limit, TIME, **POINTS) @ first, rtol=1e-8)


@pytest.mark.slow
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
    exact, _ = rk.fit_rate(widths, [np.array([1.1, -0.9]) * n**-0.5 for n in widths], of="error")
    assert exact == pytest.approx(-0.5, rel=1e-9)
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
    limit = rk.KernelLimit(DATA, law, learning_rate=ALPHA)
    widths = np.array([100, 300, 900])
    exact = rk.fit_rate(widths, widths[:, None] ** exponent * np.array([1.1, 0.9]), of="bias")
    assert exact.exponent == pytest.approx(exponent, rel=1e-9)
    same = {"widths": [100, 300, 900], "betas": [beta], "n_seeds": 150, "times": TIME, "rng": 5, "paired": paired}
    moving, frozen = (rk.convergence_study(limit, frozen=each, **same, **POINTS) for each in (False, True))
    assert list(moving.widths) == list(widths)
    rate = rk.fit_rate(moving.widths, moving.errors[0] - frozen.errors[0], of="bias")
    assert rate.exponent == pytest.approx(exponent, abs=0.08)


def left_of_units(limit, x, memory):
    """(e^{−αtT} σ_W)(z) at the quadrature nodes of W, (points, nodes), and their weights."""
    mu, (W, weights) = limit.stationary, limit.law.quadrature
    u = np.outer(np.append(mu.inputs, x), W[:, 0]) + np.append(mu.memory, memory)[:, None]
    return naive.propagate(limit, TIME, x, memory) @ np.tanh(u), weights


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
