"""The statements of the chapter on memory as a function, each against an independent computation."""

import warnings

import numpy as np
import pytest
from functions import fine, mean, spread, tanh_units
from numpy.testing import assert_allclose, assert_array_less
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

OUTPUT, WEIGHTS = stats.uniform(-1, 2), stats.norm(0.7, 1)
MODERATE = rk.InitialLaw(OUTPUT, WEIGHTS, stats.uniform(0.2, 0.6))
SIGNED = rk.InitialLaw(OUTPUT, WEIGHTS, lambda w: np.sin(3 * w[:, 0]) + 0.3)
SKEW = stats.beta(2, 5, -1, 4)
SKEWED = rk.InitialLaw(OUTPUT, SKEW, lambda w: 0.6 * np.cos(2 * w[:, 0]))  # nodes and weights without a symmetry
L2 = 4 / (3 * np.sqrt(3))  # sup|tanh''|


def memory_map(law):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        return rk.MemoryMap(law)


def network(law, n_units, seed):
    return rk.RNN.sample(law, n_units=n_units, beta=0.75, rng=seed)


def averages(law):
    """Points w, their weights and b(w), for averages over λ without the package's quadrature."""
    w, p = fine(SKEW, -1, 3) if law is SKEWED else fine(law.inputs[0], -10, 11)
    given = law.recurrent
    return w, p, given(w[:, None]) if not hasattr(given, "mean") else np.full(len(w), given.mean())


def memories(law, inputs, start=0.0):
    """M_k by hand: E_λ[B tanh(W x + M)], one input after another."""
    w, p, b = averages(law)
    M = [start]
    for x in inputs:
        M.append(float(p @ (b * np.tanh(w * x + M[-1]))))
    return np.array(M)


def sensitivities(law, inputs):
    """G_k, k = 0, 1, …: what the memory error owes to a unit, as a function of w at the quadrature nodes."""
    w, p, b = averages(law)
    phi, G = memory_map(law), [np.zeros(len(law.quadrature.weights))]
    for x, m in zip(inputs, memories(law, inputs)[:-1], strict=True):
        d = phi.derivative(x, m)
        assert_allclose(d, p @ (b * (1 - np.tanh(w * x + m) ** 2)), rtol=1e-6)
        G.append(d * G[-1] + tanh_units(law, x, m))
    return G


def networks(inputs, n_units, count, half_width, seed):
    """Memories, and last hidden states, of many networks at once: W ~ N(0.7, 1), B uniform around ½."""
    rng = np.random.default_rng(seed)
    W = rng.normal(0.7, 1, (count, n_units))
    B = rng.uniform(0.5 - half_width, 0.5 + half_width, (count, n_units))
    S, m = np.zeros_like(W), []
    for x in inputs:
        m.append((B * S).mean(axis=1))
        S = np.tanh(W * x + m[-1][:, None])
    return np.array([*m, (B * S).mean(axis=1)]), S


# The mean field


def test_memory_obeys_the_law_of_large_numbers():
    """At a fixed step, and with q = 1.5 > 1: only uniformity in time needs q < 1."""
    law = rk.InitialLaw(OUTPUT, stats.norm(0.7, 1), stats.uniform(0, 3))
    x, _ = DATA.simulate(6, rng=2)
    M = memory_map(law).trajectory(x)
    assert_allclose(M, memories(law, x), rtol=1e-7)
    wide = network(law, 400_000, 3)
    assert_allclose(wide.trajectory(x), M, atol=0.01)
    last = np.tanh(wide.inputs[:, 0] * x[-1] + wide.trajectory(x)[-2])
    expected = mean(law, np.cos(law.quadrature.nodes[:, 0]) * tanh_units(law, x[-1], M[-2]) ** 3)
    assert_allclose(np.mean(np.cos(wide.inputs[:, 0]) * last**3), expected, atol=0.01)


@pytest.mark.parametrize(("x", "sign"), [((1.5, 1.5, -1.0, 1.5), -1), ((1.5, 1.5, 1.5), 1)])
def test_units_become_independent(x, sign):
    """N Cov(S¹, S²), over all pairs of units, against its prediction to first order; states against v_k(W)."""
    M, G = memory_map(LAW).trajectory(x), sensitivities(LAW, x)
    assert_allclose(M, memories(LAW, x), rtol=1e-7)
    v = tanh_units(LAW, x[-1], M[-2])
    c, g = mean(LAW, 1 - v**2), G[-2]
    predicted = c**2 * spread(LAW, g) ** 2 + 2 * c * (mean(LAW, 0.5 * g * v) - mean(LAW, 0.5 * g) * mean(LAW, v))
    assert sign * predicted > 0.05
    for n_units in (20, 80):
        _, S = networks(x, n_units, 20_000, 0.5, seed=n_units)
        S -= S.mean()
        pairs = (S.sum(axis=1) ** 2 - (S**2).sum(axis=1)) / (n_units * (n_units - 1))
        error = pairs.std() / np.sqrt(len(pairs))
        assert abs(pairs.mean() - predicted / n_units) < 4 * error + abs(predicted) / n_units**2
        assert error < 0.1 * abs(predicted) / n_units  # sharp enough to tell 1/N from anything else
    gaps = []
    for n_units in (100, 10_000):
        net = network(LAW, n_units, 3)
        m = net.trajectory(x)
        gaps.append(np.abs(np.tanh(net.inputs[:3, 0] * x[-1] + m[-2]) - np.tanh(net.inputs[:3, 0] * x[-1] + M[-2])))
        assert gaps[-1].max() <= abs(m[-2] - M[-2])
    assert gaps[1].max() < 0.02


def test_variance_of_the_memory_error_is_predicted():
    x, _ = DATA.simulate(12, rng=20)
    squares = 0.25 + 0.6**2 / 12, (np.sin(3 * SIGNED.quadrature.nodes[:, 0]) + 0.3) ** 2
    for law, square in zip((MODERATE, SIGNED), squares, strict=True):
        assert_allclose(law.recurrent_square, square + np.zeros(len(law.recurrent_square)), rtol=1e-12)
        M = memories(law, x)
        predicted = [spread(law, G) for G in sensitivities(law, x)[1:]]
        errors = np.array([network(law, 1000, seed).trajectory(x) - M for seed in range(2000)])[:, 1:] * np.sqrt(1000)
        assert_allclose(np.sqrt((errors**2).mean(axis=0)), predicted, rtol=0.07)
        nu = max(spread(law, tanh_units(law, xi, m)) for xi, m in zip(x, M[:-1], strict=True))
        assert max(predicted) <= nu / (1 - law.recurrent_absolute_mean)
    assert stats.kstest(errors[:, -1] / predicted[-1], "norm").pvalue > 1e-3
    small, ones = rk.InitialLaw(OUTPUT, stats.norm(0.05, 0.01), stats.uniform(0.2, 0.6)), np.ones(40)
    largest = max(spread(small, G) for G in sensitivities(small, ones))  # one input, σ′ near L: every step adds up
    nu = max(spread(small, tanh_units(small, 1.0, m)) for m in memories(small, ones))
    assert largest <= nu / (1 - 0.5)
    assert largest >= 0.97 * nu / (1 - 0.5)


def test_only_the_conditional_mean_of_b_survives():
    """B = ½, and B uniform on ½ ± h: one limit, and errors whose variances differ by E[Var(B) G²]."""
    x = np.array([1.5, 1.5, -1.0, 1.5])
    constant = rk.InitialLaw(OUTPUT, WEIGHTS, lambda w: np.full(len(w), 0.5))
    limit = memory_map(constant)
    G = sensitivities(LAW, x)[-1]
    of_mean = mean(LAW, 0.25 * G**2) - mean(LAW, 0.5 * G) ** 2
    for h in (1e-9, 0.5, 2.0):
        law = rk.InitialLaw(OUTPUT, WEIGHTS, stats.uniform(0.5 - h, 2 * h))
        assert_allclose(memory_map(law).trajectory(x), limit.trajectory(x), atol=1e-9)
        assert_allclose(law.recurrent_mean, 0.5)
        assert_allclose(law.recurrent_square, 0.25 + h**2 / 3, rtol=1e-12)
        V = of_mean + h**2 / 3 * mean(LAW, G**2)
        assert_allclose(V, spread(law, G) ** 2, rtol=1e-6)
        m, _ = networks(x, 1000, 3000, h, seed=4)
        assert_allclose(1000 * np.mean((m[-1] - limit.trajectory(x)[-1]) ** 2), V, rtol=0.12)
    assert abs(memory_map(MODERATE).trajectory(x)[-1] - limit.trajectory(x)[-1]) < 1e-9  # mean ½ as well
    other = memory_map(rk.InitialLaw(OUTPUT, WEIGHTS, lambda w: 0.5 * np.sign(w[:, 0])))
    assert abs(other.trajectory(x)[-1] - limit.trajectory(x)[-1]) > 0.05  # |B| = ½, but another conditional mean


def changes(before, after):
    """What a step has moved: C, W (d = 1) and B."""
    pairs = (
        (before.output, after.output),
        (before.inputs[:, 0], after.inputs[:, 0]),
        (before.recurrent, after.recurrent),
    )
    return [new - old for old, new in pairs]


def one_update(network, x, y, alpha, clip):
    """The same by hand, at β = ¾: α N^{β−2} e times S, C σ′ x and S_k (1/N) Σ C σ′."""
    C, W, n = network.output, network.inputs[:, 0], len(network.output)
    S = np.tanh(W * x + network.recurrent @ network.hidden / n)
    slopes = C * (1 - S**2)
    step = alpha * n**-1.25 * np.clip(y - n**-0.75 * C @ S, -clip, clip)
    return step * S, step * slopes * x, step * network.hidden * slopes.mean()


def test_bounds_on_one_step_are_attained():
    """C and B by a saturated unit, W by units with u = 0; and a start beyond s moves B beyond its bound."""
    n, alpha, c = 50, 0.8, 1e-3
    W = np.zeros(n)
    W[0] = 40.0
    for start in (1.0, 10.0):
        S = np.zeros(n)
        S[0] = start
        before = rk.RNN(np.ones(n), W, np.zeros(n), beta=0.75, hidden=S)
        after = rk.train(before, ([1.5], [1e3]), learning_rate=alpha, clip=c).network
        step, (moved_C, moved_W, moved_B) = alpha * c * n**-1.25, changes(before, after)
        assert_allclose(moved_C[0], step, rtol=1e-8)
        assert_allclose(moved_W[1:], step * 1.5, rtol=1e-8)
        assert_allclose(moved_B[0], step * start * (1 - 1 / n), rtol=1e-8)
        assert moved_W.max() <= step * 1.5 * (1 + 1e-8)
        if start == 1.0:
            assert moved_B[0] <= step
        else:
            assert moved_B[0] > 9 * step


def test_parameters_creep_and_hidden_units_jump():
    steps, clip = 20, 0.5
    x, y = DATA.simulate(steps + 1, rng=1)
    for n_units in (100, 10_000):
        before = rk.train(network(LAW, n_units, 0), (x[:-1], y[:-1]), learning_rate=0.8, clip=clip).network
        after = rk.train(before, (x[-1:], y[-1:]), learning_rate=0.8, clip=clip).network
        for made, by_hand in zip(changes(before, after), one_update(before, x[-1], y[-1], 0.8, clip), strict=True):
            assert_allclose(made, by_hand, rtol=1e-7, atol=1e-15)
        largest = np.abs(before.output).max()
        step = 0.8 * clip * n_units ** (0.75 - 2)
        assert 0.9 * step < np.abs(after.output - before.output).max() <= step
        assert 0.5 * step * largest * 1.5 < np.abs(after.inputs - before.inputs).max() <= step * largest * 1.5
        assert 0 < np.abs(after.recurrent - before.recurrent).max() <= step * largest
    M = rk.MemoryMap(LAW).trajectory(x)
    assert_allclose(M, memories(LAW, x), rtol=1e-7)
    frozen = network(LAW, 40_000, 0)
    m = frozen.trajectory(x)
    for k in range(1, steps):
        jump = mean(LAW, (tanh_units(LAW, x[k], M[k]) - tanh_units(LAW, x[k - 1], M[k - 1])) ** 2)
        units = [np.tanh(frozen.inputs[:, 0] * x[j] + m[j]) for j in (k - 1, k)]
        assert_allclose(np.mean((units[1] - units[0]) ** 2), jump, atol=0.03)
        assert jump > (0.5 if x[k] != x[k - 1] else 0)


# The space of memory functions


@pytest.mark.parametrize(("mean_w", "sd_w"), [(0.0, 1.0), (0.7, 0.4)])
def test_sobolev_norm_of_known_functions(mean_w, sd_w):
    """‖cos(aw + c)‖² and ‖exp(−w²)‖² under a normal law, in closed form."""
    law = rk.InitialLaw(OUTPUT, stats.norm(mean_w, sd_w), stats.uniform(0, 1))
    w = law.quadrature.nodes[:, 0]
    a, c = 1.3, 0.4
    cosine = np.exp(-2 * (a * sd_w) ** 2) * np.cos(2 * (a * mean_w + c))  # E cos(2(aW + c))
    norm = mean(law, np.cos(a * w + c) ** 2) + mean(law, (a * np.sin(a * w + c)) ** 2)
    assert_allclose(norm, (1 + cosine) / 2 + a**2 * (1 - cosine) / 2, rtol=1e-12)
    # exp(−2w²) turns N(μ, s²) into N(μ/(1 + 4s²), s²/(1 + 4s²)) with total mass (1 + 4s²)^(−1/2) exp(−2μ²/(1 + 4s²))
    v = 4 * sd_w**2
    mass = np.exp(-2 * mean_w**2 / (1 + v)) / np.sqrt(1 + v)
    second = (mean_w / (1 + v)) ** 2 + sd_w**2 / (1 + v)
    norm = mean(law, np.exp(-2 * w**2)) + mean(law, (2 * w * np.exp(-(w**2))) ** 2)
    assert_allclose(norm, mass * (1 + 4 * second), rtol=1e-12)


def test_sobolev_norm_under_a_skewed_law():
    w, p = SKEWED.quadrature.nodes[:, 0], SKEWED.quadrature.weights
    points, weights = fine(SKEW, -1, 3)
    for v, gradient in ((np.cos, np.sin), (np.exp, np.exp), (np.tanh, lambda w: 1 - np.tanh(w) ** 2)):
        norm = weights @ (v(points) ** 2 + gradient(points) ** 2)
        assert_allclose(p @ v(w) ** 2 + p @ gradient(w) ** 2, norm, rtol=1e-6)


def sobolev_norm(law, values, gradients):
    return np.sqrt(mean(law, values**2) + mean(law, gradients**2))


@pytest.mark.parametrize("law", [LAW, MODERATE, SIGNED, SKEWED])
def test_memory_functions_contract_in_the_sobolev_norm(law):
    b, phi = law.recurrent_mean, memory_map(law)
    points, density, b_of = averages(law)
    q = phi.contraction
    assert_allclose(q, density @ np.abs(b_of), rtol=3e-3)  # |b| has kinks, which the rule smooths
    ell_1 = np.sqrt(1 + (L2 * 1.5) ** 2)
    x, _ = DATA.simulate(12, rng=4)
    w = law.quadrature.nodes[:, 0]
    for u, v in ((np.cos(w), np.sin(5 * w)), (np.ones_like(w), -np.ones_like(w)), (w / 9, np.exp(-(w**2)))):
        start, start_of_v = abs(mean(law, b * (u - v))), mean(law, b * v)
        for k, xi in enumerate(x):
            distance_before = np.sqrt(mean(law, (u - v) ** 2))
            u, v = (tanh_units(law, xi, mean(law, b * old)) for old in (u, v))  # noqa: PLW2901
            du, dv = xi * (1 - u**2), xi * (1 - v**2)
            if k == 0:
                first = np.tanh(points * xi + phi.trajectory(x[:1], start=start_of_v)[0])
                norm = density @ (first**2 + (xi * (1 - first**2)) ** 2)
                assert_allclose(sobolev_norm(law, v, dv), np.sqrt(norm), rtol=1e-5)
            assert_allclose(mean(law, b * v), phi.trajectory(x[: k + 1], start=start_of_v)[-1], rtol=1e-9)
            assert sobolev_norm(law, v, dv) <= np.sqrt(1 + 1.5**2)
            distance = sobolev_norm(law, u - v, du - dv)
            assert distance <= ell_1 * np.sqrt(mean(law, b**2)) * distance_before
            assert distance <= ell_1 * q**k * start + 1e-15
    if law is LAW:  # of the right size too: two constants that differ by a little, one step later
        m = mean(law, b) * np.array([-1e-4, 1e-4])
        u, v = (tanh_units(law, 1.5, each) for each in m)
        distance = sobolev_norm(law, u - v, 1.5 * (v**2 - u**2))
        assert 0.5 * ell_1 * np.ptp(m) < distance <= ell_1 * np.ptp(m)
    net = network(law, 500, 26)
    m, M = net.trajectory(x), phi.trajectory(x)
    assert_allclose(M, memories(law, x), rtol=1e-6)
    for k in (3, 8):
        u, v = (tanh_units(law, x[k], each[k]) for each in (m, M))
        assert 0 < sobolev_norm(law, u - v, x[k] * (v**2 - u**2)) <= ell_1 * abs(m[k] - M[k])


def test_tangent_kernel_is_a_sobolev_product():
    """In two dimensions, from values and gradients at each W: a gradient with the wrong weight would show at once."""
    law = rk.InitialLaw(OUTPUT, [stats.norm(0.7, 1), stats.norm(-0.2, 0.5)], stats.uniform(0, 1))
    x = np.array([[-1.0, 0.4], [1.5, 1.0], [0.3, -2.0]])
    m = np.array([-0.2, 0.4, 0.1])
    nodes, weights = law.quadrature
    value = np.tanh(x @ nodes.T + m[:, None])
    gradient = (1 - value**2)[:, :, None] * x[:, None, :]
    product = np.einsum("iq,jq,q->ij", value, value, weights)
    product += law.output.moment(2) * np.einsum("iqd,jqd,q->ij", gradient, gradient, weights)
    K = rk.TangentKernel(law)(x, m, x, m)
    assert_allclose(K, product, rtol=1e-10)
    size = np.sqrt(np.einsum("iq,q->i", value**2, weights) + np.einsum("iqd,q->i", gradient**2, weights))
    assert_array_less(np.abs(K), np.outer(size, size) * (1 + 1e-12))
    ones = rk.InitialLaw(stats.uniform(-(3**0.5), 2 * 3**0.5), law.inputs, law.recurrent)  # E C² = 1: c₁ is attained
    K = rk.TangentKernel(ones)(x, m, x, m)
    assert (np.abs(np.diag(K)) <= size**2 * (1 + 1e-12)).all()
    assert_allclose(np.diag(K), size**2, rtol=1e-10)


# One number


def test_a_function_recursion_collapses_to_one_number():
    law = SIGNED
    x, _ = DATA.simulate(10, rng=5)
    v = np.cos(law.quadrature.nodes[:, 0])
    M = rk.MemoryMap(law).trajectory(x, start=mean(law, law.recurrent_mean * v))
    for xi, m in zip(x, M[:-1], strict=True):
        v = tanh_units(law, xi, mean(law, law.recurrent_mean * v))
        assert_allclose(v, tanh_units(law, xi, m), rtol=0, atol=1e-14)
    net = network(LAW, 50, 6)
    m = net.trajectory(x)
    S = net.hidden
    for k, xi in enumerate(x):
        assert_allclose(m[k], net.recurrent @ S / 50, atol=1e-14)
        S = np.tanh(net.inputs[:, 0] * xi + m[k])


def test_memory_vanishes_for_symmetric_laws():
    grid = np.linspace(-1, 1, 21)
    with pytest.warns(rk.AssumptionWarning):
        centred = rk.MemoryMap(rk.InitialLaw(OUTPUT, stats.norm(0.7, 1), stats.uniform(-1, 2)))
    assert_allclose(centred(1.5, grid), 0, atol=1e-15)
    with pytest.warns(rk.AssumptionWarning):
        odd = rk.MemoryMap(rk.InitialLaw(OUTPUT, stats.norm(0, 1), stats.uniform(0, 1)))
    assert_allclose(odd(1.5, -grid), -odd(1.5, grid), atol=1e-14)
    w, p = fine(stats.norm(), -10, 10)
    assert_allclose(odd(1.5, grid), [0.5 * p @ np.tanh(1.5 * w + m) for m in grid], atol=1e-9)
    x, _ = DATA.simulate(100, rng=23)
    assert_allclose(odd.trajectory(x), 0, atol=1e-14)
    assert (np.abs(odd.trajectory(x, start=0.5)) <= 0.5 ** np.arange(101) * 0.5 + 1e-15).all()
    by_hand = [0.5]
    for each in x[:12]:
        by_hand.append(0.5 * p @ np.tanh(each * w + by_hand[-1]))
    assert_allclose(odd.trajectory(x[:12], start=0.5), by_hand, rtol=1e-6)
    asymmetric = rk.MemoryMap(rk.InitialLaw(OUTPUT, stats.norm(0, 1), lambda w: 0.5 * np.tanh(w[:, 0])))
    assert np.abs(asymmetric.trajectory(x)).max() > 0.1  # symmetric W alone does not switch memory off


# A full matrix


def test_a_full_matrix_leaves_a_cloud():
    """Mean square distance of the states to two functions of w, against averages over W and Z."""
    x, gamma, n = (1.5, -1.0), 1.3, 3000
    nodes, weights = LAW.quadrature
    z, p = np.polynomial.hermite_e.hermegauss(60)
    p /= p.sum()
    assert_allclose(weights @ nodes[:, 0], 0.7, rtol=1e-9)
    tau = gamma * np.sqrt(weights @ np.tanh(nodes[:, 0] * x[0]) ** 2)
    rng = np.random.default_rng(28)
    W = rng.normal(0.7, 1, n)
    S = np.tanh(W * x[1] + rng.normal(0, gamma / np.sqrt(n), (n, n)) @ np.tanh(W * x[0]))

    def moments(w):
        values = np.tanh(w[:, None] * x[1] + tau * z)
        return values @ p, values**2 @ p

    best, square = moments(nodes[:, 0])
    floor = weights @ (square - best**2)
    points, density = fine(stats.norm(0.7, 1), -10, 11)
    spread_of_x = density @ np.tanh(points * x[0]) ** 2
    values = np.tanh(points[:, None] * x[1] + gamma * np.sqrt(spread_of_x) * z)
    assert_allclose(floor, density @ (values**2 @ p - (values @ p) ** 2), rtol=1e-6)
    assert floor > 0.1
    reached = np.mean((S - moments(W)[0]) ** 2)
    assert_allclose(reached, floor, rtol=0.1)
    assert floor <= reached * 1.1
    other = np.tanh(nodes[:, 0] * x[1])
    distance = weights @ (square - 2 * best * other + other**2)
    assert distance > 1.05 * floor
    assert_allclose(np.mean((S - np.tanh(W * x[1])) ** 2), distance, rtol=0.1)
