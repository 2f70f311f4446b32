"""What the page on real sequences in depth states, against plain formulas."""

import itertools

import numpy as np
import pytest
from reference import DATA
from scipy.integrate import solve_ivp
from test_real_sequences import LAW, stopped

import rnnkernel as rk


def test_two_laws_two_limits():
    """The bound on the distance in the space of the kernel, which is attained for short times."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 12)), rng.normal(size=(2, 12))
    alpha = 0.7
    limits = [rk.KernelLimit(each, LAW, learning_rate=alpha) for each in zip(x, y, strict=True)]
    m = [limit.memory_map.trajectory(each)[:-1] for limit, each in zip(limits, x, strict=True)]
    all_x, all_m = x.ravel(), np.concatenate(m)
    both = limits[0].kernel(all_x, all_m, all_x, all_m)
    np.testing.assert_allclose(both, both.T, atol=1e-14)  # the norms below are those of a space of functions
    assert np.linalg.eigvalsh(both).min() > -1e-12

    def distance(t):
        parts = [stopped(limits[i].kernel(x[i], m[i], x[i], m[i]), y[i], t, alpha) for i in (0, 1)]
        a = np.append(-parts[0], parts[1])
        return np.sqrt(a @ both @ a), both @ a

    def force(t):
        residual = (y.ravel() - limits[0].predict(t, all_x, all_m)) / 12 * np.repeat([-1, 1], 12)
        return np.sqrt(residual @ both @ residual)

    assert distance(1e-4)[0] == pytest.approx(alpha * 1e-4 * force(0.0), rel=1e-3)
    times = np.linspace(0, 8, 161)
    bounds = alpha * np.append(
        0, np.cumsum(np.diff(times) * [(force(s) + force(r)) / 2 for s, r in itertools.pairwise(times)])
    )
    for t, bound in zip(times[20::20], bounds[20::20], strict=True):
        norm, values = distance(t)
        assert norm <= bound * (1 + 1e-6)
        assert norm > 0.2 * bound
        assert (np.abs(values) <= np.sqrt(np.diag(both)) * norm + 1e-12).all()
        differ = limits[1].predict(t, all_x, all_m) - limits[0].predict(t, all_x, all_m)
        np.testing.assert_allclose(values, differ, atol=1e-6)


def test_longer_records_tend_to_the_law():
    """Root mean square over records of the distance to the limit of the chain: like n^(−1/2)."""
    where = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
    exact = rk.KernelLimit(DATA, LAW).predict(2.0, **where)
    errors = [
        [rk.KernelLimit(DATA.simulate(n, rng=seed), LAW).predict(2.0, **where) - exact for seed in range(40)]
        for n in (100, 400, 1600)
    ]
    x, y = DATA.simulate(100, rng=0)
    limit = rk.KernelLimit((x, y), LAW)
    m = limit.memory_map.trajectory(x)[:-1]
    by_hand = limit.kernel(where["x"], where["memory"], x, m) @ stopped(limit.kernel(x, m, x, m), y, 2.0, 1.0)
    np.testing.assert_allclose(errors[0][0], by_hand - exact, atol=1e-9)
    mu = rk.StationaryLaw(DATA, rk.MemoryMap(LAW))
    generator = limit.kernel(mu.inputs, mu.memory, mu.inputs, mu.memory) * mu.weights
    flow = solve_ivp(lambda _, g: generator @ (mu.targets - g), (0, 2), np.zeros(len(mu.memory)), rtol=1e-9, atol=1e-11)
    at_nodes = rk.KernelLimit(DATA, LAW).predict(2.0, mu.inputs, mu.memory)
    np.testing.assert_allclose(at_nodes, flow.y[:, -1], atol=1e-6)
    rate = rk.fit_rate((100, 400, 1600), errors, of="error")
    assert abs(rate.exponent + 0.5) < 0.12
