"""Statements of the chapter *The Poisson equation* against exact computation or, where named, simulation.

The transition operator on collocation nodes makes most of them exact: variances, characteristic functions and
forecasts of any number of steps are powers of a matrix.
"""

import numpy as np
import pytest
from reference import CHAIN, LAW
from scipy import optimize, stats

import rnnkernel as rk

MEMORY = rk.MemoryMap(LAW)
FUNCTIONS = {
    "x": lambda x, _: x,
    "m": lambda _, m: m,
    "xm": lambda x, m: x * m,
    "sin": lambda x, m: np.sin(3 * m) + x**2,
}
LIPSCHITZ = {"x": 0.0, "m": 1.0, "xm": 1.5, "sin": 3.0}

TWO_STATES = rk.DataSequence(CHAIN, [-1.0, 1.5], [0.0, 0.0])
# Two of four states share an input; rows 0 and 2 have nothing in common after one step, all rows do after two.
HIDDEN = rk.DataSequence(
    rk.MarkovChain([[0.5, 0.5, 0, 0], [0, 0.4, 0.6, 0], [0, 0, 0.2, 0.8], [0.7, 0, 0, 0.3]]),
    [-1.0, 1.5, 1.5, 0.3],
    np.zeros(4),
)
CASES = {"two": rk.StationaryLaw(TWO_STATES, MEMORY), "hidden": rk.StationaryLaw(HIDDEN, MEMORY)}


@pytest.fixture(params=CASES)
def mu(request):
    return CASES[request.param]


@pytest.fixture(params=FUNCTIONS)
def named(request):
    return request.param, FUNCTIONS[request.param]


def overlap(P, r):
    """η_r: the least common mass of two rows of P^r."""
    power = np.linalg.matrix_power(P, r)
    return np.minimum(power[:, None], power[None]).sum(axis=2).min()


def first_overlap(P):
    return next((r, overlap(P, r)) for r in range(1, 20) if overlap(P, r) > 0)


def on_grid(mu, sol):
    """The solution u on a fine grid over all states and memories, (n_states, n), and that grid."""
    m = np.linspace(mu.intervals.min(axis=0)[0], mu.intervals.max(axis=0)[1], 201)
    inside = [np.clip(m, *interval) for interval in mu.intervals]
    return np.array([sol(np.full(201, i), each) for i, each in enumerate(inside)]), np.array(inside)


def jump(mu):
    """δ: the most that two inputs differ in what they do to memory."""
    m = np.linspace(mu.intervals.min(), mu.intervals.max(), 401)
    images = np.array([MEMORY(x, m) for x in mu.data.inputs])
    return np.abs(images[:, None] - images[None]).max()


def one_step(mu, u, states, after):
    """Σ_j P_ij u(j, φ_i(m)) at states i, from the memories φ_i(m) afterwards."""
    P, total = mu.data.chain.transition, np.zeros(len(states))
    for j in range(len(P)):
        reached = P[states, j] > 0
        total[reached] += P[states[reached], j] * u(np.full(reached.sum(), j), after[reached])
    return total


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


def test_identity_is_exact(mu, named):
    f = named[1]
    sol = mu.solve_poisson(f)
    states, x, m = mu.simulate(501, rng=3)
    u, forecast = sol(states, m), one_step(mu, sol, states, MEMORY(x, m))
    np.testing.assert_allclose(u - forecast, f(x, m) - mu.mean(f), atol=1e-11)
    martingale = (u[1:] - forecast[:-1]).cumsum()
    np.testing.assert_allclose((f(x, m) - mu.mean(f))[:-1].cumsum(), u[0] - u[1:] + martingale, atol=1e-10)
    parts = sol.decompose(states, m)
    np.testing.assert_allclose(parts.martingale.cumsum(), martingale, atol=1e-10)
    assert parts.boundary == pytest.approx(u[0] - u[-1], abs=1e-12)
    assert parts.total == pytest.approx(parts.boundary + parts.martingale.sum(), abs=1e-10)


def test_finite_chain_is_linear_algebra():
    rng = np.random.default_rng(0)
    for n in (2, 3, 6):
        chain = rk.MarkovChain(rng.dirichlet(np.ones(n), size=n))
        P, pi, x = chain.transition, chain.stationary_distribution, rng.normal(size=n)
        Z = np.linalg.inv(np.eye(n) - P + np.outer(np.ones(n), pi))
        u = Z @ (x - pi @ x)
        np.testing.assert_allclose(u - P @ u, x - pi @ x, atol=1e-12)
        assert pi @ u == pytest.approx(0, abs=1e-12)
        assert np.linalg.matrix_rank(np.eye(n) - P) == n - 1  # so solutions differ by constants only
        law = rk.StationaryLaw(rk.DataSequence(chain, x, np.zeros(n)), MEMORY)
        sol = law.solve_poisson(FUNCTIONS["x"])
        np.testing.assert_allclose(sol.values, u[law.states], atol=1e-11)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.3), (0.9, 0.95), (1.0, 0.2), (1.0, 1.0), (1e-3, 2e-3)])
def test_two_states_closed_form(a, b):
    data = rk.DataSequence(rk.MarkovChain([[1 - a, a], [b, 1 - b]]), [-1.0, 1.5], [0.0, 0.0])
    law = rk.StationaryLaw(data, MEMORY)
    sol = law.solve_poisson(FUNCTIONS["x"])
    rho, pi = 1 - a - b, np.array([b, a]) / (a + b)
    np.testing.assert_allclose(data.chain.stationary_distribution, pi)
    np.testing.assert_allclose(sol.values, (law.inputs - pi @ data.inputs) / (1 - rho), rtol=1e-9)
    expected = pi[0] * pi[1] * 2.5**2 * (1 + rho) / (1 - rho)
    assert sol.asymptotic_variance == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if rho == -1:  # no sum of covariances, but a variance: |S_n| = |Δ|/2 at odd n
        for n in (1, 11, 101):
            assert n * data.chain.average_variance(data.inputs, n) == pytest.approx(2.5**2 / (4 * n), rel=1e-9)


def test_overlap_contracts_and_detects_periods():
    rng = np.random.default_rng(1)
    periods = set()
    for _ in range(200):
        n = int(rng.integers(2, 6))
        P = rng.dirichlet(np.ones(n), size=n) * (rng.random((n, n)) < 0.45)
        if (P.sum(axis=1) == 0).any():
            continue
        chain = rk.MarkovChain(P / P.sum(axis=1, keepdims=True))
        indicators = (np.arange(2**n)[:, None] >> np.arange(n)) & 1  # the sup of osc(Pg)/osc(g) is attained at one
        for r in (1, 2, 3):
            images = indicators @ np.linalg.matrix_power(chain.transition, r).T
            common = overlap(chain.transition, r)
            assert np.ptp(images, axis=1).max() == pytest.approx(1 - common, abs=1e-12)
            assert chain.doeblin_coefficient(r) <= common + 1e-12
            assert n > 2 or chain.doeblin_coefficient(r) == pytest.approx(common, abs=1e-12)
        if chain.is_irreducible:
            aperiodic = any(overlap(chain.transition, r) > 1e-12 for r in range(1, n * n + 1))
            assert aperiodic == (chain.period == 1)
            periods.add(chain.period)
    assert {1, 2} <= periods


def test_meeting_time():
    """The coupling of the proof, simulated: both copies follow the chain, and they meet as fast as it says."""
    P, n = HIDDEN.chain.transition, 40_000
    r, epsilon = first_overlap(P)
    assert r > 1
    power, rng = np.linalg.matrix_power(P, r), np.random.default_rng(2)
    state = np.array([np.zeros(n, dtype=int), np.full(n, 2)])
    meeting = np.full(n, -1)

    def draw(rows):
        return (rng.random(len(rows))[:, None] > rows.cumsum(axis=1)).sum(axis=1).clip(max=3)

    for block in range(1, 30):
        p, p_other = power[state[0]], power[state[1]]
        common = np.minimum(p, p_other)
        mass = common.sum(axis=1)
        together = rng.random(n) < mass
        rest = np.where(mass < 1, 1 - mass, 1)[:, None]
        shared = draw(common / np.where(mass > 0, mass, 1)[:, None])
        nxt = np.array([np.where(together, shared, draw((each - common) / rest)) for each in (p, p_other)])
        for copy in (0, 1):
            for i in range(4):
                frequency = np.bincount(nxt[copy][state[copy] == i], minlength=4)
                count = frequency.sum()
                if count:
                    assert (
                        np.abs(frequency - count * power[i]) <= 5 * np.sqrt(count * power[i] * (1 - power[i])) + 1e-9
                    ).all()
        meeting[(meeting < 0) & (nxt[0] == nxt[1])] = block
        state = nxt
        late = np.mean((meeting < 0) | (meeting > block))
        assert late <= (1 - epsilon) ** block + 4 * np.sqrt(0.25 / n)
    assert (meeting > 0).all()
    assert r * meeting.mean() <= r / epsilon


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
        assert bound.boundary == pytest.approx(2 * np.abs(u).max() / n, rel=1e-2)
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


def test_identity_for_a_moving_function():
    """f_k = a − θ_k b with θ_k a function of the past: the identity path by path, then its bound over paths."""
    mu, n_units, time = CASES["hidden"], 50, 2.0
    n, repeats = int(n_units * time), 400
    sols = [mu.solve_poisson(FUNCTIONS[name]) for name in ("xm", "m")]
    sizes = [on_grid(mu, sol)[0] for sol in sols]
    sums, martingales, moves, thetas = [], [], [], []
    for generator in np.random.default_rng(5).spawn(repeats):
        states, x, m = mu.simulate(n + 1, rng=generator)
        (ua, ub), (pa, pb) = ([sol(states, m) for sol in sols], [sol.one_step(states, m) for sol in sols])
        fa, fb = [sol.centred(states, m) for sol in sols]
        theta = np.concatenate([[0.0], np.cumsum(np.sin(3 * x * m)[:-1]) / n_units])
        total = (fa - theta * fb)[:-1].sum()
        boundary = (ua - theta * ub)[0] - (ua - theta * ub)[-1]
        drift = -(np.diff(theta) * ub[1:]).sum()
        martingale = (ua[1:] - theta[:-1] * ub[1:]) - (pa - theta * pb)[:-1]
        assert total == pytest.approx(boundary + drift + martingale.sum(), abs=1e-10)
        sums.append(total / n_units)
        martingales.append(martingale)
        moves.append(np.abs(np.diff(theta)).max())
        thetas.append(theta)
    increments = np.array(martingales)
    past = np.array(thetas)[:, :-1]
    for weight in (1.0, past):  # mean zero given the past: uncorrelated with what is known
        product = (weight * increments).sum(axis=1)
        assert abs(product.mean()) <= 4 * product.std() / np.sqrt(repeats)
    U = np.ptp(sizes[0]) + np.abs(thetas).max() * np.ptp(sizes[1])
    V = n_units * max(moves) * np.abs(sizes[1]).max()
    bound = U * np.sqrt(time) / (2 * np.sqrt(n_units)) + (2 * U + V * time) / n_units
    assert np.sqrt(np.mean(np.square(sums))) <= bound


def test_averaging_of_one_frozen_feature():
    """Online gradient descent of one weight: below its bound, at the rate N^{−1/2}, around the right curve."""
    chain = TWO_STATES.chain
    data = rk.DataSequence(chain, [-1.0, 1.5], [[-1.0, 1.5]] * 2)
    mu = rk.StationaryLaw(data, MEMORY)

    def psi(_, m):
        return np.tanh(1 + m)

    sol_c = mu.solve_poisson(lambda x, m: data.mean_target[(x > 0).astype(int)] * psi(x, m))
    sol_a = mu.solve_poisson(lambda x, m: psi(x, m) ** 2)
    c, a = sol_c.mean, sol_a.mean
    alpha, time, Y, repeats, start = 1.5, 2.0, 1.5, 400, 0.4
    R = abs(start) + alpha * Y * time
    (u_c, _), (u_a, _) = on_grid(mu, sol_c), on_grid(mu, sol_a)
    U = alpha * (np.ptp(u_c) + R * np.ptp(u_a))
    V = alpha**2 * (Y + R) * np.abs(u_a).max()
    s = np.sqrt(data.target_variance.max())
    errors = {}
    for n_units in (50, 200, 800):
        n = round(n_units * time)
        runs = [mu.simulate(n + 1, rng=g) for g in np.random.default_rng(n_units).spawn(repeats)]
        x, m = np.array([run[1] for run in runs]), np.array([run[2] for run in runs])
        theta = np.full(repeats, start)
        for k in range(n):
            feature = psi(x[:, k], m[:, k])
            theta += alpha / n_units * (x[:, k + 1] - theta * feature) * feature
        limit = c / a + (start - c / a) * np.exp(-alpha * a * time)
        deviation = theta - limit
        errors[n_units] = np.sqrt(np.mean(deviation**2))
        e_n = np.sqrt(time / n_units) * (U / 2 + alpha * s)
        e_n += (2 * U + V * time + alpha**2 * (Y + R) * time / 2) / n_units
        assert errors[n_units] <= np.exp(alpha * a * time) * e_n
        bias = abs(deviation.mean())
        assert bias <= 4 * deviation.std() / np.sqrt(repeats) + 2 / n_units
    slope = np.polyfit(np.log(list(errors)), np.log(list(errors.values())), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.06)


def test_periodic_chain_in_the_sense_of_cesaro_and_abel():
    for P in ([[0, 0.5, 0.5], [1, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]):
        chain = rk.MarkovChain(P)
        assert chain.period > 1
        pi, n_states = chain.stationary_distribution, 3
        f_bar = np.array([1.0, 0.0, -2.0]) - pi @ [1.0, 0.0, -2.0]
        Z = np.linalg.inv(np.eye(n_states) - chain.transition + pi)
        u = Z @ f_bar
        np.testing.assert_allclose(u - chain.transition @ u, f_bar, atol=1e-12)
        terms = [f_bar]
        for _ in range(20_000):
            terms.append(chain.transition @ terms[-1])
        terms = np.array(terms)
        assert np.abs(terms[-3:]).max() > 0.1  # P^n f̄ does not tend to zero
        partial = terms.cumsum(axis=0)
        averages = partial.cumsum(axis=0) / np.arange(1, len(partial) + 1)[:, None]
        for n in (1, 10, 1000):
            assert np.abs(averages[n - 1] - u).max() <= 2 * np.abs(Z @ u).max() / n + 1e-12
        assert np.abs(partial[-1] - u).max() > 0.1
        r = 0.999
        np.testing.assert_allclose((r ** np.arange(len(terms))) @ terms, u, atol=5e-3)
