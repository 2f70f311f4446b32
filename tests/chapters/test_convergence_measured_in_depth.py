"""What the page *Convergence, measured, in depth* states, against the package."""

import naive
import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats
from scipy.optimize import minimize_scalar

import rnnkernel as rk

POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
ALPHA, TIME = 0.8, 2.0


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW, learning_rate=ALPHA)


def test_variance_of_what_is_left_of_the_first_output(limit):
    """The same at every N; its mean over μ as a sum over modes, and the bound E[C²] Σ λ_i exp(−2αλ_i t)."""
    mu, (W, weights) = limit.stationary, limit.law.quadrature
    after = naive.propagate(limit, TIME, **POINTS)
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
