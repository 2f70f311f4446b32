"""What the chapter on the tangent kernel states, against the package."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from reference import CHAIN, LAW
from scipy import integrate, linalg, special, stats

import rnnkernel as rk

C2, C4 = 1 / 3, 1 / 5
PAIR = (-1.0, -0.2, 1.5, 0.4)


def plane(n_units, rng):
    """A network of two inputs, as arrays."""
    return rng.uniform(-1, 1, n_units), rng.normal(0.5, 1, (n_units, 2)), rng.uniform(0, 1, n_units)


def full_kernel(C, W, B, first, second, beta):
    """K^N + ρ q q' of two situations (x, S)."""
    m1, m2 = (B @ S / len(B) for _, S in (first, second))
    network = rk.RNN(C, W, B, beta=beta)
    averages = [C @ (1 - np.tanh(W @ x + m) ** 2) / len(C) for (x, _), m in ((first, m1), (second, m2))]
    K_N = rk.empirical_kernel(network, first[0][None], [m1], second[0][None], [m2])[0, 0]
    return K_N + first[1] @ second[1] / len(B) * averages[0] * averages[1]


@pytest.mark.parametrize("beta", [0.6, 0.9])
def test_full_kernel_by_automatic_differentiation(beta):
    """N^{2β−1} ⟨∇F, ∇F'⟩ over C, W and B, with stored states held fixed."""
    n, rng = 7, np.random.default_rng(0)
    C, W, B = plane(n, rng)
    first, second = (rng.normal(size=2), rng.uniform(-1, 1, n)), (rng.normal(size=2), rng.uniform(-1, 1, n))

    def output(theta, x, S):
        m = anp.dot(theta[3 * n :], S) / n
        return n**-beta * anp.dot(theta[:n], anp.tanh(anp.dot(anp.reshape(theta[n : 3 * n], (n, 2)), x) + m))

    theta = np.concatenate([C, W.ravel(), B])
    gradients = [autograd.grad(output)(theta, *situation) for situation in (first, second)]
    automatic = n ** (2 * beta - 1) * gradients[0] @ gradients[1]
    assert full_kernel(C, W, B, first, second, beta) == pytest.approx(automatic, rel=1e-12)


def test_a_step_moves_the_forecast_by_the_full_kernel():
    """(α/N) e Θ^N, for one small step, at another input and another stored state, whose memory moves with B."""
    n, beta, alpha, rng = 8, 0.75, 1e-5, np.random.default_rng(1)
    C, W, B = plane(n, rng)
    C = np.abs(C)
    (x, S), (x_step, S_step) = (
        (np.array([0.4, -1.0]), rng.uniform(0, 1, n)),
        (np.array([1.0, 0.5]), rng.uniform(0.5, 1, n)),
    )
    before = rk.RNN(C, W, B, beta=beta, hidden=S_step)
    error = 2.0 - before.predict(x_step[None], [before.memory])[0]
    after = before.step(x_step, 2.0, learning_rate=alpha)
    moved = after.predict(x[None], [after.recurrent @ S / n])[0] - before.predict(x[None], [B @ S / n])[0]
    expected = alpha / n * error * full_kernel(C, W, B, (x, S), (x_step, S_step), beta)
    assert moved == pytest.approx(expected, rel=1e-4)
    without = alpha / n * error * rk.empirical_kernel(before, x[None], [B @ S / n], x_step[None], [before.memory])[0, 0]
    assert moved != pytest.approx(without, rel=0.01)  # so the part of B is seen


def quadrature():
    nodes, weights = LAW.quadrature
    return nodes[:, 0], weights


def features(law, x, m, activation="tanh"):
    """Φ_z at points (n, d) with weights of W inside: rows whose products are K."""
    nodes, w = law.quadrature
    u = x @ nodes.T + np.asarray(m)[:, None]
    s = np.tanh(u) if activation == "tanh" else special.erf(u)
    prime = 1 - s**2 if activation == "tanh" else 2 / np.sqrt(np.pi) * np.exp(-(u**2))
    slopes = np.sqrt(w * law.output_square) * prime
    return np.hstack([np.sqrt(w) * s, (x[:, :, None] * slopes[:, None]).reshape(len(x), -1)])


def unit_variance(x1, m1, x2, m2, i=0, j=0):
    """Var of ∂ᵢκ/∂mⁱ ∂ʲκ/∂m'ʲ, for tanh."""
    nodes, w = quadrature()

    def sigma(u):
        s = np.tanh(u)
        return s, 1 - s**2, -2 * s * (1 - s**2)

    first, second = sigma(nodes * x1 + m1), sigma(nodes * x2 + m2)
    s, d, dot = first[i] * second[j], first[i + 1] * second[j + 1], x1 * x2
    return w @ s**2 + 2 * dot * C2 * w @ (s * d) + dot**2 * C4 * w @ d**2 - (w @ s + dot * C2 * w @ d) ** 2


def kernel_errors(n_units, n_seeds, paired=False):
    exact = rk.TangentKernel(LAW)(*PAIR)[0, 0]
    networks = (rk.RNN.sample(LAW, n_units=n_units, beta=0.75, rng=seed, paired=paired) for seed in range(n_seeds))
    return np.array([rk.empirical_kernel(network, *PAIR)[0, 0] for network in networks]) - exact


@pytest.mark.parametrize("paired", [False, True])
def test_variance_of_the_kernel_of_a_network(paired):
    """N E(K^N − K)² is v, twice that for pairs, within four standard errors (13 %), at N = 10 as at any other."""
    squares = 10 * kernel_errors(10, 4000, paired) ** 2
    expected = (1 + paired) * unit_variance(*PAIR)
    tolerance = 4 * squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - expected) < tolerance < 0.15 * expected


def test_uniform_bound_path_by_path():
    """The Sobolev inequality in m and m' holds for each network, and N times the mean of its right side is D."""
    R, n, (x1, x2) = 0.5, 40, (-1.0, 1.5)
    t, w = np.polynomial.legendre.leggauss(8)
    m, w = R * t, R * w
    area = np.outer(w, w)
    D = sum(
        area[a, b]
        * (
            unit_variance(x1, m[a], x2, m[b]) / R**2
            + 4 * unit_variance(x1, m[a], x2, m[b], 1, 0)
            + 4 * unit_variance(x1, m[a], x2, m[b], 0, 1)
            + 16 * R**2 * unit_variance(x1, m[a], x2, m[b], 1, 1)
        )
        for a in range(8)
        for b in range(8)
    )
    ends, step = np.concatenate([m, [-R, R]]), 1e-3
    stencil = np.concatenate([m - step, m + step])
    limit = rk.TangentKernel(LAW)
    exact = [limit(np.full(len(p), x1), p, np.full(len(p), x2), p) for p in (ends, stencil, np.append(m, stencil))]
    right = []
    for seed in range(400):
        network = rk.RNN.sample(LAW, n_units=n, beta=0.75, rng=seed)

        def gap(points, minus, network=network):
            return (
                rk.empirical_kernel(network, np.full(len(points), x1), points, np.full(len(points), x2), points) - minus
            )

        sup = np.abs(gap(ends, exact[0])).max()
        h = gap(np.append(m, stencil), exact[2])
        h10 = (h[16:, :8] - h[8:16, :8]) / (2 * step)
        h01 = (h[:8, 16:] - h[:8, 8:16]) / (2 * step)
        h11 = (h[16:, 16:] - h[16:, 8:16] - h[8:16, 16:] + h[8:16, 8:16]) / (4 * step**2)
        right.append(np.sum(area * (h[:8, :8] ** 2 / R**2 + 4 * h10**2 + 4 * h01**2 + 16 * R**2 * h11**2)))
        assert sup**2 <= right[-1]
    right = n * np.array(right)
    tolerance = 4 * right.std() / np.sqrt(len(right))
    assert abs(right.mean() - D) < tolerance < 0.25 * D


def test_parity_and_offset():
    """K = c² + c(h + h') + K_o with an odd K_o, and what is left of an even function under a symmetric law."""
    c = 0.3
    shifted = rk.Activation("shifted", lambda u: 0.3 + np.tanh(u), lambda u: 1 - np.tanh(u) ** 2, lipschitz=1.0)
    odd, kernel = rk.TangentKernel(LAW, "tanh"), rk.TangentKernel(LAW, shifted)
    x, m = np.array([1.0, 0.4, 2.0]), np.array([0.3, -0.5, 0.1])
    x, m = np.append(x, -x), np.append(m, -m)
    nodes, w = quadrature()
    h = np.tanh(np.outer(x, nodes) + m[:, None]) @ w
    np.testing.assert_allclose(kernel(x, m, x, m), c**2 + c * (h[:, None] + h) + odd(x, m, x, m), atol=1e-13)
    np.testing.assert_allclose(odd(-x, -m, x, m), -odd(x, m, x, m), atol=1e-13)
    np.testing.assert_allclose(h[3:], -h[:3], atol=1e-14)
    even = np.tile([2.0, -1.0, 0.5], 2)
    for k, size in ((odd, 0.0), (kernel, c)):
        np.testing.assert_allclose(k(x, m, x, m) @ even / 6, size * even.mean() * (size + h), atol=1e-13)


def test_silence():
    """At x = 0: rank one, σ(m) times one number; orthogonal inputs share only what C learns."""
    kernel = rk.TangentKernel(LAW)
    m = np.array([0.4, -0.2, 0.9])
    np.testing.assert_allclose(kernel(0.0, m, 0.0, m), np.outer(np.tanh(m), np.tanh(m)), atol=1e-14)
    nodes, w = quadrature()
    np.testing.assert_allclose(
        kernel(0.0, m, 1.5, 0.1)[:, 0], np.tanh(m) * (w @ np.tanh(1.5 * nodes + 0.1)), atol=1e-13
    )
    chain = rk.MarkovChain([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.1, 0.3, 0.6]])
    data = rk.DataSequence(chain, inputs=[-1.0, 0.0, 1.5], targets=[0.5, -1.0, 2.0])
    limit = rk.KernelLimit(data, LAW, learning_rate=1.0).predict([0.7, 30.0], x=0.0, memory=m)
    of_chain = rk.KernelLimit(data, LAW, learning_rate=1.0).stationary
    at, memory = np.append(of_chain.inputs, np.zeros(3))[:, None], np.append(of_chain.memory, m)
    rows = features(LAW, at, memory)
    size, best = len(of_chain.memory), np.array([0.5, -1.0, 2.0])[of_chain.states]
    flow = np.zeros((len(at) + 1, len(at) + 1))  # ∂_t g = ∫ (f* − g) K dμ, and 1 carries f*
    flow[:-1, :size] = -(rows @ rows[:size].T) * of_chain.weights
    flow[:-1, -1] = -flow[:-1, :size] @ best
    np.testing.assert_allclose(limit[0], linalg.expm(0.7 * flow)[size:-1, -1], rtol=1e-8)
    gamma = limit / np.tanh(m)
    np.testing.assert_allclose(gamma, gamma[:, :1] * np.ones(3), rtol=1e-9)
    assert np.abs(gamma).min() > 1e-3
    start = rk.RNN.sample(LAW, n_units=50, beta=0.75, rng=0)
    trained = rk.train(start, data, time=5.0, learning_rate=1.0, rng=1).network
    np.testing.assert_allclose(trained.predict(0.0, m), 50**-0.75 * trained.output.sum() * np.tanh(m), rtol=1e-12)
    two = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 1), stats.uniform(0, 1), 2)
    (nodes, w), a, b = two.quadrature, np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    outputs = w @ (np.tanh(nodes @ a + 0.2) * np.tanh(nodes @ b - 0.1))
    assert rk.TangentKernel(two)(a[None], [0.2], b[None], [-0.1])[0, 0] == pytest.approx(outputs, rel=1e-10)


GENERAL = [(-2.0, 0.3), (-1.0, -0.4), (0.5, 0.2), (0.0, 0.5)]


@pytest.mark.parametrize(
    ("points", "positive"),
    [
        (GENERAL, True),
        ([(1.0, 0.5), (2.0, 1.0), (3.0, 1.5)], True),  # all poles on one line
        ([(1.0, 0.1), (1.0, 0.9), (-1.0, 0.5)], True),  # equally far poles
        ([(-1.0, 0.3), (0.0, 0.0)], False),  # the origin
        ([*GENERAL[:3], (-0.5, -0.2)], False),  # a reflection
        ([*GENERAL, (0.0, -0.3)], False),  # silence twice
    ],
)
def test_strictly_positive_if_and_only_if(points, positive):
    x, m = np.array(points).T
    kernel, rows = rk.TangentKernel(LAW), features(LAW, x[:, None], m)
    np.testing.assert_allclose(kernel(x, m, x[::-1] + 1, m), rows @ features(LAW, x[::-1, None] + 1, m).T, atol=1e-12)
    lowest = np.linalg.eigvalsh(kernel(x, m, x, m))[0]
    assert lowest > 1e-8 if positive else abs(lowest) < 1e-14


def test_a_constant_coordinate_repairs_everything():
    """Mirrored, silent and zero points together; and any targets on them are learned."""
    law = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(0, 1.5), stats.norm(0.5, 1)], stats.uniform(0, 0.5))
    x = np.array([[-0.7, 1.0], [0.7, 1.0], [0.0, 1.0]])  # which the rule over W resolves
    m = np.array([-0.2, 0.2, 0.0])
    kernel, rows = rk.TangentKernel(law), features(law, x, m)
    assert np.linalg.eigvalsh(kernel(x, m, x, m))[0] > 1e-4
    np.testing.assert_allclose(kernel(x, m, x[1:], m[1:]), rows @ rows[1:].T, rtol=1e-10, atol=1e-14)
    silent, other = np.array([[0.0, 1.0], [0.0, 1.0]]), [0.3, -0.3]
    assert np.linalg.eigvalsh(rk.TangentKernel(law)(silent, other, silent, other))[0] > 1e-4
    data = rk.DataSequence(rk.MarkovChain(np.full((2, 2), 0.5)), inputs=[[-1.0, 1.0], [1.0, 1.0]], targets=[1.0, 1.0])
    repaired = rk.KernelLimit(data, law, learning_rate=1.0)
    assert repaired.loss([0.0])[0] == pytest.approx(0.5, rel=1e-10)  # ½ E Y², as the forecast starts at zero
    assert repaired.loss([300.0])[0] < 1e-3 * repaired.loss([0.0])[0]


def apply_kernel(kernel, x, m, weights, f, x_out, m_out):
    return kernel(x_out, m_out, x, m) @ (weights * f)


@pytest.mark.parametrize(("activation", "sigma"), [("tanh", np.tanh), ("erf", special.erf)])
def test_null_space_of_a_law(activation, sigma):
    """Memory with a density on an interval: what the theorem lists vanishes, and what it excludes does not."""
    kernel = rk.TangentKernel(LAW, activation)
    t, w = np.polynomial.legendre.leggauss(40)
    m, density = 0.6 * t, w / 4  # uniform on [−0.6, 0.6], two inputs of weight one half
    out = np.array([0.3, -1.0, 1.5, 0.0]), np.array([0.2, 0.1, -0.3, 0.5])
    both, weights = np.tile(m, 2), np.tile(density, 2)

    def image(first, second, f):
        x = np.repeat([first, second], 40)
        return np.abs(apply_kernel(kernel, x, both, weights, f, *out)).max()

    shape = np.exp(m) * np.cos(3 * m)
    for x in (-1.0, 0.5):  # what is not null is what the features say
        points, kept = np.full((40, 1), x), np.array(out)
        rows = [features(LAW, *each, activation) for each in ((kept[0][:, None], kept[1]), (points, m))]
        expected = rows[0] @ (rows[1].T @ (density * shape))
        np.testing.assert_allclose(apply_kernel(kernel, points[:, 0], m, density, shape, *out), expected, rtol=1e-9)
    even = np.append(shape, shape[::-1])  # f(−z) = f(z) for opposite inputs
    assert image(-1.0, 1.0, even) < 1e-14
    assert image(-1.0, 1.0, np.append(shape, -shape[::-1])) > 1e-3
    assert image(-1.0, 1.5, even) > 1e-3  # inputs that are not opposite
    orthogonal = np.append(m**3 - (density @ (m**3 * sigma(m))) / (density @ sigma(m) ** 2) * sigma(m), 0 * m)
    assert image(0.0, 1.5, orthogonal) < 1e-15  # silence: orthogonal to σ(m)
    assert image(0.5, 1.5, orthogonal) > 1e-6

    for kappa in (0.3, 1.0, 2.5):  # the Fourier transform that the proof uses
        transform = integrate.quad(lambda u, k=kappa: np.cos(k * u) / np.cosh(u) ** 2, -25, 25, epsabs=1e-12)[0]
        assert transform == pytest.approx(np.pi * kappa / np.sinh(np.pi * kappa / 2), rel=1e-9)
        gauss = integrate.quad(lambda u, k=kappa: np.cos(k * u) * 2 / np.sqrt(np.pi) * np.exp(-(u**2)), -9, 9)[0]
        assert gauss == pytest.approx(2 * np.exp(-(kappa**2) / 4), rel=1e-9)

    if activation == "erf":
        return
    g = np.linspace(-13, 13, 6001)  # without a bound on memory: a null function at inputs 1 and 2
    normal = stats.norm.pdf(g) * (g[1] - g[0])
    f = np.append(np.exp(np.pi**2 / 32) * np.cos(np.pi * g / 4), -np.ones(6001))
    x, memory = np.repeat([1.0, 2.0], 6001), np.append(g, 2 * g)
    assert np.abs(apply_kernel(kernel, x, memory, np.tile(normal, 2), f, *out)).max() < 1e-12
    f[:6001] = np.cos(np.pi * g / 4)
    assert np.abs(apply_kernel(kernel, x, memory, np.tile(normal, 2), f, *out)).max() > 0.01


def test_the_loss_falls_to_what_cannot_be_learned():
    """Inputs −1 and 1.5: down to ½ E Var(Y | X, M), for targets of either kind.  Inputs −1 and 1: not for even ones."""
    for targets in ([[-1.0, 1.5]] * 2, [1.0, 1.0], [1.0, -2.0]):
        limit = rk.KernelLimit(rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=targets, noise=0.2), LAW)
        excess = limit.loss(10.0 ** np.arange(0, 13, 2)) - limit.irreducible_loss
        assert (np.diff(excess) < 0).all()
        assert 0 <= excess[-1] < 1e-5 * excess[0]
    mirror = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0, 1), stats.uniform(0, 0.5))
    data = rk.DataSequence(rk.MarkovChain(np.full((2, 2), 0.5)), inputs=[-1.0, 1.0], targets=[1.0, 1.0])
    with pytest.warns(rk.AssumptionWarning):
        stuck = rk.KernelLimit(data, mirror)
    assert stuck.loss([1e8])[0] == pytest.approx(0.5, abs=1e-9)
