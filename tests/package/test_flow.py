"""Kernel gradient flow: against a matrix exponential, closed forms, and the limit on chains and sequences."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

import rnnkernel as rk
from rnnkernel._quadrature import gauss_legendre

LAW = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
DATA = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
TIMES = np.array([0.0, 0.4, 3.0, 30.0])
WEIGHTS = {
    "equal": np.full(6, 1 / 6),
    "unequal": np.linspace(0.0, 0.5, 6),
    "signed": np.array([1, -0.2, 0, 2, 1, -0.1]),
}


@pytest.fixture(scope="module")
def points():
    """Gram matrix of nine points with itself, of rank seven, and targets at six of them."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(9, 7))
    return root @ root.T, rng.normal(size=6)


def naive(gram, y, t, w, alpha):
    """g_t at all rows, from the coefficients a of ȧ = αw(y − Ka), solved as a matrix exponential."""
    n = len(y)
    generator = np.zeros((n + 1, n + 1))
    generator[:n, :n], generator[:n, n] = -alpha * w[:, None] * gram[:n], alpha * w * y
    return gram @ expm(generator * t)[:n, n]


@pytest.mark.parametrize("w", WEIGHTS.values(), ids=WEIGHTS)
def test_flow_solves_its_equation(points, w):
    """At the points that carry targets, and at three that do not."""
    gram, y = points[0][:, :6], points[1]
    found = rk.gradient_flow(gram, y, TIMES, w, 0.7)
    for g, t in zip(found, TIMES, strict=True):
        expected = naive(gram, y, t, w, 0.7)
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


def test_weights_are_equal_if_not_given(points):
    gram, y = points[0][:, :6], points[1]
    np.testing.assert_array_equal(rk.gradient_flow(gram, y, TIMES), rk.gradient_flow(gram, y, TIMES, WEIGHTS["equal"]))


def test_rows_of_the_identity_follow_coefficients(points):
    gram, y = points[0][:6, :6], points[1]
    both = rk.gradient_flow(np.vstack([gram, np.eye(6)]), y, TIMES)
    np.testing.assert_allclose(both[:, 6:] @ gram, both[:, :6], atol=1e-12)
    exact = rk.gradient_flow([[2.0, 0.0], [0.0, 4.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], 3.0)[2:]
    np.testing.assert_allclose(exact, -np.expm1([-3.0, -6.0]) / [2, 4], rtol=1e-14)


def test_two_targets_at_one_point():
    """What K cannot tell apart learns the mean, and by weights of opposite sign learns without end."""
    gram, y = np.ones((2, 2)), [1.0, -0.5]
    np.testing.assert_allclose(rk.gradient_flow(gram, y, [1.0, 1e9]), [[0.25 * (1 - np.exp(-1))] * 2, [0.25] * 2])
    np.testing.assert_allclose(rk.gradient_flow(gram, y, 2.0, [1.0, -1.0]), [3.0, 3.0])  # ġ = 1.5: no eigenvalue


@pytest.mark.parametrize("size", [1e-13, 1e-8, 1.0])
def test_small_eigenvalues_are_stable(size):
    for t in (1e-3, 1.0, 1e6):
        g = rk.gradient_flow(np.diag([1.0, size]), [1.0, 1.0], t)
        np.testing.assert_allclose(g, -np.expm1([-t / 2, -size * t / 2]), rtol=1e-12)


def test_only_rate_times_time_matters(points):
    gram, y = points[0][:, :6], points[1]
    slow, fast = rk.gradient_flow(gram, y, 6.0, None, 0.5), rk.gradient_flow(gram, y, 1.0, None, 3.0)
    np.testing.assert_allclose(slow, fast, rtol=1e-12)


def test_limit_on_a_chain():
    """Signed weights of collocation, and the limit that never forms a Gram matrix."""
    limit = rk.KernelLimit(DATA, LAW, learning_rate=0.8)
    mu, (x, m) = limit.stationary, ([-1.0, 1.5], [0.1, 0.4])
    assert mu.weights.min() < 0
    nodes = mu.inputs, mu.memory
    gram = limit.kernel(np.append(mu.inputs, x), np.append(mu.memory, m), *nodes)
    found = rk.gradient_flow(gram, mu.targets, TIMES, mu.weights, 0.8)
    np.testing.assert_allclose(found[:, : len(mu.memory)], limit.predict(TIMES, *nodes), atol=1e-11)
    np.testing.assert_allclose(found[:, len(mu.memory) :], limit.predict(TIMES, x, m), atol=1e-11)


def test_limit_of_a_sequence():
    x, y = DATA.simulate(120, rng=0)
    x = x + np.sin(np.arange(120))
    limit = rk.KernelLimit((x, y), LAW)
    m = limit.stationary.memory
    found = rk.gradient_flow(limit.kernel(x, m, x, m), y, TIMES)
    np.testing.assert_allclose(found, limit.predict(TIMES, x, m), atol=1e-8)


def test_shapes():
    gram = np.eye(3)[:, :2]
    assert rk.gradient_flow(gram, [1.0, 2.0], 1.0).shape == (3,)
    assert rk.gradient_flow(gram, [1.0, 2.0], [1.0]).shape == (1, 3)
    assert rk.gradient_flow(gram, [1.0, 2.0], []).shape == (0, 3)
    assert not rk.gradient_flow(np.empty((4, 0)), [], [1.0, 2.0]).any()
    assert not rk.gradient_flow(np.zeros((2, 2)), [1.0, 2.0], 1e9).any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.eye(2), [1.0], 1.0), ValueError, "gram must have 1 columns"),
        ((np.eye(2)[:1], [1.0, 2.0], 1.0), ValueError, "at least 2 rows"),
        ((np.eye(2), [[1.0, 2.0]] * 2, 1.0), ValueError, "targets must have 1 dimension"),
        (([[1.0, 0.5], [0.0, 1.0]], [1.0, 2.0], 1.0), ValueError, "symmetric and positive semi-definite"),
        (([[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0], 1.0), ValueError, "symmetric and positive semi-definite"),
        ((np.eye(2), [1.0, 2.0], -1.0), ValueError, "times must not be negative"),
        ((np.eye(2), [1.0, 2.0], 1.0, [1.0]), ValueError, "weights must hold one weight for each of 2 targets"),
        ((np.eye(2), [1.0, 2.0], 1.0, None, 0.0), ValueError, "learning_rate must be greater than 0"),
        (("gram", [1.0], 1.0), TypeError, "gram must be an array of real numbers"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        rk.gradient_flow(*arguments)


def test_panels_are_exact_on_polynomials():
    """Four nodes on each of three panels, x⁷ on each: exact; x⁸: not."""
    nodes, weights = gauss_legendre(np.array([-1.0, 0.5, 0.6, 2.0]), 4)
    assert len(nodes) == 12
    assert weights @ nodes**7 == pytest.approx((2**8 - 1) / 8, rel=1e-14)
    assert weights @ nodes**8 != pytest.approx((2**9 + 1) / 9, rel=1e-6)
