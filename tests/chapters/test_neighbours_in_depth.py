"""What *Neighbours, in depth* states and computes, against independent computations.

The functions under test are those that the reader sees: they are taken from the cells of the page.
"""

import numpy as np
import pages
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats

import rnnkernel as rk


@pytest.fixture(scope="module")
def chapter():
    """What these tests need of the page, as it stands there."""
    kernels = ("second", "with_constant", "recurrent_kernel", "sampled_kernel", "share_of_B")
    return pages.names("neighbours-in-depth", "chain", "inputs", "law", "phi", *kernels)


def test_learning_recurrent_weights_adds_one_over_width(chapter):
    """N q² mean(S²) tends to E C² E σ'(u)² E S²."""
    law, n = chapter["law"], 800
    W, weights = law.quadrature
    slopes = 2 / np.sqrt(np.pi) * np.exp(-((W @ [-1.0, 1.0] - 0.3) ** 2))
    expected = law.output_square * (weights @ slopes**2) * (weights @ special.erf(W @ [1.0, 1.0]) ** 2)
    found = np.array([n * chapter["share_of_B"](n, seed) for seed in range(1500)])
    assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(len(found))
    assert found.std() / np.sqrt(len(found)) < 0.05 * expected


def test_forward_derivative_has_a_fixed_point(chapter):
    """J along a random past: forgets its start at the rate q^k, and is the derivative of the random fixed point."""
    law, memory = chapter["law"], chapter["phi"]
    past = chapter["inputs"][chapter["chain"].simulate(80, rng=11)]

    def scaled(theta):
        scaled_law = rk.InitialLaw(law.output, law.inputs, stats.uniform(0, 1.6 * theta))
        return rk.MemoryMap(scaled_law, "erf").fixed_point(past)

    M, low, high = 0.0, -5.0, 5.0
    for k, x in enumerate(past, start=1):
        value, slope = memory(x[None], [M])[0], memory.derivative(x[None], [M])[0]
        M, low, high = value, value + slope * low, value + slope * high
        assert high - low <= 10 * memory.contraction**k + 1e-15
    assert pytest.approx(scaled(1.0), abs=1e-12) == M
    h = 1e-4
    assert low == pytest.approx((scaled(1 + h) - scaled(1 - h)) / (2 * h), abs=1e-6)
    assert abs(low) > 0.1


def test_equilibrium_by_implicit_differentiation(chapter):
    """The closed form at a constant input, against fixed points of two scaled laws."""
    law, memory, h = chapter["law"], chapter["phi"], 1e-4

    def at_rest(theta, x):
        scaled_law = rk.InitialLaw(law.output, law.inputs, stats.uniform(0, 1.6 * theta))
        (m,) = rk.MemoryMap(scaled_law, "erf").fixed_points(x)
        return m

    for x in chapter["inputs"][[0, 2]]:
        m = at_rest(1.0, x)
        implicit = m / (1 - memory.derivative(x[None], [m])[0])  # ∂_θ(θφ) = φ = m at θ = 1
        assert implicit == pytest.approx((at_rest(1 + h, x) - at_rest(1 - h, x)) / (2 * h), rel=1e-6)


def words_of(chapter, n, length, seed):
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n, length))
    return chapter["with_constant"](signs)


def forecast(words, W, A, C):
    S = np.zeros((len(words), len(C)))
    for x in np.moveaxis(words, 1, 0):
        S = special.erf(x @ W.T + S @ A.T / np.sqrt(len(C)))
    return S @ C / np.sqrt(len(C))


def test_sampled_kernel_is_the_product_of_gradients(chapter):
    """Against a Jacobian by central differences, with the same random numbers."""
    words, w, n = words_of(chapter, 3, 4, seed=5), 0.9, 5
    gram = chapter["sampled_kernel"](words, w, n, np.random.default_rng(6))
    rng = np.random.default_rng(6)
    W = rng.normal(size=(n, 2)) * np.sqrt(chapter["second"])
    A = w * rng.normal(size=(n, n))
    C = chapter["law"].output.rvs(size=n, random_state=rng)
    flat = np.concatenate([W.ravel(), A.ravel(), C])

    def at(parameters):
        return forecast(words, parameters[: 2 * n].reshape(n, 2), parameters[2 * n : -n].reshape(n, n), parameters[-n:])

    steps = 1e-5 * np.eye(len(flat))
    jacobian = np.array([(at(flat + step) - at(flat - step)) / 2e-5 for step in steps])
    assert_allclose(gram, jacobian.T @ jacobian, rtol=1e-6, atol=1e-8)


def test_recurrent_kernel_is_the_limit_of_sampled_ones(chapter):
    """Within five standard errors at 400 units, where a kernel without the recurrent gradients is far off."""
    words = words_of(chapter, 4, 5, seed=7)
    rng = np.random.default_rng(8)
    sampled = np.array([chapter["sampled_kernel"](words, 0.8, 400, rng) for _ in range(40)])
    error = sampled.std(axis=0, ddof=1) / np.sqrt(len(sampled))

    def score(gram):
        return np.abs((sampled.mean(axis=0) - gram) / error).max()

    assert score(chapter["recurrent_kernel"](words, words, 0.8)) < 5
    assert score(chapter["recurrent_kernel"](words, words, 0.8, learn=False)) > 10
    assert score(chapter["recurrent_kernel"](words, words, 0.5)) > 10


@pytest.mark.slow
def test_one_family_of_flows_has_both_limits_and_the_networks_between():
    """Mean field at β = 1, the kernel limit where ε is small, and in between the mean of networks of 200 units."""
    names = "flow", "networks", "mean_field", "kernel_limit", "points"
    page = pages.names("neighbours-in-depth", *names)
    flow, networks, mean_field, kernel_limit, points = (page[name] for name in names)
    kernel = kernel_limit.predict(20, **points)
    assert_allclose(flow(50, 1.0), mean_field.predict(20, **points), atol=1e-5)
    assert_allclose(flow(10_000, 0.5), kernel, atol=1e-3)
    outputs = networks(200, 0.9, np.random.default_rng(1), n_networks=300)
    error = outputs.std(axis=0, ddof=1) / np.sqrt(300)
    assert (np.abs(outputs.mean(axis=0) - flow(200, 0.9)) < 4 * error).all()
    assert np.abs((outputs.mean(axis=0) - kernel) / error).max() > 8
