"""Statements of *Fluctuations while learning, in depth* against exact computation or, where named, simulation."""

import numpy as np
import pytest
from kernel_learner import BUILT, RATE, solved, variance


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
