"""Statements of the chapter *The Poisson equation with memory* against exact computation or, where named, simulation.

The transition operator on collocation nodes makes most of them exact: variances, characteristic functions and
forecasts of any number of steps are powers of a matrix.
"""

import numpy as np
import pytest
from joint_chain import CASES, FUNCTIONS, LIPSCHITZ, MEMORY, TWO_STATES, first_overlap, on_grid, one_step, overlap
from scipy import optimize, stats

import rnnkernel as rk


@pytest.fixture(params=CASES)
def mu(request):
    return CASES[request.param]


@pytest.fixture(params=FUNCTIONS)
def named(request):
    return request.param, FUNCTIONS[request.param]


def jump(mu):
    """δ: the most that two inputs differ in what they do to memory."""
    m = np.linspace(mu.intervals.min(), mu.intervals.max(), 401)
    images = np.array([MEMORY(x, m) for x in mu.data.inputs])
    return np.abs(images[:, None] - images[None]).max()


def centred(mu, f):
    return f(mu.inputs, mu.memory) - mu.mean(f)


def second_solution(mu, sol):
    """Values at the nodes of v, v − P̂v = u."""
    matrix = np.eye(len(mu.weights)) - mu.transition_operator + mu.weights
    return np.linalg.solve(matrix, sol.values)


def variance_after(mu, f, n):
    """n Var(A_n) from the autocovariances."""
    g = f_bar = centred(mu, f)
    total = 0.0
    for k in range(n):
        total += (1 if k == 0 else 2) * (1 - k / n) * (mu.weights @ (f_bar * g))
        g = mu.transition_operator @ g
    return total


def laws_after(P, inputs, state, m, r):
    """The law of (i_r, m_r) from one point: states, memories, probabilities of all paths of r steps."""
    paths = [(state, m, 1.0)]
    for _ in range(r):
        paths = [
            (j, MEMORY(inputs[i], memory), p * P[i, j]) for i, memory, p in paths for j in range(len(P)) if P[i, j] > 0
        ]
    states, memories, p = zip(*paths, strict=True)
    return np.array(states), np.array(memories, dtype=float), np.array(p)


def wasserstein(law, other, w):
    """The least mean of d_w over all couplings, by linear programming."""
    (i, m, p), (j, other_m, q) = law, other
    cost = w * (i[:, None] != j) + np.abs(m[:, None] - other_m)
    rows = np.kron(np.eye(len(p)), np.ones(len(q)))
    columns = np.kron(np.ones(len(p)), np.eye(len(q)))
    return optimize.linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q])).fun


def test_joint_chain_contracts(mu):
    P, x, q = mu.data.chain.transition, mu.data.inputs, MEMORY.contraction
    assert pytest.approx(0.5) == q  # L E|B| with |tanh'| ≤ 1 and B ~ U(0, 1)
    r, epsilon = first_overlap(P)
    delta, length = jump(mu), np.ptp(mu.intervals)
    for excess in (1.05, 2.0, 20.0):  # over the least weight that the theorem allows
        w = excess * delta / ((1 - q) * epsilon)
        kappa = max(1 - epsilon + delta / ((1 - q) * w), q**r)
        assert kappa < 1
        worst, rng = 0.0, np.random.default_rng(6)
        for i in range(len(P)):
            for j in range(len(P)):
                m, other = rng.uniform(*mu.intervals[i]), rng.uniform(*mu.intervals[j])
                after = wasserstein(laws_after(P, x, i, m, r), laws_after(P, x, j, other, r), w)
                worst = max(worst, after / (w * (i != j) + abs(m - other)))
        assert worst <= kappa
        if excess == 20:
            assert worst >= 1 - epsilon - 0.05  # a large weight leaves nothing but the overlap
    w = 2 * delta / ((1 - q) * epsilon)
    kappa = max(1 - epsilon + delta / ((1 - q) * w), q**r)
    for name, f in FUNCTIONS.items():
        values = f(mu.inputs, mu.memory)
        after = MEMORY(mu.inputs, mu.memory)
        ahead = sum(P[mu.states, j] * f(np.full(len(after), x[j]), after) for j in range(len(P)))
        np.testing.assert_allclose(mu.transition_operator @ values, ahead, atol=1e-7)
        scale = max(LIPSCHITZ[name], np.ptp(values) / w) * (w + length)
        g = values - mu.mean(f)
        for n in range(60):
            assert np.abs(g).max() <= kappa ** (n // r) * scale + 1e-12
            g = mu.transition_operator @ g


def test_two_rates_of_forgetting(named):
    """P(H > n) ≤ Cγⁿ with C = 1, γ = 1 − η₁ for two states: the spread of P̂ⁿf against the bound of the note."""
    name, f = named
    mu = CASES["two"]
    gamma, q, length = 1 - overlap(mu.data.chain.transition, 1), MEMORY.contraction, np.ptp(mu.intervals)
    values = f(mu.inputs, mu.memory)
    oscillation, g = np.ptp(values), values
    for n in range(1, 40):
        g = mu.transition_operator @ g
        bound = gamma**n * oscillation + (q**n + n * max(q, gamma) ** (n - 1)) * length * LIPSCHITZ[name]
        assert np.ptp(g) <= bound + 1e-12
        if name == "x":
            assert np.ptp(g) == pytest.approx(bound, rel=1e-9, abs=1e-12)  # attained


def test_solution_obeys_its_bounds(mu, named):
    name, f = named
    r, epsilon = first_overlap(mu.data.chain.transition)
    q, length = MEMORY.contraction, np.ptp(mu.intervals)
    u, m = on_grid(mu, mu.solve_poisson(f))
    oscillation = np.ptp([f(np.full(201, x), each) for x, each in zip(mu.data.inputs, m, strict=True)])
    steps = np.diff(m, axis=1)
    slopes = np.abs(np.diff(u, axis=1))[steps > 0] / steps[steps > 0]
    assert slopes.max() <= LIPSCHITZ[name] / (1 - q) + 1e-9
    bound = r / epsilon * oscillation + length / (1 - q) * LIPSCHITZ[name]
    assert np.abs(u).max() <= np.ptp(u) <= bound + 1e-9
    if name == "x" and len(u) == 2:
        assert np.ptp(u) == pytest.approx(bound, rel=1e-9)  # attained


def test_solution_is_the_series(mu, named):
    sol = mu.solve_poisson(named[1])
    term = centred(mu, named[1])
    total = np.zeros_like(term)
    for _ in range(400):
        total += term
        term = mu.transition_operator @ term
    np.testing.assert_allclose(sol.values, total, atol=1e-10)
    np.testing.assert_allclose(sol(mu.states, mu.memory), total, atol=1e-9)
    assert mu.weights @ sol.values == pytest.approx(0, abs=1e-11)
    smallest = np.linalg.svd(np.eye(len(term)) - mu.transition_operator, compute_uv=False)[-2:]
    assert smallest[0] > 1e-3  # any other solution differs by a constant
    assert smallest[1] < 1e-12


def test_variance_is_the_sum_of_covariances(mu, named):
    f = named[1]
    sol = mu.solve_poisson(f)
    f_bar = g = centred(mu, f)
    covariances = []
    for _ in range(400):
        covariances.append(mu.weights @ (f_bar * g))
        g = mu.transition_operator @ g
    assert sol.asymptotic_variance == pytest.approx(covariances[0] + 2 * sum(covariances[1:]), rel=1e-9)
    u = sol(mu.states, mu.memory)
    assert mu.weights @ (f_bar * (2 * u - f_bar)) == pytest.approx(sol.asymptotic_variance, rel=1e-9)
    # and the variance of one martingale increment: E[u²] − E[(P̂u)²], from the definition
    after = MEMORY(mu.inputs, mu.memory)
    square = one_step(mu, lambda i, m: sol(i, m) ** 2, mu.states, after)
    forecast = one_step(mu, sol, mu.states, after)
    assert mu.weights @ (square - forecast**2) == pytest.approx(sol.asymptotic_variance, rel=1e-9)


def test_variance_after_n_steps(mu, named):
    f = named[1]
    sol, T = mu.solve_poisson(f), mu.transition_operator
    v, f_bar = second_solution(mu, sol), centred(mu, f)
    for n in (1, 2, 7, 60):
        correction = mu.weights @ (f_bar * (T @ v - np.linalg.matrix_power(T, n + 1) @ v))
        expected = sol.asymptotic_variance - 2 / n * correction
        assert variance_after(mu, f, n) == pytest.approx(expected, rel=1e-9)


def test_bound_holds_for_every_n(mu, named):
    f = named[1]
    sol = mu.solve_poisson(f)
    u, _ = on_grid(mu, sol)
    for n in (1, 2, 5, 20, 100, 400):
        bound = sol.bound(n)
        assert np.sqrt(variance_after(mu, f, n) / n) <= bound.total
        assert bound.martingale == pytest.approx(np.sqrt(sol.asymptotic_variance / n))
        assert bound.boundary == pytest.approx(2 * np.sqrt(mu.weights @ sol.values**2) / n, rel=1e-9)
        assert bound.boundary <= 2 * np.abs(u).max() / n
    v, n = second_solution(mu, sol), 10**8  # P̂^{n+1}v is zero to rounding: the exact error at a large n
    gamma = mu.weights @ (centred(mu, f) * (mu.transition_operator @ v))
    error = np.sqrt((sol.asymptotic_variance - 2 * gamma / n) / n)
    assert error <= sol.bound(n).total <= 1.001 * error


def test_bound_holds_from_any_start(mu, named):
    f = named[1]
    u, _ = on_grid(mu, mu.solve_poisson(f))
    T, f_bar = mu.transition_operator, centred(mu, f)
    mean, square = f_bar, f_bar**2  # of S_1 from each node; S_n = f̄(z_0) + S_{n−1} from z_1
    tightest = np.inf
    for n in range(1, 301):
        bound = np.ptp(u) * (1 / n + 0.5 / np.sqrt(n))
        error = np.sqrt(np.maximum(square, 0).max()) / n
        assert error <= bound
        tightest = min(tightest, bound / error)
        mean, square = f_bar + T @ mean, f_bar**2 + 2 * f_bar * (T @ mean) + T @ square
    assert tightest < 8  # the bound is of the right size


def test_characteristic_function_within_its_bound(mu):
    f = FUNCTIONS["m"]
    sol, T, f_bar = mu.solve_poisson(f), mu.transition_operator, centred(mu, f)
    twin = np.linalg.solve(np.eye(len(f_bar)) - T + mu.weights, f_bar)
    np.testing.assert_allclose(sol(mu.states, mu.memory), twin, atol=1e-9)
    assert sol.asymptotic_variance == pytest.approx(mu.weights @ (f_bar * (2 * twin - f_bar)), rel=1e-9)
    sigma, (u, _) = np.sqrt(sol.asymptotic_variance), on_grid(mu, sol)
    omega = np.ptp(u)
    g = T @ sol.values**2 - (T @ sol.values) ** 2
    assert mu.weights @ g == pytest.approx(sigma**2, rel=1e-9)
    h = np.linalg.solve(np.eye(len(g)) - T + mu.weights, g - mu.weights @ g)
    sup_h = np.abs(h).max()
    for t in (0.5 / sigma, 1 / sigma, 2 / sigma):
        errors = []
        for n in (1024, 4096, 16_384):
            chi = np.ones(len(g), dtype=complex)
            step = np.exp(1j * t / np.sqrt(n) * f_bar)
            for _ in range(n):
                chi = step * (T @ chi)
            bound = (abs(t) * omega + abs(t) ** 3 * (omega**3 / 6 + omega * sup_h / 2)) / np.sqrt(n)
            bound += (t**2 * sup_h + t**4 * sigma**4 / 8) / n
            for start in (mu.weights @ chi, chi[0], chi[-1]):  # stationary, and from two points
                errors.append(abs(start - np.exp(-(sigma**2) * t**2 / 2)))
                assert errors[-1] <= bound
        for first, second in zip(errors[3:6], errors[6:], strict=True):
            assert second / first == pytest.approx(0.5, abs=0.03)  # the rate n^{−1/2}, for n four times as large


def test_errors_are_gaussian():
    mu, n = CASES["two"], 800
    sol = mu.solve_poisson(FUNCTIONS["m"])
    generators = np.random.default_rng(4).spawn(2000)
    scaled = np.array([np.sqrt(n) * (mu.simulate(n, rng=g)[2].mean() - sol.mean) for g in generators])
    sigma = np.sqrt(sol.asymptotic_variance)
    assert stats.kstest(scaled, stats.norm(0, sigma).cdf).pvalue > 0.01
    for wrong in (0.8 * sigma, 1.25 * sigma):
        assert stats.kstest(scaled, stats.norm(0, wrong).cdf).pvalue < 1e-3


PERIODIC = {
    "ring": [[0, 0.5, 0.5], [1, 0, 0], [1, 0, 0]],
    "two pairs": [[0, 0, 0.3, 0.7], [0, 0, 0.8, 0.2], [0.4, 0.6, 0, 0], [0.1, 0.9, 0, 0]],
}


@pytest.mark.parametrize("name", PERIODIC)
def test_periodic_chain_with_memory(name, named):
    """The package's solution is the mean of the partial sums, and the variance and the bound hold with it."""
    P, f = PERIODIC[name], named[1]
    data = rk.DataSequence(rk.MarkovChain(P), [-1.0, 1.5, 0.3, 0.8][: len(P)], np.zeros(len(P)))
    assert data.chain.period == 2
    mu = rk.StationaryLaw(data, MEMORY)
    sol, T, f_bar = mu.solve_poisson(f), mu.transition_operator, centred(mu, f)
    states, x, m = mu.simulate(300, rng=0)
    forecast = one_step(mu, sol, states, MEMORY(x, m))
    np.testing.assert_allclose(sol(states, m) - forecast, f(x, m) - mu.mean(f), atol=1e-9)
    u = sol.values
    np.testing.assert_allclose(u - T @ u, f_bar, atol=1e-9)
    assert mu.weights @ u == pytest.approx(0, abs=1e-9)
    term, partial, mean, n = f_bar, np.zeros_like(f_bar), np.zeros_like(f_bar), 4000
    for _ in range(n):
        partial, term = partial + term, T @ term
        mean += partial / n
    v = second_solution(mu, sol)
    assert np.abs(mean - u).max() <= 2 * np.abs(v).max() / n + 1e-9
    for k in (1, 2, 7, 60):
        correction = mu.weights @ (f_bar * (T @ v - np.linalg.matrix_power(T, k + 1) @ v))
        assert variance_after(mu, f, k) == pytest.approx(sol.asymptotic_variance - 2 / k * correction, rel=1e-8)
        assert np.sqrt(variance_after(mu, f, k) / k) <= sol.bound(k).total + 1e-12
        assert sol.bound(k).boundary == pytest.approx(2 * np.sqrt(mu.weights @ u**2) / k, rel=1e-9)
        assert sol.bound(k).martingale ** 2 == pytest.approx(mu.weights @ (f_bar * (2 * u - f_bar)) / k, rel=1e-9)


def sticky(rho):
    """The reference inputs, repeated with correlation ρ."""
    chain = rk.MarkovChain(rho * np.eye(2) + (1 - rho) * np.array([0.75, 0.25]))
    return rk.StationaryLaw(rk.DataSequence(chain, [-1.0, 1.5], [0.0, 0.0]), MEMORY)


def test_answer_on_the_two_parts_of_a_sticky_chain():
    """At ρ = 0.95, n = 30: exact sizes of boundary, martingale and sum; the parts cancel, and neither decides."""
    mu, n = sticky(0.95), 30
    sol, T = mu.solve_poisson(FUNCTIONS["m"]), mu.transition_operator
    square, later = mu.weights @ sol.values**2, np.linalg.matrix_power(T, n) @ sol.values
    boundary = 2 * square - 2 * mu.weights @ (sol.values * later)
    martingale, total = n * sol.asymptotic_variance, n * variance_after(mu, FUNCTIONS["m"], n)
    correlation = (total - boundary - martingale) / 2 / np.sqrt(boundary * martingale)
    assert -0.85 < correlation < -0.65
    assert boundary < martingale  # the boundary does not decide
    rngs = np.random.default_rng(1).spawn(1000)
    parts = [sol.decompose(states, m) for states, _, m in (mu.simulate(n + 1, rng=rng) for rng in rngs)]
    split = np.array([(each.boundary, each.martingale.sum()) for each in parts])
    np.testing.assert_allclose((split**2).mean(axis=0), [boundary, martingale], rtol=0.2)
    assert np.corrcoef(split.T)[0, 1] == pytest.approx(correlation, abs=0.06)
    assert np.median(np.abs(split[:, 0])) < 0.1 * np.sqrt(boundary)


def test_answer_on_the_product():
    """σ of x·m falls as stickiness grows to 0.8, and rises beyond."""
    sigmas = [sticky(rho).solve_poisson(FUNCTIONS["xm"]).asymptotic_variance for rho in (0, 0.2, 0.4, 0.6, 0.8, 0.95)]
    assert (np.diff(sigmas[:5]) < 0).all()
    assert sigmas[5] > sigmas[4]


def test_answer_on_short_batches():
    """Batches of inputs are biased by more than 5 % up to length 37, and by less from 38 on."""
    chain, x = TWO_STATES.chain, TWO_STATES.inputs
    bias = {b: 1 - b * chain.average_variance(x, b) / chain.asymptotic_variance(x) for b in (37, 38)}
    assert bias[38] < 0.05 < bias[37]


def test_answer_on_three_steps():
    """For f = m the error after three steps is below σ/√3."""
    mu = CASES["two"]
    assert variance_after(mu, FUNCTIONS["m"], 3) < 0.9 * mu.solve_poisson(FUNCTIONS["m"]).asymptotic_variance
