"""The statements of *The random fixed point, in depth*, each against an independent computation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

MODERATE = rk.InitialLaw(LAW.output, stats.norm(0.7, 1), stats.uniform(0.2, 0.6))
NARROW = rk.InitialLaw(LAW.output, stats.norm(1, 0.2), stats.uniform(0, 0.8))


def test_disjoint_images_make_memory_invertible():
    memory = rk.MemoryMap(NARROW)
    low, high = (float(memory.fixed_points(x)[0]) for x in (-0.5, 0.5))
    border = (memory(-0.5, high) + memory(0.5, low)) / 2
    assert memory(-0.5, high) < border < memory(0.5, low)
    rng = np.random.default_rng(12)
    for _ in range(20):
        history = rng.choice([-0.5, 0.5], 60)
        value = memory.fixed_point(history)
        assert low <= value <= high
        for x in history[::-1][:12]:
            assert (value > border) == (x > 0)
            a, b = low, high
            for _ in range(60):
                middle = (a + b) / 2
                a, b = (middle, b) if memory(x, middle) < value else (a, middle)
            value = a


def test_cantor_set_has_length_zero():
    memory = rk.MemoryMap(NARROW)
    low, high = (float(memory.fixed_points(x)[0]) for x in (-0.5, 0.5))
    kappa = max(memory.derivative(x, np.linspace(low, high, 400)).max() for x in (-0.5, 0.5))
    assert kappa < 0.5
    intervals = np.array([[low, high]])
    for n in range(1, 11):
        intervals = np.concatenate([memory(x, intervals.ravel()).reshape(-1, 2) for x in (-0.5, 0.5)])
        lengths = np.diff(intervals)[:, 0]
        assert (lengths <= kappa**n * (high - low) * (1 + 1e-9)).all()
        assert (intervals[1:, 0] > intervals[:-1, 1]).all()  # disjoint, from left to right: latest input first
    assert lengths.sum() < (2 * kappa) ** 10 * (high - low) < 0.06 * (high - low)
    path = memory.trajectory(np.random.default_rng(13).choice([-0.5, 0.5], 2000))[50:]
    inside = (path[:, None] >= intervals[:, 0] - 1e-12) & (path[:, None] <= intervals[:, 1] + 1e-12)
    assert (inside.sum(axis=1) == 1).all()


@pytest.mark.parametrize(("q", "size", "sharp"), [(0.95, 0.5, 0.1), (0.1, 0.2, 0.8)])
def test_density_of_memory_is_bounded(q, size, sharp):
    """At most ρ/c, with ρ = 1/(2 size); nearly ρ/c if φ is nearly linear in x and hardly depends on m."""
    memory = rk.MemoryMap(rk.InitialLaw(LAW.output, stats.norm(1, 0.2), stats.uniform(0, 2 * q)))
    x, m = np.meshgrid(np.linspace(-size, size, 41), np.linspace(-q, q, 81))
    w = memory.law.quadrature.nodes[:, 0]
    slope = (1 - np.tanh(np.multiply.outer(x, w) + m[..., None]) ** 2) @ (
        memory.law.quadrature.weights * memory.law.recurrent_mean * w
    )
    c = slope.min()
    assert c > 0
    rng = np.random.default_rng(14)
    values = np.zeros(40_000)
    for _ in range(60):
        values = memory(rng.uniform(-size, size, values.size), values)
    count, edges = np.histogram(values, 40)
    width = edges[1] - edges[0]
    density, error = count / values.size / width, np.sqrt(count) / values.size / width
    bound = 1 / (2 * size * c)
    assert (density <= bound + 5 * error).all()
    assert density.max() > sharp * bound


def test_old_inputs_matter_geometrically_little():
    memory = rk.MemoryMap(LAW)
    recent, _ = DATA.simulate(10, rng=15)
    lipschitz = float(LAW.quadrature.weights @ np.abs(LAW.recurrent_mean * LAW.quadrature.nodes[:, 0]))
    rng = np.random.default_rng(16)
    for n in range(11):
        pasts = [np.append(rng.choice(DATA.inputs, 60), recent[10 - n :]) for _ in range(2)]
        gap = abs(memory.fixed_point(pasts[0]) - memory.fixed_point(pasts[1]))
        assert gap <= 2 * 0.5 * 0.5**n
        other = pasts[0] + rng.uniform(-0.1, 0.1, len(pasts[0]))
        weights = 0.5 ** np.arange(len(other))[::-1]
        gap = abs(memory.fixed_point(pasts[0]) - memory.fixed_point(other))
        assert 0 < gap <= lipschitz * weights @ np.abs(pasts[0] - other)
    quiet = np.zeros(8)  # at x = 0 and small m each step costs the factor q exactly
    pasts = [np.full(60, each) for each in (-0.01, 0.01)]
    old = memory.fixed_point(pasts[1]) - memory.fixed_point(pasts[0])
    late = [memory.fixed_point(np.append(past, quiet)) for past in pasts]
    assert_allclose(late[1] - late[0], 0.5**8 * old, rtol=1e-3)
    for j in (1, 2, 5):  # one input moved, j steps back
        moved = np.zeros(60)
        moved[-j] = 1e-3
        gap = abs(memory.fixed_point(moved) - memory.fixed_point(np.zeros(60)))
        assert 0.7 < gap / (lipschitz * 0.5 ** (j - 1) * 1e-3) <= 1
    length = int(np.ceil(np.log(1e-6 / 1.0) / np.log(0.5)))
    assert 0.5**length <= 1e-6 < 0.5 ** (length - 1)


def test_lyapunov_exponent_is_the_rate_of_forgetting():
    memory = rk.MemoryMap(MODERATE)
    x, _ = DATA.simulate(400, rng=17)
    M = memory.trajectory(x)
    log_slopes = np.log(memory.derivative(x, M[:-1]))
    for n in (10, 20):
        apart = memory.forgetting(x[:n], start=-0.4, other=0.4)[-1]
        exact = np.log(0.8) + log_slopes[:n].sum()
        assert abs(np.log(apart) - exact) < 1.0  # a constant: the same for both n
    apart = np.log(memory.forgetting(x[:14], -0.4, 0.4))
    assert_allclose(apart[14] - apart[6], log_slopes[6:14].sum(), atol=2e-3)
    h = 1e-6
    derivative = (memory.trajectory(x[:8], start=h)[-1] - memory.trajectory(x[:8], start=-h)[-1]) / (2 * h)
    assert_allclose(np.log(derivative), log_slopes[:8].sum(), atol=1e-4)
    assert log_slopes.max() <= np.log(memory.contraction)
