"""Statements of the chapter *Fluctuations while learning* against exact computation or, where named, simulation."""

from itertools import pairwise

import joint_chain
import numpy as np
import pytest
from kernel_learner import BUILT, RATE, Case, flow, norm, solved, variance
from reference import DATA
from scipy import stats

import rnnkernel as rk


def test_identity_for_a_moving_function():
    """f_k = a − θ_k b with θ_k a function of the past: the identity path by path, then its bound over paths."""
    mu, n_units, time = joint_chain.CASES["hidden"], 50, 2.0
    n, repeats = int(n_units * time), 400
    sols = [mu.solve_poisson(joint_chain.FUNCTIONS[name]) for name in ("xm", "m")]
    sizes = [joint_chain.on_grid(mu, sol)[0] for sol in sols]
    sums, martingales, moves, thetas = [], [], [], []
    for generator in np.random.default_rng(5).spawn(repeats):
        states, x, m = mu.simulate(n + 1, rng=generator)
        (ua, ub), (pa, pb) = ([sol(states, m) for sol in sols], [sol.one_step(states, m) for sol in sols])
        fa, fb = (joint_chain.FUNCTIONS[name](x, m) - mu.mean(joint_chain.FUNCTIONS[name]) for name in ("xm", "m"))
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
    for sol, name in zip(sols, ("xm", "m"), strict=True):
        f, after = joint_chain.FUNCTIONS[name], joint_chain.MEMORY(x, m)
        np.testing.assert_allclose(sol.centred(states, m), f(x, m) - mu.mean(f), atol=1e-12)
        np.testing.assert_allclose(sol.one_step(states, m), joint_chain.one_step(mu, sol, states, after), atol=1e-10)
    increments = np.array(martingales)
    past = np.array(thetas)[:, :-1]
    for weight in (1.0, past):  # mean zero given the past: uncorrelated with what is known
        product = (weight * increments).sum(axis=1)
        assert abs(product.mean()) <= 4 * product.std() / np.sqrt(repeats)
    U = np.ptp(sizes[0]) + np.abs(thetas).max() * np.ptp(sizes[1])
    V = n_units * max(moves) * np.abs(sizes[1]).max()
    bound = U * np.sqrt(time) / (2 * np.sqrt(n_units)) + (2 * U + V * time) / n_units
    assert np.sqrt(np.mean(np.square(sums))) <= bound


def test_bound_for_a_moving_function_is_attained():
    """A fair coin, f = ±1 that stands still: (osc u)²/4 is the variance, and the bound is the error but for 1/N."""
    coin = rk.DataSequence(rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]), [-1.0, 1.0], [0.0, 0.0])
    sol = rk.StationaryLaw(coin, joint_chain.MEMORY).solve_poisson(joint_chain.FUNCTIONS["x"])
    U, N = np.ptp(sol([0, 1], [0.0, 0.0])), 10_000
    for T in (0.5, 2.0):
        n = int(N * T)
        error = n / N * np.sqrt(coin.chain.average_variance([-1.0, 1.0], n))
        bound = U * np.sqrt(T) / (2 * np.sqrt(N)) + 2 * U / N
        assert error <= bound
        assert bound - 2 * U / N == pytest.approx(error, rel=1e-9)


def test_averaging_of_one_frozen_feature():
    """Online gradient descent of one weight: below its bound, at the rate N^{−1/2}, around the right curve."""
    mu = rk.StationaryLaw(DATA, joint_chain.MEMORY)

    def psi(_, m):
        return np.tanh(1 + m)

    sol_c = mu.solve_poisson(lambda x, m: DATA.mean_target[(x > 0).astype(int)] * psi(x, m))
    sol_a = mu.solve_poisson(lambda x, m: psi(x, m) ** 2)
    c, a = sol_c.mean, sol_a.mean
    alpha, time, Y, repeats, start = 1.5, 2.0, 1.5, 400, 0.4
    R = abs(start) + alpha * Y * time
    (u_c, _), (u_a, _) = joint_chain.on_grid(mu, sol_c), joint_chain.on_grid(mu, sol_a)
    U = alpha * (np.ptp(u_c) + R * np.ptp(u_a))
    V = alpha**2 * (Y + R) * np.abs(u_a).max()
    s = np.sqrt(DATA.target_variance.max())
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
        assert errors[n_units] <= 2 * e_n
        bias = abs(deviation.mean())
        assert bias <= 4 * deviation.std() / np.sqrt(repeats) + 2 / n_units
    slope = np.polyfit(np.log(list(errors)), np.log(list(errors.values())), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.06)
    # the sum that the proof bounds, along one path: from f itself, and from the two solutions
    states, x, m = mu.simulate(401, rng=1)
    feature, best, theta = psi(x, m), DATA.mean_target[states], np.linspace(start, c / a, 401)
    direct = (best - theta * feature) * feature - (c - a * theta)
    u_c, u_a = sol_c(states, m), sol_a(states, m)
    Pu_c, Pu_a = (joint_chain.one_step(mu, sol, states, joint_chain.MEMORY(x, m)) for sol in (sol_c, sol_a))
    martingale = (u_c[1:] - theta[:-1] * u_a[1:] - (Pu_c - theta * Pu_a)[:-1]).sum()
    boundary = (u_c - theta * u_a)[0] - (u_c - theta * u_a)[-1]
    drift = -(np.diff(theta) * u_a[1:]).sum()
    assert direct[:-1].sum() == pytest.approx(boundary + drift + martingale, abs=1e-9)


def test_the_feedback_of_one_feature_at_most_doubles():
    """Δ_n = G_n − b Σ_{k<n} Δ_k gives |Δ| ≤ (2 − (1 − b)ⁿ) max|G|, attained by a driver that jumps at the end."""
    rng, b, n = np.random.default_rng(0), 0.02, 400
    for G in (*rng.normal(size=(20, n)).cumsum(axis=1), np.append(-np.ones(n - 1), 1.0)):
        delta = np.zeros(n)
        for k in range(n):
            delta[k] = G[k] - b * delta[:k].sum()
        most = (2 - (1 - b) ** (n - 1)) * np.abs(G).max()
        assert np.abs(delta).max() <= most * (1 + 1e-12)
    assert np.abs(delta).max() == pytest.approx(most, rel=1e-9)
    assert most <= 2


@pytest.fixture(params=BUILT)
def case(request):
    return BUILT[request.param]


def test_the_driver_has_five_parts(case):
    """At one point, by one solution of the package for each step; and each martingale term has mean zero."""
    N, n, limit, mu = 20, 30, case.limit, case.mu
    data, P = case.data, case.data.chain.transition
    point = {"x": [1.5], "memory": [0.1]}
    states, x, m = mu.simulate(n + 1, rng=5)
    for t in (0.3, n / N):  # the limit itself, by the exponential of a matrix
        np.testing.assert_allclose(limit.predict(t, mu.inputs, mu.memory), flow(case, t), atol=1e-8)

    def section(x, m):
        return limit.kernel(1.5, 0.1, x, m)[0]

    def solve(t):
        # f* depends on the state, and states may share an input: solve on the nodes
        f = RATE * (case.best - limit.predict(t, mu.inputs, mu.memory)) * section(mu.inputs, mu.memory)
        u = case.invert @ (f - mu.weights @ f)
        assert abs(mu.weights @ u) < 1e-10
        if case is BUILT["two"]:
            best = lambda x: data.mean_target[(x > 0).astype(int)]  # noqa: E731
            sol = mu.solve_poisson(lambda x, m: RATE * (best(x) - limit.predict(t, x, m)) * section(x, m))
            np.testing.assert_allclose(sol(mu.states, mu.memory), u, atol=1e-8)
        return mu.weights @ f, mu.interpolate(u), mu.interpolate(mu.transition_operator @ u)

    means, u, Pu = zip(*(solve(k / N) for k in range(n + 1)), strict=True)
    noise = martingale = drift = driver = 0.0
    for k in range(n):
        now, ahead, K = (states[[k]], m[[k]]), (states[[k + 1]], m[[k + 1]]), section(x[[k]], m[[k]])[0]
        y, best = data.targets[states[k], states[k + 1]], data.mean_target[states[k]]
        driver += RATE / N * (y - limit.predict(k / N, x[[k]], m[[k]])[0]) * K
        noise += RATE / N * (y - best) * K
        martingale += (u[k](*ahead) - Pu[k](*now))[0] / N
        drift += (u[k + 1](*ahead) - u[k](*ahead))[0] / N
        possible = np.array([u[k]([j], m[[k + 1]])[0] for j in range(len(P))])
        assert P[states[k]] @ possible == pytest.approx(Pu[k](*now)[0], abs=1e-9)
        assert P[states[k]] @ data.targets[states[k]] == pytest.approx(best, abs=1e-12)
    boundary = (u[0](states[[0]], m[[0]]) - u[n](states[[n]], m[[n]]))[0] / N
    step = np.sum(means[:n]) / N - limit.predict(n / N, **point)[0]
    driver -= limit.predict(n / N, **point)[0]
    assert noise + martingale + boundary + drift + step == pytest.approx(driver, abs=1e-9)
    assert min(map(abs, (noise, martingale, boundary, drift, step))) > 1e-6


def constants(case, T):
    """ȳ, Λ, R, ω and ν of the theorem, with one step for the overlap."""
    data, law = case.data, case.limit.law
    P, K = data.chain.transition, case.K_bar
    overlap = min(np.minimum(p, q).sum() for p in P for q in P)
    y_bar, slope2 = np.abs(data.targets).max(), 4 / np.sqrt(27)
    Lam = np.sqrt(1 + np.abs(data.inputs).max() ** 2 * law.output_square * slope2**2)
    length = case.mu.intervals.max() - case.mu.intervals.min()
    R = y_bar * (1 + np.sqrt(RATE * K * T / 2))
    kappa = np.sqrt(K) / overlap + length / (1 - case.limit.memory_map.contraction) * Lam
    return y_bar, Lam, R, 2 * RATE * R * kappa, 2 * RATE**2 * K * y_bar * kappa


def test_each_constant_of_the_driver(case):
    T, K, Phi, r = 3.0, case.K_bar, case.Phi, len(case.eigenvalues)
    y_bar, Lam, R, omega, nu = constants(case, T)
    assert norm(Phi).max() == pytest.approx(np.sqrt(K), abs=1e-6)
    diagonal = case.limit.kernel.diagonal(case.mu.inputs, case.mu.memory)
    np.testing.assert_allclose(diagonal, norm(Phi) ** 2, atol=1e-7)
    if case is BUILT["two"]:  # the package's solution, and its prediction, give u_t
        for t in (0.4, T):
            np.testing.assert_allclose(solved(case, t, 0), case.steps(t)[2][:, 0], atol=1e-7)
    n = len(Phi) // len(case.data.inputs)
    for block, m in zip(Phi.reshape(-1, n, r), case.mu.memory.reshape(-1, n), strict=True):
        apart = np.abs(m[:, None] - m)
        assert (norm(block[:, None] - block) <= Lam * apart + 1e-9).all()
    times, h = np.linspace(0.1, T, 12), 1e-3
    for t in times:
        _, mean, u = case.steps(t)
        g = case.g(t)
        residual = case.best - Phi @ g
        assert norm(g) <= y_bar * np.sqrt(RATE * t / 2)
        assert np.abs(residual).max() <= R
        assert norm(mean) == pytest.approx(norm(case.g(t + h) - case.g(t - h)) / (2 * h), rel=1e-4)  # μ(f_t) = ∂_t g_t
        assert norm(mean) <= RATE * np.sqrt(K) * y_bar
        curvature = norm(case.g(t + h) - 2 * g + case.g(t - h)) / h**2
        assert curvature <= RATE**2 * K**1.5 * y_bar
        # ‖g‖² grows as the proof says, and ∫ r² dμ falls at the rate (2/α)‖∂_t g‖²
        w, later = case.mu.weights, case.best - Phi @ case.g(t + h)
        falls = (w @ residual**2 - w @ later**2) / h
        assert falls == pytest.approx(2 / RATE * norm(mean) ** 2, rel=1e-2)
        assert norm(u[:, None] - u).max() <= omega
        assert norm(u).max() <= norm(u[:, None] - u).max()
    for t, later in pairwise(times):
        assert norm(case.steps(later)[2] - case.steps(t)[2]).max() <= nu * (later - t)


def test_the_bound_on_the_oscillation_of_a_solution_with_values_in_h(case):
    """osc u ≤ (r/η_r) osc f + |M|/(1−q) Lip f in the norm of H, and the conditional variance is at most (osc u)²/2."""
    f, _, u = case.steps(0.5)
    P = case.data.chain.transition
    overlap = min(np.minimum(p, q).sum() for p in P for q in P)
    n = len(f) // len(P)
    m = case.mu.memory.reshape(-1, n)
    slopes = [
        norm(np.diff(b, axis=0)) / np.abs(np.diff(each))
        for b, each in zip(f.reshape(-1, n, f.shape[1]), m, strict=True)
    ]
    length = case.mu.intervals.max() - case.mu.intervals.min()
    bound = norm(f[:, None] - f).max() / overlap + length / (1 - case.limit.memory_map.contraction) * np.max(slopes)
    oscillation = norm(u[:, None] - u).max()
    assert oscillation <= bound
    T = case.mu.transition_operator
    spread = (T @ (u**2)).sum(axis=1) - ((T @ u) ** 2).sum(axis=1)
    assert spread.max() <= oscillation**2 / 2


def test_the_driver_is_small(case):
    """E max‖F‖² ≤ E_N², with E_N from the constants; and the driver falls as N^(−1/2)."""
    T, sizes = 1.5, []
    _, _, _, omega, nu = constants(case, T)
    y_bar, K, v = np.abs(case.data.targets).max(), case.K_bar, case.data.target_variance.max()
    for N in (30, 480):
        states, m = case.paths(round(N * T), 120, seed=N)
        F = np.array([each[0] for each in case.learn(N, states, m)])
        largest = np.sqrt(np.mean(np.max((F**2).sum(axis=2), axis=0)))
        E_N = 2 * np.sqrt(T / N) * (RATE * np.sqrt(v * K) + omega / np.sqrt(2))
        E_N += (2 * omega + nu * T + RATE**2 * K**1.5 * y_bar * T / 2) / N
        assert largest <= E_N
        sizes.append(largest)
    assert 2.8 < sizes[0] / sizes[1] < 5.6  # √16 = 4


def test_the_time_step_attains_its_bound():
    """One state and no noise: the driver is the time step, ½α²K^(3/2)ȳ T/N for small T."""
    still = Case(rk.DataSequence(rk.MarkovChain([[1.0]]), [1.5], [2.0]))
    N, T = 500, 0.004
    states, m = np.zeros((1, 3), dtype=int), np.full((1, 3), still.limit.memory_map.fixed_points(1.5)[0])
    *_, (F, _, _, _) = still.learn(N, states, m)
    bound = RATE**2 * still.K_bar**1.5 * 2.0 * T / 2 / N
    assert norm(F)[0] <= bound
    assert norm(F)[0] == pytest.approx(bound, rel=0.05)


def test_the_noise_alone_has_the_variance_of_its_bound():
    """Targets ±ȳ with a fair coin and one state: the noise is all of the driver, E‖F_n‖² = α² v E K(z, z) T/N."""
    coin = rk.DataSequence(rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]), [1.0, 1.0], [[-1.0, 1.0]] * 2)
    case = Case(coin)
    N, T = 50, 2.0
    states, m = case.paths(round(N * T), 1500, seed=1)
    *_, (F, _, _, _) = case.learn(N, states, m)
    star = case.limit.kernel.diagonal(1.0, case.limit.memory_map.fixed_points(1.0))[0]
    assert (F**2).sum(axis=1).mean() == pytest.approx(RATE**2 * star * T / N, rel=0.12)


def test_gronwall():
    rng = np.random.default_rng(0)
    for b in (0.0, 0.03, 0.5):
        A, slack = rng.uniform(-1, 2, 60), rng.uniform(0, 0.3, 60)
        for gap in (slack, np.zeros(60)):
            a = np.zeros(60)
            for n in range(60):
                a[n] = A[n] + b * a[:n].sum() - gap[n]
            bound = [A[n] + b * sum((1 + b) ** (n - 1 - k) * A[k] for k in range(n)) for n in range(60)]
            assert (a <= np.array(bound) + 1e-9 * np.abs(bound)).all()
        np.testing.assert_allclose(a, bound, rtol=1e-9, atol=1e-12)  # equality gives equality
        constant = np.zeros(60)
        for n in range(60):
            constant[n] = 1.7 + b * constant[:n].sum()
        np.testing.assert_allclose(constant, 1.7 * (1 + b) ** np.arange(60), rtol=1e-9)
        assert (constant <= 1.7 * np.exp(b * np.arange(60)) * (1 + 1e-12)).all()


def unlearn(operators, F, a):
    """ε_k for given operators and driver, F_0 = 0."""
    errors = [np.zeros(F.shape[1])]
    for A, (before, after) in zip(operators, pairwise(F), strict=True):
        errors.append(errors[-1] - a * A @ errors[-1] + after - before)
    return np.array(errors)


def both_sides(operators, F, a):
    eta = unlearn(operators, F, a) - F
    terms = [a * np.einsum("ki,kij,kj->k", h[:-1], operators, h[:-1]).sum() for h in (eta, F)]
    return eta[-1] @ eta[-1] + terms[0], terms[1]


def test_errors_are_unlearned():
    """For any positive semi-definite operators with aA ≤ 1; equality for projections, failure for aA = 3."""
    rng, a = np.random.default_rng(1), 0.4
    for rank in (1, 3, 6):
        for _ in range(30):
            F = np.vstack([np.zeros(6), rng.normal(size=(40, 6)).cumsum(axis=0)])
            Q = np.linalg.qr(rng.normal(size=(40, 6, 6)))[0][:, :, :rank]
            projections = Q @ Q.transpose(0, 2, 1)
            mixed = (Q * rng.uniform(0, 1, (40, 1, rank))) @ Q.transpose(0, 2, 1)
            left, right = both_sides(projections / a, F, a)
            assert left == pytest.approx(right, rel=1e-9)
            left, right = both_sides(mixed / a, F, a)
            assert left < right
            left, right = both_sides(3 * projections / a, F, a)
            assert left > right


def test_the_two_sums_for_any_step_below_two():
    """‖ζ‖² ≤ a/(2 − ϑ) Σ⟨F, AF⟩ and Σ⟨ε, Aε⟩ ≤ (2/(2 − ϑ))² Σ⟨F, AF⟩."""
    rng = np.random.default_rng(3)
    for theta in (0.05, 0.5, 1.0, 1.5, 1.9):
        for a in (0.4, 1.0):
            F = np.vstack([np.zeros(6), rng.normal(size=(60, 6)).cumsum(axis=0)])
            Q = np.linalg.qr(rng.normal(size=(60, 6, 6)))[0]
            operators = theta / a * (Q * rng.uniform(0, 1, (60, 1, 6))) @ Q.transpose(0, 2, 1)
            errors = unlearn(operators, F, a)
            energy = [np.einsum("ki,kij,kj->k", h[:-1], operators, h[:-1]).sum() for h in (errors, F)]
            zeta = (errors - F)[-1]
            assert zeta @ zeta <= a / (2 - theta) * energy[1]
            assert energy[0] <= (2 / (2 - theta)) ** 2 * energy[1]


@pytest.mark.parametrize("theta", [0.05, 0.5, 1.0, 1.5])
def test_no_constant_can_be_smaller(theta):
    """One vector: an alternating driver attains the second sum, a geometric one the first."""
    n, one = 2000, np.ones((2000, 1, 1))
    F = np.append(0.0, (-1.0) ** np.arange(n))[:, None]
    errors = unlearn(one, F, theta)
    most = (2 / (2 - theta)) ** 2
    assert (errors[:-1] ** 2).sum() <= most * (F[:-1] ** 2).sum()
    assert (errors[:-1] ** 2).sum() == pytest.approx(most * (F[:-1] ** 2).sum(), rel=0.02)
    F = np.append(0.0, np.append((1 - theta) ** np.arange(n - 2.0, -1, -1), 0.0))[:, None]
    zeta = (unlearn(one, F, theta) - F)[-1, 0]
    assert zeta**2 <= theta / (2 - theta) * (F[:-1] ** 2).sum() * (1 + 1e-12)
    assert zeta**2 == pytest.approx(theta / (2 - theta) * (F[:-1] ** 2).sum(), rel=1e-3)


def test_the_kernel_learner_unlearns(case):
    """All displays for the learner, path by path, and the bound on the supremum; Gronwall's follows from it."""
    N, T, K = 40, 4.0, case.K_bar
    mu, fresh = case.mu, case.features(case.mu.inputs, case.mu.memory)
    kernel = case.limit.kernel(mu.inputs, mu.memory, mu.inputs, mu.memory)
    np.testing.assert_allclose(fresh @ fresh.T, kernel, atol=1e-7)
    np.testing.assert_allclose(case.Phi @ case.g(1.0), flow(case, 1.0), atol=1e-7)
    states, m = case.paths(round(N * T), 40, seed=3)
    Phi = case.features(case.data.inputs[states.ravel()], m.ravel()).reshape(*m.shape, -1)
    F, errors = (np.array(each) for each in list(zip(*case.learn(N, states, m), strict=True))[:2])
    start = np.zeros((1, *F.shape[1:]))
    F, errors = np.concatenate([start, F]), np.concatenate([start, errors])  # (n + 1, runs, r)
    along = np.einsum("knr,nkr->nk", F, Phi)[:, :-1], np.einsum("knr,nkr->nk", errors, Phi)[:, :-1]
    eta = errors - F
    energy = RATE / N * np.cumsum((along[1] - along[0]) ** 2, axis=1)
    allowed = RATE / N * np.cumsum(along[0] ** 2, axis=1)
    assert ((eta[1:] ** 2).sum(axis=2).T + energy <= allowed * (1 + 1e-12)).all()
    theta = RATE * K / N
    assert ((eta[-1] ** 2).sum(axis=1) <= RATE / N / (2 - theta) * (along[0] ** 2).sum(axis=1)).all()
    assert ((along[1] ** 2).sum(axis=1) <= (2 / (2 - theta)) ** 2 * (along[0] ** 2).sum(axis=1)).all()
    largest = [np.abs(each @ case.Phi.T).max(axis=(0, 2)) for each in (errors, F)]
    assert (largest[0] <= (1 + np.sqrt(RATE * K * T / (2 - theta))) * largest[1]).all()
    assert 1 + np.sqrt(RATE * K * T) < np.exp(RATE * K * T)


def test_the_operator_averages_out_by_its_poisson_equation(case):
    """Entries of Φ⊗Φ: their means are those of S, diagonal in the modes, and their sums split as the proof says."""
    mu = case.mu
    states, x, m = mu.simulate(301, rng=2)
    for a, b in ((0, 0), (0, 1), (1, 1)):
        entry = lambda x, m, a=a, b=b: np.multiply(*case.features(x, m)[:, [a, b]].T)  # noqa: E731
        sol = mu.solve_poisson(entry)
        assert sol.mean == pytest.approx(case.eigenvalues[a] * (a == b), abs=1e-8)
        f = entry(mu.inputs, mu.memory) - sol.mean
        np.testing.assert_allclose(sol(mu.states, mu.memory), case.invert @ f, atol=1e-8)
        u, direct = sol(states, m), (entry(x, m)[:-1] - case.eigenvalues[a] * (a == b)).sum()
        forecast = joint_chain.one_step(mu, sol, states, case.limit.memory_map(x, m))
        assert direct == pytest.approx(u[0] - u[-1] + (u[1:] - forecast[:-1]).sum(), abs=1e-6)


def test_the_error_is_linear_to_first_order(case):
    """Sixteen times the width divides ε − U by 16, and the error itself by 4."""
    gaps, errors = [], []
    for N in (40, 640):
        states, m = case.paths(round(1.5 * N), 80, seed=N + 2)
        _, error, linear, _ = (np.array(each) for each in zip(*case.learn(N, states, m), strict=True))
        gaps.append(np.sqrt(np.mean(np.max(((error - linear) ** 2).sum(axis=2), axis=0))))
        errors.append(np.sqrt(np.mean(np.max((error**2).sum(axis=2), axis=0))))
    assert 10 < gaps[0] / gaps[1] < 26
    assert 2.8 < errors[0] / errors[1] < 5.6


def test_the_law_of_the_error(case):
    """The definition through D, over all transitions, is V^S of the package."""
    x, m = [-1.0, 1.5, 1.5], [0.05, -0.1, 0.1]
    z = case.features(x, m)
    expected = [variance(case, 1.5, each) for each in z]
    np.testing.assert_allclose(case.limit.fluctuations(1.5, x, m).data, expected, rtol=1e-6)


def exact_moments(case, N, t, z):
    """Mean and variance of ⟨g_n, z⟩, without sampling: v_k(z_k, g_k) = E[⟨g_n, z⟩² | z_k, g_k] is quadratic in g_k.

    With v_k = ⟨g, A g⟩ + 2⟨b, g⟩ + c one step back is linear in (A, b, c), and so is it for the mean ⟨l, g⟩ + l_0.
    """
    a, mu, Phi, r = case.limit.learning_rate / N, case.mu, case.Phi, len(z)
    n, targets = len(mu.weights), case.data.targets
    step = np.eye(r) - a * Phi[:, :, None] * Phi[:, None, :]
    A, b, c = np.broadcast_to(np.outer(z, z), (n, r, r)), np.zeros((n, r)), np.zeros(n)
    first, constant = np.broadcast_to(z, (n, r)), np.zeros(n)
    for _ in range(round(N * t)):
        parts = []
        for j in range(len(targets)):
            ahead = mu.transition_operator * (mu.states == j)  # to the nodes of one next state
            y, A_j, b_j, first_j = a * targets[mu.states, j], np.tensordot(ahead, A, 1), ahead @ b, ahead @ first
            pushed = y[:, None] * np.einsum("kij,kj->ki", A_j, Phi)
            c_j = ahead @ c + y * ((pushed + 2 * b_j) * Phi).sum(axis=1)
            constant_j = ahead @ constant + y * (first_j * Phi).sum(axis=1)
            parts.append((A_j, b_j + pushed, c_j, first_j, constant_j))
        A, b, c, first, constant = (sum(each) for each in zip(*parts, strict=True))
        A, b, first = step @ A @ step, np.einsum("kij,kj->ki", step, b), np.einsum("kij,kj->ki", step, first)
    mean = mu.weights @ constant
    return mean, mu.weights @ c - mean**2


def test_exact_moments_are_those_of_the_learner(case):
    """A few steps: all paths of states from every start, with their probabilities and memories, against the moments."""
    N, n, mu, data = 4, 3, case.mu, case.data
    P, z = data.chain.transition, case.features([1.5], [0.1])[0]
    s, m, p = mu.states, mu.memory, mu.weights
    g = np.zeros((len(p), len(z)))
    for _ in range(n):
        Phi = case.features(data.inputs[s], m)
        following = np.tile(np.arange(len(P)), len(s))
        s, m, p, g, Phi = (np.repeat(each, len(P), axis=0) for each in (s, m, p, g, Phi))
        p, y = p * P[s, following], data.targets[s, following]
        g = g + RATE / N * (y - (g * Phi).sum(axis=1))[:, None] * Phi
        s, m = following, case.limit.memory_map(data.inputs[s], m)
    mean = p @ g @ z
    found = exact_moments(case, N, n / N, z)
    np.testing.assert_allclose(found, [mean, p @ (g @ z) ** 2 - mean**2], rtol=1e-9)


def test_exact_moments_tend_to_the_law(case):
    """N Var(g_n(z)) − V_t is of size 1/N, and so is the bias; V_t is what is left when the first order is removed."""
    t, z = 1.5, case.features([1.5], [0.1])[0]
    V, g = case.limit.fluctuations(t, [1.5], [0.1]).data[0], case.limit.predict(t, [1.5], [0.1])[0]
    widths = np.array([40, 80, 160])
    means, variances = np.array([exact_moments(case, N, t, z) for N in widths]).T
    gaps, biases = widths * variances / V - 1, widths * (means - g)
    assert np.abs(gaps * widths).max() < 2
    np.testing.assert_allclose(gaps[:-1] / gaps[1:], 2, rtol=0.05)
    np.testing.assert_allclose(biases / biases[-1], 1, rtol=0.05)
    assert 2 * gaps[2] - gaps[1] == pytest.approx(0, abs=2e-4)


def test_the_reference_case_at_small_width():
    """At N = 25 the scatter is less than 1 % above its limit, four times as much as at N = 100."""
    case = Case(DATA, rate=1.0)
    for point in ((-1.0, -0.2), (-1.0, 0.1), (1.5, 0.1), (1.5, 0.4)):
        x, m = ([each] for each in point)
        V, z = case.limit.fluctuations(2.0, x, m).data[0], case.features(x, m)[0]
        excess = [np.sqrt(N * exact_moments(case, N, 2.0, z)[1] / V) - 1 for N in (25, 100)]
        assert 0.005 < excess[0] < 0.01
        assert excess[0] / excess[1] == pytest.approx(4, rel=0.05)


def test_errors_are_gaussian_with_the_computed_variance(case):
    """Simulated: variance within its error, mean of the next order, and the shape."""
    N, T, runs = 300, 1.5, 1500
    states, m = case.paths(round(N * T), runs, seed=9)
    Phi = case.features(case.data.inputs[states.ravel()], m.ravel()).reshape(*m.shape, -1)
    g = np.zeros((runs, Phi.shape[2]))
    for k in range(m.shape[1] - 1):
        y = case.data.targets[states[:, k], states[:, k + 1]]
        g += RATE / N * (y - (g * Phi[:, k]).sum(axis=1))[:, None] * Phi[:, k]
    z = case.features([1.5], [0.1])[0]
    V = case.limit.fluctuations(T, [1.5], [0.1]).data[0]
    units = np.sqrt(N / V) * (g @ z - case.limit.predict(T, [1.5], [0.1])[0])
    assert np.mean(units**2) == pytest.approx(1, abs=4 * np.sqrt(2 / runs) + 4 / N)
    assert stats.kstest(units, "norm").statistic < 2.5 / np.sqrt(runs)  # 1.36 in 95 % of cases; a skewness of N^(−1/2)
