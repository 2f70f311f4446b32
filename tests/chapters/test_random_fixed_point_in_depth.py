"""The statements of *The random fixed point, in depth*, each against an independent computation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import DATA, LAW
from scipy import optimize, stats

import rnnkernel as rk

MODERATE = rk.InitialLaw(LAW.output, stats.norm(0.7, 1), stats.uniform(0.2, 0.6))
NARROW = rk.InitialLaw(LAW.output, stats.norm(1, 0.2), stats.uniform(0, 0.8))


def by_hand(memory, x, m):
    """φ(x, m) = E[B tanh(W x + m)] for many pairs, by the law's quadrature."""
    nodes, weights = memory.law.quadrature
    return np.tanh(np.multiply.outer(x, nodes[:, 0]) + np.asarray(m)[..., None]) @ (weights * memory.law.recurrent_mean)


def by_differences(memory, x, m, h=1e-5):
    return (by_hand(memory, x, m + h) - by_hand(memory, x, m - h)) / (2 * h)


def listened(memory, inputs, start=0.0):
    for x in inputs:
        start = by_hand(memory, x, start)
    return start


def test_disjoint_images_make_memory_invertible():
    memory = rk.MemoryMap(NARROW)
    low, high = (float(memory.fixed_points(x)[0]) for x in (-0.5, 0.5))
    assert_allclose([low, high], [by_hand(memory, -0.5, low), by_hand(memory, 0.5, high)], rtol=1e-9)
    border = (memory(-0.5, high) + memory(0.5, low)) / 2
    assert memory(-0.5, high) < border < memory(0.5, low)
    rng = np.random.default_rng(12)
    for _ in range(20):
        history = rng.choice([-0.5, 0.5], 60)
        value = memory.fixed_point(history)
        assert_allclose(value, listened(memory, history), rtol=1e-12)
        assert low <= value <= high
        for x in history[::-1][:12]:
            assert (value > border) == (x > 0)
            a, b = low, high
            for _ in range(60):
                middle = (a + b) / 2
                a, b = (middle, b) if memory(x, middle) < value else (a, middle)
            value = a


@pytest.mark.parametrize("q", [0.4, 0.6])
def test_cantor_set_has_length_zero(q):
    """Also where slopes exceed ½, as long as the images are disjoint; each level loses the share of the proof."""
    memory, xs = rk.MemoryMap(rk.InitialLaw(LAW.output, stats.norm(1, 0.2), stats.uniform(0, 2 * q))), (-0.5, 0.5)
    low, high = (float(memory.fixed_points(x)[0]) for x in xs)
    assert_allclose([low, high], [by_hand(memory, x, p) for x, p in zip(xs, (low, high), strict=True)], rtol=1e-9)
    inside = np.linspace(low, high, 400)
    slopes = np.array([memory.derivative(x, inside) for x in xs])
    for x, slope in zip(xs, slopes, strict=True):
        assert_allclose(slope, by_differences(memory, x, inside), rtol=1e-8)
    kappa, chi = slopes.max(axis=1), slopes.min(axis=1)
    assert (kappa.sum() > 1) == (q == 0.6)
    gap = float(memory(0.5, low) - memory(-0.5, high)) / (high - low)
    assert gap > 0
    steepness = np.abs(np.diff(np.log(slopes))).max() / (inside[1] - inside[0])  # Λ
    least = gap * np.exp(-steepness * (high - low) / (1 - memory.contraction))
    words, total = {(): np.array([low, high])}, high - low
    for _ in range(10):
        words = {(i, *w): memory(xs[i], ends) for i in (0, 1) for w, ends in words.items()}
        length = sum(float(np.diff(ends)[0]) for ends in words.values())
        assert length <= (1 - least) * total
        total = length
    for w, ends in words.items():
        share = np.diff(ends)[0] / (high - low)
        assert np.prod(chi[list(w)]) * (1 - 1e-9) <= share <= np.prod(kappa[list(w)]) * (1 + 1e-9)
    intervals = np.array([words[w] for w in sorted(words)])
    assert (intervals[1:, 0] > intervals[:-1, 1]).all()  # disjoint, from left to right: latest input first
    path = memory.trajectory(np.random.default_rng(13).choice(xs, 2000))[50:]
    held = (path[:, None] >= intervals[:, 0] - 1e-12) & (path[:, None] <= intervals[:, 1] + 1e-12)
    assert (held.sum(axis=1) == 1).all()


@pytest.mark.parametrize(("inputs", "width"), [((-0.5, 0.5), 0.2), ((-1.0, 0.5), 0.2), ((-0.1, 0.1), 0.01)])
def test_box_dimension_is_between_moran_s_two_numbers(inputs, width):
    """Intervals that a grid of width r needs, for two r; nearly linear maps leave no room between the two numbers."""
    memory = rk.MemoryMap(rk.InitialLaw(LAW.output, stats.norm(1, width), stats.uniform(0, 0.8)))
    low, high = (float(memory.fixed_points(x)[0]) for x in inputs)
    slopes = np.array([memory.derivative(x, np.linspace(low, high, 400)) for x in inputs])
    least, most = (
        optimize.brentq(lambda D, s=s: (s**D).sum() - 1, 0.01, 3) for s in (slopes.min(axis=1), slopes.max(axis=1))
    )
    assert 0 < least < most < 1
    assert width > 0.1 or most < 1.1 * least
    points = np.array([low, high])
    for _ in range(16):
        points = np.concatenate([memory(x, points) for x in inputs])
    widths = (high - low) * np.array([0.1, 1e-4])
    boxes = [len(np.unique(np.floor((points - low) / r))) for r in widths]
    dimension = np.log(boxes[1] / boxes[0]) / np.log(widths[0] / widths[1])
    slack = np.log(2) / np.log(widths[0] / widths[1])  # a factor two between the constants of the two scales
    assert least - slack < dimension < most + slack


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
    assert_allclose(memory(x.ravel(), m.ravel()), by_hand(memory, x.ravel(), m.ravel()), atol=1e-13)
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
    q, a = memory.contraction, LAW.recurrent_absolute_mean
    assert_allclose([q, a], 0.5, rtol=1e-12)  # tanh, and B uniform on [0, 1]
    recent, _ = DATA.simulate(10, rng=15)
    assert_allclose(memory.fixed_point(recent), listened(memory, recent), rtol=1e-12)
    lipschitz = float(LAW.quadrature.weights @ np.abs(LAW.recurrent_mean * LAW.quadrature.nodes[:, 0]))
    rng = np.random.default_rng(16)
    for n in range(11):
        pasts = [np.append(rng.choice(DATA.inputs, 60), recent[10 - n :]) for _ in range(2)]
        gap = abs(memory.fixed_point(pasts[0]) - memory.fixed_point(pasts[1]))
        assert gap <= 2 * a * q**n
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
    slopes = memory.derivative(x, M[:-1])
    assert_allclose(slopes, by_differences(memory, x, M[:-1]), rtol=1e-8)
    log_slopes = np.log(slopes)
    ends = [memory.trajectory(x[:14], start=start) for start in (-0.4, 0.4)]
    assert_allclose(memory.forgetting(x[:14], -0.4, 0.4), ends[1] - ends[0], rtol=1e-6)
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
    rest = memory.derivative(np.zeros(5), memory.trajectory(np.zeros(4)))  # no input, no memory: the steepest point
    assert np.exp(np.log(rest).mean()) <= memory.contraction * (1 + 1e-12)
