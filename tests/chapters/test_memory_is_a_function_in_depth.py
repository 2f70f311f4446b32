"""The statement on matrices of rank r, against an independent computation."""

import numpy as np
from functions import fine
from numpy.testing import assert_allclose
from reference import LAW
from scipy import stats


def test_rank_r_keeps_r_numbers():
    """Rank two with dependent (W, U, B), against averages over a product grid; and q_r = L E[|B||U|]."""
    x = np.array([1.5, -1.0, 1.5, 0.4])
    nodes, weights = LAW.quadrature
    angle = 2 * np.pi * (np.arange(64) + 0.5) / 64

    def factors(w, t):
        U = 1.2 * np.stack([np.cos(t), np.sin(t)])
        return U, 0.6 * np.stack([np.cos(t - 1), np.sin(t - 1)]) + np.stack([0.2 * np.tanh(w), 0.1 + 0 * w])

    w, t = (each.ravel() for each in np.meshgrid(nodes[:, 0], angle, indexing="ij"))
    p = np.repeat(weights, 64) / 64
    U, B = factors(w, t)

    def step(xi, m):
        return (B * np.tanh(w * xi + m @ U)) @ p

    M = [np.zeros(2)]
    for xi in x:
        M.append(step(xi, M[-1]))
    points, density = fine(stats.norm(0.7, 1), -10, 11)
    points, density = points[::20], 20 * density[::20]
    by_hand = [np.zeros(2)]
    for xi in x:  # the same averages over W by trapezoids
        each = []
        for angle_of in angle:
            U_t, B_t = factors(points, angle_of * np.ones(len(points)))
            each.append(B_t * np.tanh(points * xi + by_hand[-1] @ U_t) @ density)
        by_hand.append(np.mean(each, axis=0))
    assert_allclose(M, by_hand, rtol=1e-6, atol=1e-9)
    rng = np.random.default_rng(27)
    n = 200_000
    W, T = rng.normal(0.7, 1, n), rng.uniform(0, 2 * np.pi, n)
    U_n, B_n = factors(W, T)
    S, m = np.zeros(n), []
    for xi in x:
        m.append(B_n @ S / n)
        S = np.tanh(W * xi + m[-1] @ U_n)
    assert_allclose(m, M[:-1], atol=0.01)
    assert np.abs(M[1:4]).min(axis=1).max() > 0.05  # both numbers move
    q = float(np.hypot(*B) * np.hypot(*U) @ p)
    shrink = [
        np.hypot(*(step(xi, a) - step(xi, b))) / np.hypot(*(a - b))
        for xi in (0.0, *x)
        for a, b in rng.normal(0, 0.5, (50, 2, 2))
    ]
    assert 0.3 * q < max(shrink) <= q
    # the matrix itself: its rows are U^i·B^j/N, and it has rank two
    A = U_n[:, :300].T @ B_n[:, :300] / 300
    assert np.linalg.matrix_rank(A) == 2
    S = np.tanh(W[:300])
    assert_allclose(A @ S, U_n[:, :300].T @ (B_n[:, :300] @ S / 300), atol=1e-14)
