import warnings
from itertools import pairwise

import numpy as np
import pytest
from reference import CHAIN, LAW
from scipy import integrate, stats
from scipy.linalg import expm

import rnnkernel as rk

DATA = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2, noise=0.3)
HIDDEN = rk.DataSequence(
    rk.MarkovChain([[0.8, 0.2, 0.0], [0.0, 0.1, 0.9], [0.5, 0.0, 0.5]]),
    inputs=[1.0, -1.0, -1.0],
    targets=[[0.5, 1.0, 0.0], [0.0, 2.0, -1.0], [1.0, 0.0, -0.5]],
    noise=0.2,
)
TWO = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(0.7, 1), stats.norm(-0.3, 0.8)], stats.uniform(0, 1))
PLANE = rk.DataSequence(
    rk.MarkovChain([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]),
    inputs=[[-1.0, 0.5], [1.5, -1.0], [0.2, 1.2]],
    targets=[-1.0, 0.5, 2.0],
)
CASES = {"reference": (DATA, LAW), "hidden": (HIDDEN, LAW), "plane": (PLANE, TWO)}
TIMES = np.array([0.0, 0.3, 2.0, 20.0])
MU = rk.StationaryLaw(DATA, rk.MemoryMap(LAW))


@pytest.fixture(scope="module", params=CASES)
def limit(request):
    return rk.KernelLimit(*CASES[request.param], learning_rate=0.8)


def naive_coefficients(mu, kernel, alpha, time):
    """a(t) with g_t = Σ_k a_k K(·, z_k): the equation on the nodes, solved as a matrix exponential."""
    n = len(mu.memory)
    gram = kernel(mu.inputs, mu.memory, mu.inputs, mu.memory)
    generator = np.zeros((n + 1, n + 1))  # of (a, 1): ȧ = αw(y − Ka)
    generator[:n, :n] = -alpha * mu.weights[:, None] * gram
    generator[:n, n] = alpha * mu.weights * mu.targets
    return expm(generator * time)[:n, n]


def test_predictions_solve_the_equation_on_the_nodes(limit):
    mu, kernel = limit.stationary, limit.kernel
    x, m = mu.inputs[::3], mu.memory[::3] + 0.01
    found = limit.predict(TIMES, x, m)
    for g, time in zip(found, TIMES, strict=True):
        a = naive_coefficients(mu, kernel, 0.8, time)
        np.testing.assert_allclose(g, kernel(x, m, mu.inputs, mu.memory) @ a, atol=1e-11)


def test_predictions_satisfy_the_limit_equation(limit):
    """∂_t g = α ∫ (y − g) K dμ at a point, with the integral over μ by `StationaryLaw`."""
    mu, h = limit.stationary, 1e-4
    x, m = mu.inputs[:1], mu.memory[:1] / 2
    for time in (0.1, 2.0):
        before, after = limit.predict([time - h, time + h], x, m)[:, 0]
        residual = mu.targets - limit.predict(time, mu.inputs, mu.memory)
        force = mu.weights @ (residual * limit.kernel(mu.inputs, mu.memory, x, m)[:, 0])
        assert (after - before) / (2 * h) == pytest.approx(0.8 * force, rel=1e-6)


def test_loss_is_the_mean_square_error(limit):
    mu = limit.stationary
    for loss, time in zip(limit.loss(TIMES), TIMES, strict=True):
        error = mu.targets - limit.predict(time, mu.inputs, mu.memory)
        assert loss == pytest.approx(0.5 * mu.weights @ (error**2 + mu.target_variances), rel=1e-12)
    assert (np.diff(limit.loss(np.linspace(0, 50, 100))) < 0).all()


@pytest.mark.slow
def test_loss_of_a_path(limit):
    """The mean of ½(y − g)² along a simulated path, within four standard errors by means of blocks."""
    x, y = limit.stationary.data.simulate(8000, rng=0)
    for time in (0.0, 2.0):
        blocks = (0.5 * (y - limit.forecast(time, x)) ** 2).reshape(80, 100).mean(axis=1)
        assert blocks.mean() == pytest.approx(limit.loss(time), abs=4 * blocks.std() / np.sqrt(80))


def test_eigenfunctions_are_eigenfunctions(limit):
    """∫ K(z, ·) e_i dμ = λ_i e_i(z), ⟨e_i, e_j⟩ = 1_{i=j}, and the target in them."""
    mu, few = limit.stationary, limit.eigenvalues > 1e-7 * limit.eigenvalues[0]
    e = limit.eigenfunctions(mu.inputs, mu.memory)[:, few]
    assert few.sum() >= 4
    assert (np.diff(limit.eigenvalues) < 0).all()
    np.testing.assert_allclose((e.T * mu.weights) @ e, np.eye(few.sum()), atol=1e-8)
    np.testing.assert_allclose((e.T * mu.weights) @ mu.targets, limit.coefficients[few], atol=1e-8)
    x, m = mu.inputs[1::4], 0.9 * mu.memory[1::4]
    integral = limit.kernel(x, m, mu.inputs, mu.memory) @ (mu.weights[:, None] * e)
    np.testing.assert_allclose(integral, limit.eigenfunctions(x, m)[:, few] * limit.eigenvalues[few], atol=1e-13)


def test_eigenvalues_are_those_of_the_operator(limit):
    """The same from the unsymmetric matrix K diag(w); their sum is E K(Z, Z)."""
    mu = limit.stationary
    matrix = limit.kernel(mu.inputs, mu.memory, mu.inputs, mu.memory) * mu.weights
    expected = np.sort(np.linalg.eigvals(matrix).real)[::-1]
    np.testing.assert_allclose(limit.eigenvalues[:6], expected[:6], atol=1e-14)
    assert limit.eigenvalues.sum() == pytest.approx(np.trace(matrix), rel=1e-12)
    assert (limit.eigenvalues > 0).all()
    assert (limit.coefficients >= 0).all()


def test_modes_are_learned_one_by_one(limit):
    """g_t = Σ_i (1 − e^{−αλ_i t}) ⟨f*, e_i⟩ e_i, and the loss that is left."""
    x, m = limit.stationary.inputs[:3], limit.stationary.memory[:3]
    shares = limit.mode_shares(TIMES)
    np.testing.assert_allclose(shares, 1 - np.exp(-0.8 * np.outer(TIMES, limit.eigenvalues)), atol=1e-15)
    expected = shares * limit.coefficients @ limit.eigenfunctions(x, m).T
    np.testing.assert_allclose(limit.predict(TIMES, x, m), expected, atol=1e-12)
    lost = (limit.coefficients**2 * (1 - shares) ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(limit.loss(TIMES), limit.loss_floor() + lost, rtol=1e-12)


def test_loss_floor(limit):
    assert limit.loss_floor(1e9) == limit.loss(0.0)
    first = limit.loss(0.0) - limit.coefficients[0] ** 2 / 2
    assert limit.loss_floor(limit.eigenvalues[1]) == pytest.approx(first, rel=1e-12)
    assert limit.loss(1e16) == pytest.approx(limit.loss_floor(), abs=1e-12)


def test_irreducible_loss():
    """Known where the input tells the state: ½ Σ π_i Var(Y | i), which the loss floor reaches."""
    for data, law in ((DATA, LAW), (PLANE, TWO)):
        limit = rk.KernelLimit(data, law)
        exact = data.chain.stationary_distribution @ data.target_variance / 2
        assert limit.irreducible_loss == pytest.approx(exact)
        assert limit.loss_floor() == pytest.approx(exact, abs=1e-9)
    hidden = rk.KernelLimit(HIDDEN, LAW)
    assert np.isnan(hidden.irreducible_loss)
    known = HIDDEN.chain.stationary_distribution @ HIDDEN.target_variance / 2
    assert known < hidden.loss_floor() < hidden.loss(0.0)
    assert np.isnan(rk.KernelLimit(DATA.simulate(100, rng=0), LAW).irreducible_loss)
    rows, split = DATA.chain.transition[[0, 1, 1]], np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1.0]])
    for share, row in zip((0.4, 0.04, 0.7), split, strict=True):
        row[1:] = share, 1 - share
    halves = rk.MarkovChain(rows[:, [0, 1, 1]] * split, normalize=True)  # one state as two: nothing else is to be known
    twice = rk.DataSequence(
        halves, DATA.inputs[[0, 1, 1]], DATA.targets[np.ix_([0, 1, 1], [0, 1, 1])], noise=DATA.noise
    )
    same = rk.KernelLimit(DATA, LAW).irreducible_loss
    assert rk.KernelLimit(twice, LAW).irreducible_loss == pytest.approx(same)
    alike = rk.DataSequence(CHAIN, inputs=[1.0, 1.0], targets=[0.5, 0.5], noise=1.0)
    assert rk.KernelLimit(alike, LAW).irreducible_loss == pytest.approx(0.5)


def test_only_rate_times_time_matters():
    slow, fast = (rk.KernelLimit(DATA, LAW, learning_rate=rate) for rate in (0.5, 2.0))
    np.testing.assert_allclose(slow.predict(4.0, [1.5, -1.0], 0.1), fast.predict(1.0, [1.5, -1.0], 0.1), rtol=1e-13)
    assert slow.loss(4.0) == pytest.approx(fast.loss(1.0), rel=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf"])
@pytest.mark.parametrize("case", CASES)
def test_convergence_in_the_memory_nodes(case, activation):
    """Against 48 nodes per state: 8 give six digits, and the default, like 16, 24 and 32, more than twelve."""
    data, law = CASES[case]
    x, m = data.inputs, np.linspace(-0.2, 0.2, len(data.inputs))

    def answers(n_nodes):
        limit = rk.KernelLimit(data, law, activation, n_nodes=n_nodes)
        return np.concatenate([limit.predict([1.0, 10.0], x, m).ravel(), limit.eigenvalues[:4], limit.loss([1.0])])

    exact = answers(48)
    np.testing.assert_allclose(answers(8), exact, atol=1e-6)
    for n_nodes in (16, 24, 32, None):
        np.testing.assert_allclose(answers(n_nodes), exact, atol=3e-13)


@pytest.mark.filterwarnings("ignore:inputs as large")
@pytest.mark.parametrize(("case", "sizes"), [("reference", (24, 48, 96, 256)), ("plane", (24, 48, 72, 96))])
def test_convergence_in_the_quadrature_of_the_input_weights(case, sizes, monkeypatch):
    """Spectral: each size improves on the one before by two digits at least, until rounding.

    A skew normal law of skewness zero is the normal one by another name, so that nothing but the quadrature is used.
    """
    data, law = CASES[case]
    d, inputs = law.n_inputs, [stats.skewnorm(0, each.mean(), each.std()) for each in law.inputs]

    def answers(n):
        monkeypatch.setitem(rk.initial._NODES, d, n)
        limit = rk.KernelLimit(data, rk.InitialLaw(law.output, inputs, law.recurrent))
        return np.append(limit.predict(5.0, data.inputs, 0.1), limit.eigenvalues[:2])

    limit = rk.KernelLimit(data, law)
    exact = np.append(limit.predict(5.0, data.inputs, 0.1), limit.eigenvalues[:2])
    errors = [np.abs(answers(n) - exact).max() for n in sizes]
    assert errors[0] > 1e-5
    assert all(b < max(a / 100, 3e-14) for a, b in pairwise(errors))
    assert errors[-1] < 3e-14


def test_a_given_sequence():
    """Against the equation on its 250 points, without any reduction."""
    x, y = HIDDEN.simulate(250, rng=1)
    x = x + 0.3 * np.sin(np.arange(250))
    limit = rk.KernelLimit((x, y), LAW, learning_rate=2.0)
    mu = limit.stationary
    np.testing.assert_allclose(mu.memory, limit.memory_map.trajectory(x)[:-1], atol=1e-15)
    for time in (0.5, 5.0, 50.0):
        a = naive_coefficients(mu, limit.kernel, 2.0, time)
        expected = limit.kernel([-1.0, 0.7], [0.1, 0.3], x, mu.memory) @ a
        np.testing.assert_allclose(limit.predict(time, [-1.0, 0.7], [0.1, 0.3]), expected, atol=1e-8)
        fit = limit.kernel(x, mu.memory, x, mu.memory) @ a
        assert limit.loss(time) == pytest.approx(np.mean((y - fit) ** 2) / 2, abs=1e-9)
        np.testing.assert_allclose(limit.forecast(time, x), fit, atol=1e-8)


def test_where_a_sequence_has_no_target_nothing_is_learned():
    """(1/n) Σ_{k with y_k} (y_k − g(z_k)) K(·, z_k), and losses are means over these k: memory has all steps."""
    x, y = DATA.simulate(60, rng=0)
    y[[0, 3, 4, 30]] = np.nan
    limit = rk.KernelLimit((x, y), LAW, learning_rate=0.7)
    m, known = limit.memory_map.trajectory(x)[:-1], np.isfinite(y)
    gram = limit.kernel(x, m, x[known], m[known])
    g = rk.gradient_flow(np.vstack([gram[known], gram]), y[known], 3.0, np.full(56, 1 / 60), 0.7)
    np.testing.assert_allclose(limit.predict(3.0, x, m), g[56:], atol=1e-8)
    assert limit.loss(3.0) == pytest.approx(np.mean((y[known] - g[:56]) ** 2) / 2, rel=1e-8)
    assert limit.loss_floor(1.0) == pytest.approx(np.mean(y[known] ** 2) / 2, rel=1e-12)
    run = rk.train(
        rk.RNN.sample(LAW, n_units=20_000, beta=0.75, rng=0, paired=True), (x, y), time=3.0, learning_rate=0.7
    )
    np.testing.assert_allclose(run.network.predict(x[:5], m[:5]), g[56:61], atol=0.02)
    assert run.losses[-1] == pytest.approx(limit.loss(3.0), rel=0.05)


def test_several_sequences():
    (x, y), (x2, y2) = (DATA.simulate(n, rng=n) for n in (40, 25))
    limit = rk.KernelLimit([(x, y), (x2, y2)], LAW)
    m = np.concatenate([limit.memory_map.trajectory(each)[:-1] for each in (x, x2)])
    both = np.concatenate([x, x2])
    g = rk.gradient_flow(limit.kernel(both, m, both, m), np.concatenate([y, y2]), 2.0)
    np.testing.assert_allclose(limit.predict(2.0, both, m), g, atol=1e-8)


def test_closed_loop_forecasts(limit):
    x = limit.stationary.data.inputs
    start = 0.2
    found = limit.forecast(1.5, x, steps=3, start=start)
    m = limit.memory_map.trajectory(x, start)
    for k in range(len(x)):
        now, held = np.array(x[k : k + 1]), m[k : k + 1]
        for h in range(3):
            ahead = limit.predict(1.5, now, held)
            assert found[k, h] == pytest.approx(ahead[0], rel=1e-11, abs=1e-13)
            held = limit.memory_map(now, held)
            now = now.copy()
            now[..., 0] = ahead[0]
    np.testing.assert_allclose(found[:, 0], limit.forecast(1.5, x, start=start), rtol=1e-13)


def test_a_sequence_with_two_inputs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2))
    y = np.tanh(x[:, 0]) + x[:, 1] * np.roll(x[:, 0], 1)
    limit = rk.KernelLimit((x, y), TWO)
    a = naive_coefficients(limit.stationary, limit.kernel, 1.0, 10.0)
    fit = limit.kernel(x, limit.stationary.memory, x, limit.stationary.memory) @ a
    np.testing.assert_allclose(limit.forecast(10.0, x), fit, atol=1e-8)


def test_long_sequences_are_solved_in_rounds_and_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    sequence = x, np.tanh(x + np.roll(x, 1))
    whole = rk.KernelLimit(sequence, LAW)
    monkeypatch.setattr(rk._coordinates, "_CANDIDATES", 10)
    monkeypatch.setattr(rk._coordinates, "_BLOCK", 10_000)
    parts = rk.KernelLimit(sequence, LAW)
    np.testing.assert_allclose(parts.forecast(5.0, x[:50]), whole.forecast(5.0, x[:50]), atol=1e-8)
    np.testing.assert_allclose(parts.eigenvalues[:8], whole.eigenvalues[:8], atol=1e-9)


@pytest.mark.parametrize(("d", "activation", "scale"), [(1, "tanh", 1.0), (2, "erf", 2.0), (3, "logistic", 1.0)])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-8])
def test_what_is_left_out_is_what_is_promised(d, activation, scale, tolerance):
    """Against the whole Gram matrix of 400 points: the trace, the norm, and eigenvalues."""
    x = scale * np.random.default_rng(d).normal(size=(400, d))
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 1), stats.uniform(0, 0.8), d)
    limit = rk.KernelLimit((x, np.sin(x[:, 0])), law, activation, tolerance=tolerance)
    m = limit.stationary.memory
    gram = limit.kernel(x, m, x, m)
    L = limit._coordinates.combination(x, m, np.eye(limit._coordinates.at_nodes.shape[1]))
    rest = gram - L @ L.T
    assert np.trace(rest) / np.trace(gram) == pytest.approx(limit.left_in_trace, rel=0.05)
    assert 0 < limit.left_in_trace < tolerance
    assert limit.left_in_norm == pytest.approx(np.linalg.norm(rest, 2) / 400, rel=0.05)
    exact = np.linalg.eigvalsh(gram / 400)[::-1][: len(limit.eigenvalues)]
    assert (np.abs(limit.eigenvalues - exact) <= 1.05 * limit.left_in_norm).all()
    g = np.array([limit.forecast(t, x) for t in (1.0, 10.0)])
    flow = rk.gradient_flow(gram, np.sin(x[:, 0]), [1.0, 10.0])
    bound = np.array([1.0, 10.0]) * limit.left_in_norm * np.sqrt(np.mean(np.sin(x[:, 0]) ** 2))
    assert (np.sqrt(np.mean((g - flow) ** 2, axis=1)) <= 1.05 * bound).all()


def test_norm_of_what_is_left_from_some_of_the_points():
    """From 500 of 1500 points: not far above the norm from all, nor below it by much."""
    x = np.random.default_rng(0).normal(size=(1500, 3))
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 1), stats.uniform(0, 0.8), 3)
    limit = rk.KernelLimit((x, x[:, 0]), law, n_modes=60)
    m = limit.stationary.memory
    at = limit._coordinates.at_nodes
    norm = np.linalg.norm(limit.kernel(x, m, x, m) - at @ at.T, 2) / 1500
    assert 0.9 * norm < limit.left_in_norm < 1.5 * norm
    assert len(limit.eigenvalues) == 60


def test_other_laws_stop_at_the_accuracy_of_their_rule():
    """Five inputs by Sobol points, right to three digits: no more modes than these can tell."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    inputs = stats.skewnorm(0, 0.5, 0.5)
    law = rk.InitialLaw(stats.uniform(-1, 2), inputs, stats.uniform(0, 0.8), 5)
    limit = rk.KernelLimit((x, x[:, 0]), law)
    assert 1e-6 < limit.left_in_trace < 1e-3
    normal = rk.KernelLimit((x, x[:, 0]), rk.InitialLaw(law.output, stats.norm(0.5, 0.5), law.recurrent, 5))
    np.testing.assert_allclose(limit.eigenvalues[:4], normal.eigenvalues[:4], rtol=5e-3)
    assert normal.left_in_trace < 1e-10


def test_cost_is_announced(monkeypatch):
    x = np.random.default_rng(0).normal(size=(300, 4))
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.5, 1), stats.uniform(0, 0.8), 4)
    monkeypatch.setattr(rk.limit, "_BYTES", 8 * 300 * 40)
    with pytest.warns(RuntimeWarning, match=r"40 modes leave 0\.\d+ of the kernel's trace out, not 1e-10"):
        limit = rk.KernelLimit((x, x[:, 0]), law)
    assert len(limit.eigenvalues) == 40
    with pytest.warns(RuntimeWarning, match="n_modes: the values of up to 50 modes at 300 points fill"):
        assert len(rk.KernelLimit((x, x[:, 0]), law, n_modes=50).eigenvalues) == 50
    assert len(rk.KernelLimit((x, x[:, 0]), law, n_modes=5).eigenvalues) == 5


def test_inputs_far_beyond_those_of_the_data():
    """g_t(z) = Σ a_k(t) K(z, z_k), with K by adaptive quadrature."""
    limit = rk.KernelLimit(DATA, LAW)
    mu = limit.stationary
    a = naive_coefficients(mu, limit.kernel, 1.0, 2.0)
    for x in (20.0, 300.0):

        def product(w, x=x):
            u, v = np.tanh(w * x + 0.1), np.tanh(w * mu.inputs + mu.memory)
            return stats.norm(0.7, 1).pdf(w) * (u * v + x * mu.inputs / 3 * (1 - u**2) * (1 - v**2))

        breaks = [-0.1 / x + c / x for c in (-20, -5, 0, 5, 20)]
        column = integrate.quad_vec(product, -8, 9.4, points=breaks, epsabs=1e-11, epsrel=1e-11, limit=4000)[0]
        assert limit.predict(2.0, [x], 0.1)[0] == pytest.approx(a @ column, abs=1e-8)


def test_a_long_path_of_a_chain_approaches_its_limit():
    """Leading eigenvalues and predictions from 40 000 steps, to about one over the root of their number."""
    exact, path = rk.KernelLimit(DATA, LAW), rk.KernelLimit(DATA.simulate(40_000, rng=0), LAW)
    np.testing.assert_allclose(path.eigenvalues[:3], exact.eigenvalues[:3], rtol=0.05)
    points = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}
    np.testing.assert_allclose(path.predict(2.0, **points), exact.predict(2.0, **points), atol=0.03)
    assert path.loss(2.0) == pytest.approx(exact.loss(2.0), rel=0.02)
    source = rk.KernelLimit(rk.Autoregression(0.5), LAW, rng=0)
    assert source.loss(100.0) < source.loss(0.0)


def test_repeating_a_cycle_is_a_periodic_chain():
    cycle, y = np.array([-1.0, 0.5, 2.0]), np.array([1.0, 0.0, -1.0])
    chain = rk.DataSequence(rk.MarkovChain(np.roll(np.eye(3), 1, axis=1)), cycle, targets=y)
    exact, path = rk.KernelLimit(chain, LAW), rk.KernelLimit((np.tile(cycle, 20_000), np.tile(y, 20_000)), LAW)
    np.testing.assert_allclose(path.eigenvalues[:3], exact.eigenvalues[:3], rtol=1e-3)
    np.testing.assert_allclose(path.predict(3.0, cycle, 0.1), exact.predict(3.0, cycle, 0.1), atol=1e-4)
    assert len(exact.eigenvalues) == 3  # only three points have positive probability


def test_a_wide_network_trains_along_the_limit():
    """Paired units, N = 4000: within four of the standard deviations √(V^S + 2V^I)/√N of the limit."""
    x, m = [-1.0, -1.0, 1.5, 1.5], [-0.2, 0.1, 0.1, 0.4]
    limit = rk.KernelLimit(DATA, LAW)
    rnn = rk.RNN.sample(LAW, n_units=4000, beta=0.75, rng=0, paired=True)
    network = rk.train(rnn, DATA, time=2.0, learning_rate=1.0, rng=1).network
    sd = limit.fluctuations(2.0, x, m).std(n_units=4000, beta=0.75, paired=True)
    assert (np.abs(network.predict(x, m) - limit.predict(2.0, x, m)) < 4 * sd).all()
    assert (4 * sd < 0.1).all()


@pytest.mark.parametrize("case", CASES)
def test_a_law_already_computed(case):
    data, law = CASES[case]
    whole, n_nodes = rk.KernelLimit(data, law), 20
    mu = rk.StationaryLaw(data, rk.MemoryMap(law), n_nodes=n_nodes)
    limit = rk.KernelLimit(mu, law)
    assert limit.stationary is mu
    assert limit.memory_map is mu.memory_map
    np.testing.assert_array_equal(
        limit.predict(TIMES, data.inputs, 0.1),
        rk.KernelLimit(data, law, n_nodes=n_nodes).predict(TIMES, data.inputs, 0.1),
    )
    np.testing.assert_allclose(limit.predict(TIMES, data.inputs, 0.1), whole.predict(TIMES, data.inputs, 0.1))


@pytest.mark.parametrize("case", CASES)
def test_a_kernel_of_ones_own(case):
    """The tangent kernel without its features, on a chain and on a path: the same limit."""
    data, law = CASES[case]
    kernel = rk.TangentKernel(law)
    for source, digits in ((data, 1e-11), (data.simulate(400, rng=0), 1e-7)):
        given, own = rk.KernelLimit(source, law), rk.KernelLimit(source, law, kernel=kernel.__call__)
        x, m = data.inputs, np.linspace(-0.1, 0.1, len(data.inputs))
        np.testing.assert_allclose(own.predict(TIMES, x, m), given.predict(TIMES, x, m), atol=digits)
        np.testing.assert_allclose(own.eigenvalues[:4], given.eigenvalues[:4], atol=digits)
        np.testing.assert_allclose(own.loss(TIMES), given.loss(TIMES), atol=digits)
        np.testing.assert_allclose(
            np.abs(own.eigenfunctions(x, m)[:, :3]), np.abs(given.eigenfunctions(x, m)[:, :3]), rtol=1e-4
        )


def test_a_kernel_of_ones_own_in_closed_form():
    """K = x x' + 1: linear regression by gradient flow, with inputs as the user gave them."""
    pi, x, y = np.array([0.75, 0.25]), DATA.inputs, DATA.mean_target
    limit = rk.KernelLimit(DATA, LAW, kernel=lambda x1, _m1, x2, _m2: np.outer(x1, x2) + 1)
    design = np.column_stack([np.ones(2), x])
    decay = expm(-3.0 * (design.T * pi) @ design)
    solution = np.linalg.solve(design, y)
    expected = np.column_stack([np.ones(3), [-1.0, 0.0, 2.0]]) @ (solution - decay @ solution)
    np.testing.assert_allclose(limit.predict(3.0, [-1.0, 0.0, 2.0], 0.3), expected, rtol=1e-11)
    assert len(limit.eigenvalues) == 2
    with pytest.raises(TypeError, match="tangent kernel of the law"):
        limit.fluctuations(1.0, 1.0, 0.0)
    for kernel in (
        rk.TangentKernel(rk.InitialLaw(LAW.output, LAW.inputs, stats.uniform(0, 0.5))),
        rk.TangentKernel(LAW, "erf"),
    ):
        other = rk.KernelLimit(DATA, LAW, kernel=kernel)
        with pytest.raises(TypeError, match="tangent kernel of the law"):
            other.fluctuations(1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="positive semi-definite"):
        rk.KernelLimit(DATA, LAW, kernel=lambda x1, _m1, x2, _m2: -np.outer(x1, x2))


def test_a_law_that_is_equal_is_as_good_as_the_same():
    twin = rk.InitialLaw(LAW.output, LAW.inputs, LAW.recurrent)
    limit = rk.KernelLimit(rk.StationaryLaw(DATA, rk.MemoryMap(twin)), LAW, kernel=rk.TangentKernel(twin))
    given, own = (each.fluctuations(1.0, [1.5], [0.1]) for each in (limit, rk.KernelLimit(DATA, LAW)))
    np.testing.assert_allclose(given.data, own.data, rtol=1e-12)


@pytest.mark.parametrize("steepness", [3.0, 20.0])
def test_steep_activations(steepness):
    """The rule in W that is enough for tanh is not for them: the limit is that of the kernel's own values."""
    activation = rk.Activation(
        "steep",
        lambda u: np.tanh(steepness * u),
        lambda u: steepness * (1 - np.tanh(steepness * u) ** 2),
        lipschitz=steepness,
    )
    law = rk.InitialLaw(LAW.output, LAW.inputs, stats.uniform(0, 0.8 / steepness))
    kernel = rk.TangentKernel(law, activation)
    given = rk.KernelLimit(DATA, law, activation)
    own = rk.KernelLimit(DATA, law, activation, kernel=kernel.__call__)
    where = [0.1, 2.0], [-1.0, 1.5], [-0.02, 0.04]
    np.testing.assert_allclose(given.predict(*where), own.predict(*where), atol=1e-9)
    np.testing.assert_allclose(given.eigenvalues[:4], own.eigenvalues[:4], rtol=1e-9)


def test_the_law_of_the_error_says_where_its_rule_ends():
    limit = rk.KernelLimit(DATA, LAW)
    with pytest.warns(RuntimeWarning, match="outrun the quadrature over W"):
        limit.fluctuations(1.0, [75.0], [0.0])
    with pytest.raises(ValueError, match="times must be at most"):
        limit.fluctuations(1e12, [1.5], [0.0])
    nowhere = limit.fluctuations([0.5, 1.0], [], [])
    assert nowhere.next_order.drift.shape == nowhere.std(n_units=10, beta=0.75).shape == (2, 0)


def test_forecast_follows_memory(limit):
    x, _ = limit.stationary.data.simulate(30, rng=0)
    m = limit.memory_map.trajectory(x)[:-1]
    np.testing.assert_allclose(limit.forecast(3.0, x), limit.predict(3.0, x, m), atol=1e-14)
    assert limit.forecast(3.0, x[:0]).shape == (0,)


def test_shapes():
    limit = rk.KernelLimit(DATA, LAW)
    assert limit.predict([0.0, 1.0], [1.0, 2.0, 3.0], 0.0).shape == (2, 3)
    assert limit.predict(1.0, [1.0, 2.0, 3.0], 0.0).shape == (3,)
    assert limit.predict([], 1.0, 0.0).shape == (0, 1)
    assert limit.predict(1.0, [], []).shape == (0,)
    assert (limit.predict(0.0, [1.0, 2.0], 0.0) == 0).all()
    assert isinstance(limit.loss(1.0), float)
    assert limit.loss([1.0, 2.0]).shape == (2,)
    assert limit.mode_shares(1.0).shape == limit.eigenvalues.shape
    assert limit.eigenfunctions([1.0, 2.0], 0.0).shape == (2, len(limit.eigenvalues))


def test_the_same_bits_again():
    first, second = rk.KernelLimit(PLANE, TWO), rk.KernelLimit(PLANE, TWO)
    np.testing.assert_array_equal(first.eigenvalues, second.eigenvalues)
    np.testing.assert_array_equal(first.predict(2.0, PLANE.inputs, 0.1), second.predict(2.0, PLANE.inputs, 0.1))


def test_nothing_to_see():
    """Inputs of zero and no memory: for tanh the kernel is zero and nothing is learned; for logistic the mean is."""
    zero = rk.DataSequence(CHAIN, inputs=[0.0, 0.0], targets=[1.0, -1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        still = rk.KernelLimit(zero, rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0, 1), stats.uniform(-0.5, 1)))
        half = rk.KernelLimit(
            zero, rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0, 1), stats.uniform(-0.5, 1)), "logistic"
        )
    assert len(still.eigenvalues) == 0
    np.testing.assert_allclose(still.predict([0.0, 1e6], 0.0, 0.0), 0, atol=1e-12)
    np.testing.assert_allclose(still.loss([0.0, 1e6]), 0.5)
    np.testing.assert_allclose(half.eigenvalues, [0.25], rtol=1e-12)
    np.testing.assert_allclose(half.predict([3.0], 0.0, 0.0), [[0.5 * (1 - np.exp(-0.75))]], rtol=1e-12)


def test_one_state_in_closed_form():
    """g_t(x, m*) = y (1 − e^{−αkt}) with k = K((x, m*), (x, m*)); noise is never learned."""
    limit = rk.KernelLimit(rk.DataSequence(rk.MarkovChain([[1.0]]), [1.5], [2.0], noise=0.3), LAW)
    star = limit.memory_map.fixed_points(1.5)[0]
    k = limit.kernel(1.5, star, 1.5, star)[0, 0]
    np.testing.assert_allclose(limit.eigenvalues, [k], rtol=1e-12)
    np.testing.assert_allclose(limit.predict(TIMES, 1.5, star)[:, 0], -2 * np.expm1(-k * TIMES), atol=1e-13)
    np.testing.assert_allclose(limit.loss(TIMES), 0.045 + 2 * np.exp(-2 * k * TIMES), rtol=1e-11)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: rk.KernelLimit(DATA, rk.InitialLaw(stats.uniform(0, 1), stats.norm(0.7, 1), stats.uniform(0, 1))),
            ValueError,
            "assumption E C = 0",
        ),
        (lambda: rk.KernelLimit(MU, TWO), ValueError, "law and activation must be those of the memory map"),
        (lambda: rk.KernelLimit(MU, LAW, "erf"), ValueError, "law and activation must be those of the memory map"),
        (lambda: rk.KernelLimit(MU, LAW, n_nodes=20), ValueError, "n_nodes and n_steps have no meaning"),
        (lambda: rk.KernelLimit(DATA, LAW, kernel="tangent"), TypeError, "kernel must be a function"),
        (
            lambda: rk.KernelLimit(DATA, LAW, kernel=lambda *_: np.eye(2)),
            ValueError,
            "kernel must return a Gram matrix",
        ),
        (
            lambda: rk.KernelLimit(DATA, LAW, kernel=lambda _x, m, _y, n: 1 + np.abs(np.subtract.outer(m, n))),
            ValueError,
            "positive semi-definite",
        ),
        (lambda: rk.KernelLimit(DATA, LAW, tolerance=1.0), ValueError, "tolerance must be at least 0 and less than 1"),
        (lambda: rk.KernelLimit(DATA, LAW, n_modes=0), ValueError, "n_modes must be an integer of at least 1"),
        (lambda: rk.KernelLimit(DATA, LAW, learning_rate=0.0), ValueError, "learning_rate must be greater than 0"),
        (lambda: rk.KernelLimit(DATA, "law"), TypeError, "law must be an InitialLaw"),
        (lambda: rk.KernelLimit(PLANE, LAW), ValueError, "data must have inputs of 1 coordinate"),
        (lambda: rk.KernelLimit(DATA, LAW, "relu"), ValueError, "activation must be one of"),
        (lambda: rk.KernelLimit(DATA, LAW).predict(-1.0, 1.0, 0.0), ValueError, "times must not be negative"),
        (lambda: rk.KernelLimit(DATA, LAW).loss([[1.0]]), ValueError, "times must have 0 or 1 dimension"),
        (lambda: rk.KernelLimit(DATA, LAW).forecast(-1.0, [1.0]), ValueError, "time must be at least 0"),
        (lambda: rk.KernelLimit(DATA, LAW).loss_floor("all"), TypeError, "eigenvalue must be a real number"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
