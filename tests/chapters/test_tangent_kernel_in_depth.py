"""What the page *The tangent kernel, in depth* states, against the package."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from reference import CHAIN, LAW
from scipy import integrate, special, stats

import rnnkernel as rk

C2, C4 = 1 / 3, 1 / 5
PAIR = (-1.0, -0.2, 1.5, 0.4)


def quadrature():
    nodes, weights = LAW.quadrature
    return nodes[:, 0], weights


def test_moments_of_what_memory_adds():
    """E[q q'] and E[(q q')²] at N = 20: within four standard errors of 60 000 networks, which is below 5 %."""
    n, (x1, m1, x2, m2) = 20, PAIR
    nodes, w = quadrature()
    a, b = 1 - np.tanh(nodes * x1 + m1) ** 2, 1 - np.tanh(nodes * x2 + m2) ** 2
    mean = C2 * w @ (a * b) / n
    square = C4 * w @ (a * b) ** 2 / n**3 + (n - 1) / n**3 * C2**2 * ((w @ a**2) * (w @ b**2) + 2 * (w @ (a * b)) ** 2)
    C, W, _ = LAW.sample(60_000 * n, rng=0)
    C, W = C.reshape(-1, n), W.reshape(-1, n)
    q = [np.mean(C * (1 - np.tanh(W * x + m) ** 2), axis=1) for x, m in ((x1, m1), (x2, m2))]
    for found, expected in ((q[0] * q[1], mean), ((q[0] * q[1]) ** 2, square)):
        tolerance = 4 * found.std() / np.sqrt(len(found))
        assert abs(found.mean() - expected) < tolerance < 0.1 * expected
    assert square <= (3 * C2**2 + C4 / n) / n**2


def unit_features(C, W, B, history):
    """Three numbers of each unit: their averaged products are the kernel of the full gradient."""
    m, dW, dB = 0.0, np.zeros(len(C)), np.zeros(len(C))
    for x in history[:-1]:
        s = np.tanh(W * x + m)
        p = np.mean(B * (1 - s**2))
        m, dW, dB = np.mean(B * s), B * (1 - s**2) * x + p * dW, s + p * dB
    s = np.tanh(W * history[-1] + m)
    direct = C * (1 - s**2) * history[-1]
    q = np.mean(C * (1 - s**2))
    return np.array([s, direct + q * dW, q * dB]), m


HISTORIES = [1.5, 1.5, -1.0, -1.0], [-1.0, 1.5, 1.5, 1.5]


def added_by_memory(C, W, B):
    (first, m1), (second, m2) = (unit_features(C, W, B, history) for history in HISTORIES)
    K_N = rk.empirical_kernel(rk.RNN(C, W, B, beta=0.75), -1.0, m1, 1.5, m2)[0, 0]
    return np.sum(first * second) / len(C) - K_N


def test_the_path_through_memory_is_small():
    """The features agree with autograd through all steps; the size falls like 1/N and keeps below its bound."""
    n, beta = 12, 0.75
    C, W, B = LAW.sample(n, rng=3)
    W = W[:, 0]

    def output(theta, history):
        m = 0.0
        for x in history[:-1]:
            m = anp.mean(theta[2 * n :] * anp.tanh(theta[n : 2 * n] * x + m))
        return n**-beta * anp.dot(theta[:n], anp.tanh(theta[n : 2 * n] * history[-1] + m))

    gradients = [autograd.grad(output)(np.concatenate([C, W, B]), history) for history in HISTORIES]
    features = [unit_features(C, W, B, history)[0] for history in HISTORIES]
    automatic = n ** (2 * beta - 1) * gradients[0] @ gradients[1]
    assert np.sum(features[0] * features[1]) / n == pytest.approx(automatic, rel=1e-12)

    sizes = {}
    for n_units in (50, 800):
        units = (LAW.sample(n_units, rng=seed) for seed in range(300))
        added = np.array([added_by_memory(C, W[:, 0], B) for C, W, B in units])
        sizes[n_units] = np.sqrt(np.mean(added**2))
        A, R = 3, 1.5 * 3  # n = 3 earlier inputs, L = b̄ = 1, x̄ = 1.5
        assert sizes[n_units] <= np.sqrt(3 * C2**2 + C4 / n_units) / n_units * (2 * 1.5 * R + R**2 + A**2)
    assert sizes[50] / sizes[800] == pytest.approx(16, rel=0.35)


def test_bounds_on_what_memory_adds_are_attained():
    """By linear units with one B, but for σ̄²A²; and by saturated states at B = 0, where that term is all there is."""
    n, b, x = 40, 0.6, 1.5
    C = LAW.sample(n, rng=0)[0]
    A = sum(b**k for k in range(5))
    R = b * x * A

    def added(W, B, history):
        rows, m = unit_features(C, W, B, history)
        now = history[-1], m
        return np.sum(rows**2) / n - rk.empirical_kernel(rk.RNN(C, W, B, beta=0.75), *now, *now)[0, 0]

    linear, saturated = added(np.full(n, 1e-6), np.full(n, b), [x] * 6), added(np.ones(n), np.zeros(n), [20.0, 0.0])
    assert linear == pytest.approx(C.mean() ** 2 * (2 * x * R + R**2), rel=1e-4)
    assert saturated == pytest.approx(C.mean() ** 2, rel=1e-9)
    assert linear <= C.mean() ** 2 * (2 * x * R + R**2) * (1 + 1e-9)
    assert saturated <= C.mean() ** 2 * (1 + 1e-9)
    fourth = (3 * (n - 1) * C2**2 + C4) / n**3  # of C.mean(), and c_N²/N² bounds it
    assert fourth <= (3 * C2**2 + C4 / n) / n**2 <= 1.03 * fourth


def second_moment(history_pair, W, B, w):
    """The limit of N² E(what all paths add)², with means over units that are weighted sums at (W, B).

    N times it tends to z·Az with z = (q, q', r, r') normal, S its covariance: E(z·Az)² = (tr AS)² + 2 tr ASAS.
    """
    ends = []
    for history in history_pair:
        m, dW, dB = 0.0, 0 * W, 0 * W
        for x in history[:-1]:
            s = np.tanh(W * x + m)
            p = w @ (B * (1 - s**2))
            m, dW, dB = w @ (B * s), B * (1 - s**2) * x + p * dW, s + p * dB
        ends.append((history[-1], 1 - np.tanh(W * history[-1] + m) ** 2, dW, dB))
    (x, a, dW, dB), (x2, a2, dW2, dB2) = ends
    linear = np.array([a, a2, a * x * dW2, a2 * x2 * dW])  # of q, q', r, r': averages of C times this
    A = np.zeros((4, 4))
    A[0, 3] = A[1, 2] = 0.5
    A[0, 1] = w @ (dW * dW2 + dB * dB2) / 2
    AS = (A + A.T) @ (C2 * (linear * w) @ linear.T)
    return np.trace(AS) ** 2 + 2 * np.trace(AS @ AS)


def test_what_all_paths_add_in_wide_networks():
    """The second moment of its normal limit, from quadrature: of 20 000 networks with N = 200, and of a million units.

    Four standard errors of the networks are allowed; what is left out is of relative order 1/N.
    """
    (W, w), (B, w_B) = quadrature(), np.polynomial.legendre.leggauss(2)  # of U(0, 1), exact for three moments
    expected = second_moment(HISTORIES, np.repeat(W, 2), np.tile((1 + B) / 2, len(W)), np.outer(w, w_B / 2).ravel())
    _, W, B = LAW.sample(1_000_000, rng=2)
    assert 0.999 < B.max() <= 1.0  # part 3 asks for |B| ≤ b̄, which is 1 here
    assert second_moment(HISTORIES, W[:, 0], B, np.full(len(B), 1e-6)) == pytest.approx(expected, rel=0.01)

    n, n_networks = 200, 20_000
    C, W, B = LAW.sample(n * n_networks, rng=1)
    C, W, B = (each.reshape(n_networks, n) for each in (C, W[:, 0], B))
    ends = []
    for history in HISTORIES:
        m, dW, dB = np.zeros((n_networks, 1)), 0 * W, 0 * W
        for x in history[:-1]:
            s = np.tanh(W * x + m)
            p = np.mean(B * (1 - s**2), axis=1, keepdims=True)
            m, dW, dB = np.mean(B * s, axis=1, keepdims=True), B * (1 - s**2) * x + p * dW, s + p * dB
        direct = C * (1 - np.tanh(W * history[-1] + m) ** 2)
        q = direct.mean(axis=1, keepdims=True)
        ends.append((direct * history[-1], q * dW, q * dB))
    (direct, by_W, by_B), (direct2, by_W2, by_B2) = ends
    added = direct * by_W2 + by_W * direct2 + by_W * by_W2 + by_B * by_B2
    squares = (n * added.mean(axis=1)) ** 2
    tolerance = 4 * squares.std() / np.sqrt(n_networks)
    assert abs(squares.mean() - expected) < tolerance < 0.12 * expected


@pytest.mark.parametrize("d", [1, 2])
def test_arcsine_kernel_with_memory(d):
    """The closed form against the package, for means and memories that are not zero."""
    mean, sd, second = [0.7, -0.3][:d], [1.0, 0.6][:d], 0.25
    laws = [stats.norm(a, s) for a, s in zip(mean, sd, strict=True)]
    kernel = rk.TangentKernel(rk.InitialLaw(stats.norm(0, 0.5), laws, stats.uniform(0, 1)), "erf")
    rng = np.random.default_rng(0)
    for x1, x2 in rng.uniform(-1.2, 1.2, (5, 2, d)):
        m1, m2 = rng.uniform(-0.6, 0.6, 2)
        nu = np.array([mean @ x1 + m1, mean @ x2 + m2])
        T = np.array([[(np.array(sd) ** 2 * p) @ q for q in (x1, x2)] for p in (x1, x2)])
        V = np.eye(2) + 2 * T
        h, k = np.sqrt(2) * nu / np.sqrt(np.diag(V))
        theta = np.arcsin(V[0, 1] / np.sqrt(V[0, 0] * V[1, 1]))
        damped = integrate.quad(
            lambda t, h=h, k=k: np.exp(-(h**2 - 2 * h * k * np.sin(t) + k**2) / (2 * np.cos(t) ** 2)),
            0,
            theta,
            epsabs=1e-14,
        )[0]
        values = special.erf(h / np.sqrt(2)) * special.erf(k / np.sqrt(2)) + 2 / np.pi * damped
        slopes = 4 / np.pi / np.sqrt(np.linalg.det(V)) * np.exp(-nu @ np.linalg.solve(V, nu))
        found = kernel(x1[None], [m1], x2[None], [m2])[0, 0]
        assert found == pytest.approx(values + x1 @ x2 * second * slopes, abs=1e-12)


def test_distance_bounds_what_is_told_apart():
    """|g_t(z) − g_t(z')| ≤ d_K √(αt(ℓ₀ − ℓ_t)), an equality at small t along the mean of f*Φ; and the energy."""
    alpha = 0.7
    data = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2, noise=0.4)
    limit = rk.KernelLimit(data, LAW, learning_rate=alpha)
    mu, kernel = limit.stationary, limit.kernel
    times = np.array([1e-4, 0.1, 1.0, 4.0, 50.0])
    paid = limit.loss([0.0])[0] - limit.loss(times)
    assert (paid > 0).all()
    rng = np.random.default_rng(0)
    x, m = rng.choice([-1.0, 1.5], 12), rng.uniform(-0.4, 0.4, 12)
    g, gram = limit.predict(times, x=x, memory=m), kernel(x, m, x, m)
    for i in range(12):
        for j in range(i):
            distance = np.sqrt(gram[i, i] - 2 * gram[i, j] + gram[j, j])
            assert (np.abs(g[:, i] - g[:, j]) <= distance * np.sqrt(alpha * times * paid) * (1 + 1e-9)).all()
    features = kernel.features(mu.inputs, mu.memory)
    mean = features.T @ (mu.weights * data.mean_target[mu.states])
    here = kernel.features(x, m)
    np.testing.assert_allclose(here @ here[:5].T, gram[:, :5], rtol=1e-10, atol=1e-14)
    for i, j in ((0, 1), (3, 7)):  # at small t: equality up to the angle
        apart = here[i] - here[j]
        cosine = apart @ mean / np.linalg.norm(apart) / np.linalg.norm(mean)
        bound = np.linalg.norm(apart) * np.sqrt(alpha * times[0] * paid[0])
        assert (g[0, i] - g[0, j]) / bound == pytest.approx(cosine, abs=2e-4)
    t, w = np.polynomial.legendre.leggauss(40)  # ∫₀¹ |θ̇|² dt = α (ℓ₀ − ℓ₁)
    left = data.mean_target[mu.states] - limit.predict((1 + t) / 2, x=mu.inputs, memory=mu.memory)
    velocity = alpha * (left * mu.weights) @ features
    assert w / 2 @ np.sum(velocity**2, axis=1) == pytest.approx(alpha * paid[2], rel=1e-8)


def test_a_mean_of_output_weights_brings_the_part_of_b_back():
    """With E C = ½ the average q tends to ½ E σ', and the part of B to ρ̄ q̄ q̄'."""
    n = 400_000
    C, W, _ = rk.InitialLaw(stats.uniform(0, 1), stats.norm(0.7, 1), stats.uniform(0, 1)).sample(n, rng=0)
    nodes, w = quadrature()
    for x, m in ((-1.0, -0.2), (1.5, 0.4)):
        slopes = C * (1 - np.tanh(W[:, 0] * x + m) ** 2)
        expected = 0.5 * w @ (1 - np.tanh(nodes * x + m) ** 2)
        assert abs(slopes.mean() - expected) < 4 * slopes.std() / np.sqrt(n) < 0.02 * expected
