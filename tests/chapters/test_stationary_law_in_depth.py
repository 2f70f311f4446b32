"""Statements of *The stationary law, in depth* against exact computation or, where named, simulation.

On small cases all paths of a chain are listed with their probabilities, and a Wasserstein distance is a linear program.
"""

import itertools

import numpy as np
import pytest
from joint_chains import (
    CASES,
    FUNCTIONS,
    GRID,
    HIGH,
    LOW,
    MEMORY,
    TWO,
    Interpolation,
    linear_memory,
    products,
    slopes_of,
)
from reference import LAW
from scipy import optimize

import rnnkernel as rk


@pytest.fixture(params=CASES)
def data(request):
    return CASES[request.param]


def jump(phi, inputs, grid=GRID):
    """δ, the most that two inputs differ in what they do to memory."""
    images = np.array([phi(x, grid) for x in inputs])
    return np.abs(images[:, None] - images).max()


def laws_after(data, phi, state, m, n):
    """The law of (i_n, M_n) from one pair: states, memories, probabilities of all paths."""
    P = data.chain.transition
    i, m, p = np.array([state]), np.array([m]), np.ones(1)
    for _ in range(n):
        m, p = np.repeat(phi(data.inputs[i], m), len(P)), (p[:, None] * P[i]).ravel()
        i = np.tile(np.arange(len(P)), len(i))
    return i, m, p


def wasserstein(one, other, w):
    """W_w from its definition: the cheapest coupling, a linear program over all pairs of points."""
    (i, m, p), (i2, m2, p2) = one, other
    cost = w * (i[:, None] != i2) + np.abs(m[:, None] - m2)
    k, n = cost.shape
    marginals = np.vstack([np.kron(np.eye(k), np.ones(n)), np.kron(np.ones(k), np.eye(n))])
    return optimize.linprog(cost.ravel(), A_eq=marginals, b_eq=np.concatenate([p, p2])).fun


def best_coupling(P):
    """The matrix of the pair chain that couples two rows as well as possible, (n, n, n, n)."""
    n = len(P)
    joint = np.zeros((n, n, n, n))
    for i, j in itertools.product(range(n), repeat=2):
        common = np.minimum(P[i], P[j])
        joint[i, j] += np.diag(common)
        if common.sum() < 1 - 1e-14:
            joint[i, j] += np.outer(P[i] - common, P[j] - common) / (1 - common.sum())
    return joint


def coupled(data, phi, z, z2, n):
    """P(i_n ≠ i'_n) and E|M_n − M'_n| of the coupling of the proof, over all paths of pairs."""
    joint = best_coupling(data.chain.transition)
    size = len(joint)
    i, j = np.array([z[0]]), np.array([z2[0]])
    m, m2, p = np.array([z[1]]), np.array([z2[1]]), np.ones(1)
    for _ in range(n):
        step = joint[i, j].reshape(len(i), -1)
        m, m2 = phi(data.inputs[i], m), phi(data.inputs[j], m2)
        row, pair = np.nonzero(step)
        i, j, m, m2, p = pair // size, pair % size, m[row], m2[row], p[row] * step[row, pair]
    return p @ (i != j), p @ np.abs(m - m2)


def variation(P):
    return np.abs(P[:, None] - P).sum(axis=2).max() / 2


def solution(data, f):
    """u as a function of (state, memories) on all of [LOW, HIGH], and μ(f): values at many nodes, by definition."""
    fine = Interpolation("polynomials", 47)
    P = data.chain.transition
    after = [fine.functions(MEMORY(x, fine.nodes)) for x in data.inputs]
    T = np.block([[p * after[i] for p in row] for i, row in enumerate(P)])
    w = fine.weights(data).ravel()
    values = np.concatenate([f(x, fine.nodes) for x in data.inputs])
    u = np.linalg.solve(np.eye(len(T)) - T + w, values - w @ values).reshape(len(P), -1)
    return (lambda i, m: fine.functions(m) @ u[i]), w @ values


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_two_starts_stay_within_their_bounds(data, n):
    """Both lines of the bound for the coupling of its proof, and the Wasserstein distance itself."""
    P, phi = data.chain.transition, MEMORY
    for x in data.inputs:
        np.testing.assert_allclose(phi.derivative(x, GRID), np.gradient(phi(x, GRID), GRID), atol=2e-4)
    gamma, delta = variation(P), jump(phi, data.inputs)
    c, t = products(slopes_of(phi, data.inputs), P, n), gamma ** np.arange(n + 1)
    spill = delta * sum(c[n - 1 - k] * t[k] for k in range(n))
    for z, z2 in (((0, LOW), (1, HIGH)), ((1, 0.1), (0, 0.1)), ((1, LOW), (1, HIGH)), ((len(P) - 1, 0.2), (0, 0.0))):
        differ = z[0] != z2[0]
        apart, distance = coupled(data, phi, z, z2, n)
        assert apart <= t[n] * differ + 1e-12
        assert distance <= c[n] * abs(z[1] - z2[1]) + differ * spill + 1e-12
        if n and len(P) == 2 and differ:
            assert apart == pytest.approx(t[n])
            assert distance > 0.4 * (c[n] * abs(z[1] - z2[1]) + spill)
        for w in (0.3, 2.0):
            start = w * differ + abs(z[1] - z2[1])
            exact = wasserstein(laws_after(data, phi, *z, n), laws_after(data, phi, *z2, n), w)
            assert exact <= max(c[n], t[n] + spill / w) * start + 1e-9
            assert exact <= w * apart + distance + 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_the_bounds_hold_when_single_steps_expand(seed):
    """Random chains and maps m ↦ a_i + b_i m, cut at ±1, with falling maps and some |b_i| > 1."""
    rng = np.random.default_rng(seed)
    size = 2 + seed % 2
    P, a, b = rng.dirichlet(np.ones(size), size), rng.normal(size=size), rng.uniform(-1.3, 1.3, size)
    a[0], b[0] = 0.1, 1.25
    data = rk.DataSequence(rk.MarkovChain(P), np.arange(size, dtype=float), np.zeros(size))

    def phi(x, m):
        i = np.asarray(x, dtype=int)
        return np.clip(a[i] + b[i] * m, -1, 1)

    delta = jump(phi, data.inputs, np.linspace(-1, 1, 4001)) + 1e-3  # the grid misses corners by less
    c, t = products(np.abs(b), P, 5), variation(P) ** np.arange(6)
    for n in range(1, 5):
        z, z2 = (0, rng.uniform(-1, 1)), (rng.integers(size), rng.uniform(-1, 1))
        spill = delta * sum(c[n - 1 - k] * t[k] for k in range(n)) * (z[0] != z2[0])
        apart, distance = coupled(data, phi, z, z2, n)
        assert apart <= t[n] + 1e-12
        assert distance <= c[n] * abs(z[1] - z2[1]) + spill + 1e-12


def test_copies_that_move_independently_meet_geometrically():
    """A periodic-looking but aperiodic chain, γ = 1: P(no meeting) of independent copies, iterated, has a rate."""
    P = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    assert variation(P) == 1
    pair = np.einsum("ij,kl->ikjl", P, P).reshape(9, 9)
    apart = [3 * i + j for i in range(3) for j in range(3) if i != j]
    assert np.abs(np.linalg.eigvals(pair[np.ix_(apart, apart)])).max() < 1


@pytest.mark.parametrize("n", [1, 4, 9])
def test_the_bound_is_attained_by_a_linear_memory(n):
    """Positive slopes, a sticky chain: the difference of the means, a lower bound, equals δ Σ c_{n−1−k} t_k."""
    a, b, phi = 0.6, 0.4, linear_memory(0.6, 0.4)
    x, rho = TWO.inputs, 0.6
    k = np.arange(n)
    bound = a * (x[1] - x[0]) * np.sum(b ** (n - 1 - k) * rho**k)
    assert jump(phi, x) == pytest.approx(a * (x[1] - x[0]))
    assert products(slopes_of(phi, x), TWO.chain.transition, n)[n] == pytest.approx(b**n)
    means = [np.dot(*laws_after(TWO, phi, i, 0.3, n)[1:]) for i in (0, 1)]
    assert means[1] - means[0] == pytest.approx(bound, rel=1e-9)
    assert coupled(TWO, phi, (0, 0.3), (1, 0.3), n)[1] == pytest.approx(bound, rel=1e-9)
    closed = a * (x[1] - x[0]) * (rho**n - b**n) / (rho - b)
    assert bound == pytest.approx(closed)


def test_one_step_contracts_in_a_weighted_distance(data):
    """W_w of mixtures after one step; the factor is nearly attained, and below 1 for a large weight only."""
    P, gamma = data.chain.transition, variation(data.chain.transition)
    delta, q = jump(MEMORY, data.inputs), slopes_of(MEMORY, data.inputs).max()
    assert MEMORY.contraction == pytest.approx(MEMORY.derivative(0.0, 0.0)) == pytest.approx(0.5)
    assert q <= MEMORY.contraction
    rng = np.random.default_rng(0)
    mu = rk.StationaryLaw(data, MEMORY)
    f = lambda x, m: np.sin(3 * m + x)  # noqa: E731
    ahead = mu.transition_operator @ f(mu.inputs, mu.memory)
    by_hand = sum(P[mu.states, j] * f(data.inputs[j], MEMORY(mu.inputs, mu.memory)) for j in range(len(P)))
    np.testing.assert_allclose(ahead, by_hand, atol=1e-11)
    for w in (0.5, 2.0, 5.0):
        kappa = max(gamma + delta / w, q)
        size = max(3.0, np.ptp([f(x, GRID) for x in data.inputs]) / w)  # f is Lipschitz in d_w, and P̂f is with κ
        between = w * (mu.states[:, None] != mu.states) + np.abs(mu.memory[:, None] - mu.memory)
        assert (np.abs(ahead[:, None] - ahead) <= kappa * size * between + 1e-12).all()
        assert (kappa < 1) == (w > delta / (1 - gamma))
        worst = 0.0
        for _ in range(6):
            laws = []
            for _ in range(2):
                i, m, p = rng.integers(len(P), size=3), rng.uniform(LOW, HIGH, 3), rng.dirichlet(np.ones(3))
                laws.append((i, m, p))
            after = []
            for i, m, p in laws:
                steps = [laws_after(data, MEMORY, s, each, 1) for s, each in zip(i, m, strict=True)]
                states, memories, shares = (np.concatenate(parts) for parts in zip(*steps, strict=True))
                after.append((states, memories, shares * np.repeat(p, len(P))))
            ratio = wasserstein(*after, w) / wasserstein(*laws, w)
            worst = max(worst, ratio)
        assert worst <= kappa + 1e-9
        points = [laws_after(data, MEMORY, i, 0.0, 1) for i in (0, 1)]
        assert wasserstein(*points, w) / w > 0.6 * kappa


def test_forecasts_reach_their_mean_within_the_bound(data):
    mu, P, w = rk.StationaryLaw(data, MEMORY), data.chain.transition, 2.0
    gamma, delta = variation(P), jump(MEMORY, data.inputs)
    c, t = products(slopes_of(MEMORY, data.inputs), P, 20), gamma ** np.arange(21)
    for f, lipschitz, _ in FUNCTIONS.values():
        values = f(mu.inputs, mu.memory)
        size = max(lipschitz, np.ptp([f(x, GRID) for x in data.inputs]) / w) * (w + HIGH - LOW)
        for n in range(21):
            b_n = max(c[n], t[n] + delta / w * sum(c[n - 1 - k] * t[k] for k in range(n)))
            assert np.abs(values - mu.mean(f)).max() <= b_n * size + 1e-12
            values = mu.transition_operator @ values


@pytest.mark.parametrize("P", [[[0.9, 0.1], [0.3, 0.7]], [[0.1, 0.9], [0.6, 0.4]]])
@pytest.mark.parametrize(("a", "b"), [(0.4, 0.5), (-0.3, 0.8), (0.5, -0.6)])
def test_linear_memory_in_closed_form(P, a, b):
    chain, x = rk.MarkovChain(P), np.array([-1.0, 1.5])
    mu, P = rk.StationaryLaw(rk.DataSequence(chain, x, [0.0, 0.0]), linear_memory(a, b)), chain.transition
    pi, rho = chain.stationary_distribution, P[0, 0] + P[1, 1] - 1
    v = pi @ x**2 - (pi @ x) ** 2
    e = np.linalg.solve(np.eye(2) - b * P.T, a * P.T @ (pi * x))
    s = np.linalg.solve(np.eye(2) - b**2 * P.T, P.T @ (a**2 * pi * x**2 + 2 * a * b * x * e))
    mean = mu.mean(lambda _, m: m)
    assert mean == pytest.approx(a * (pi @ x) / (1 - b), abs=1e-12)
    assert mu.mean(lambda x, m: m * (x > 0)) == pytest.approx(e[1], abs=1e-12)
    assert mu.mean(lambda x, m: m**2 * (x > 0)) == pytest.approx(s[1], abs=1e-12)
    covariance = mu.mean(lambda x, m: x * m) - (pi @ x) * mean
    assert covariance == pytest.approx(a * rho * v / (1 - b * rho), abs=1e-12)
    variance = mu.mean(lambda _, m: m**2) - mean**2
    assert variance == pytest.approx(a**2 * v / (1 - b**2) * (1 + b * rho) / (1 - b * rho), abs=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_sum_of_forecasts_is_smooth(name):
    """Lip u and sup|u''| below their bounds, from u as a sum of forecasts over all paths, and by its equation."""
    f, lipschitz, curvature = FUNCTIONS[name]
    u, mean = solution(TWO, f)
    q = slopes_of(MEMORY, TWO.inputs).max()
    fine = np.linspace(LOW, HIGH, 601)
    step = 1e-3
    mu = rk.StationaryLaw(TWO, MEMORY)
    package = mu.solve_poisson(f)
    for i in (0, 1):
        own = np.linspace(*mu.intervals[i], 51)
        np.testing.assert_allclose(package(np.full(51, i), own), u(i, own), atol=1e-10)
    kappa_2 = max(
        np.abs(np.diff(MEMORY.derivative(x, np.append(fine, HIGH + step)))).max() / (fine[1] - fine[0])
        for x in TWO.inputs
    )
    for i, x in enumerate(TWO.inputs):
        values = u(i, fine)
        ahead = sum(TWO.chain.transition[i, j] * u(j, MEMORY(x, fine)) for j in (0, 1))
        np.testing.assert_allclose(values - ahead, f(x, fine) - mean, atol=1e-11)
        slope = np.gradient(values, fine)
        assert np.abs(slope).max() <= lipschitz / (1 - q) * (1 + 1e-6)
        second = np.diff(values, 2) / (fine[1] - fine[0]) ** 2
        bound = curvature / (1 - q**2) + kappa_2 * lipschitz / ((1 - q) * (1 - q**2))
        assert np.abs(second).max() <= bound
        if name == "sin":
            assert np.abs(second).max() > 0.3 * bound
    total = 0.0  # u(0, m) − u(0, m') as the sum of the differences of forecasts
    for n in range(9):
        for start, sign in ((0.2, 1), (-0.2, -1)):
            i, m, p = laws_after(TWO, MEMORY, 0, start, n)
            total += sign * p @ f(TWO.inputs[i], m)
    assert u(0, np.array([0.2]))[0] - u(0, np.array([-0.2]))[0] == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("kind", ["bins", "hats", "polynomials"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_of_a_method_is_what_it_does_to_u(data, kind, name):
    """The identity to rounding, at sizes where the error is far above it."""
    f = FUNCTIONS[name][0]
    u, mean = solution(data, f)
    for n in (3, 6, 17):
        J = Interpolation(kind, n)
        w = J.weights(data)
        error = sum(w[i] @ f(x, J.nodes) for i, x in enumerate(data.inputs)) - mean
        right = 0.0
        for i, x in enumerate(data.inputs):
            after = MEMORY(x, J.nodes)
            for j in range(len(w)):
                gap = J.functions(after) @ u(j, J.nodes) - u(j, after)
                right += data.chain.transition[i, j] * w[i] @ gap
        assert error == pytest.approx(right, abs=2e-13)
        assert n > 3 or abs(error) > 1e-7
        largest = max(np.abs(J.functions(GRID) @ u(j, J.nodes) - u(j, GRID)).max() for j in range(len(w)))
        assert abs(error) <= np.abs(w).sum() * largest + 1e-13
        assert kind == "polynomials" or w.min() > -1e-14


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_package_errs_by_what_it_does_to_u(data, name):
    """The identity for the package's own rule: its operator is P̂J at its nodes, and P̂u there is a sum by hand."""
    f = FUNCTIONS[name][0]
    u, mean = solution(data, f)
    for n in (3, 5):
        mu = rk.StationaryLaw(data, MEMORY, n_nodes=n)
        P, w, error = data.chain.transition, mu.weights, mu.mean(f) - mean
        at_nodes = np.concatenate([u(i, mu.memory[mu.states == i]) for i in range(len(P))])
        after = MEMORY(mu.inputs, mu.memory)
        ahead = sum(P[mu.states, j] * u(j, after) for j in range(len(P)))
        assert error == pytest.approx(w @ (mu.transition_operator @ at_nodes - ahead), abs=2e-13)
        assert n > 3 or abs(error) > 1e-7


@pytest.mark.parametrize("share", [0.0, 1.0, 2.5])
def test_the_identity_holds_for_every_solution(share):
    """m ↦ 0.9 m, μ the unit mass at 0, u = 10 m for f = m; 20 bins keep both middles next to 0, so w is not unique."""
    J = Interpolation("bins", 20)
    nodes, after = J.nodes / HIGH, 0.9 * J.nodes / HIGH
    T = J.functions(after * HIGH).astype(float)
    w = np.zeros(20)
    w[9], w[10] = 1 - share, share  # of any sign
    np.testing.assert_allclose(w @ T, w)
    u = 10 * nodes
    assert w @ nodes == pytest.approx(w @ (T @ u - 10 * after), rel=1e-12)
    assert abs(w @ nodes) <= np.abs(w).sum() * 10 * 0.05 * (1 + 1e-12)


@pytest.mark.parametrize("n", [4, 11, 40, 151])
def test_bins_and_hats_stay_below_their_bounds(n):
    q = slopes_of(MEMORY, TWO.inputs).max()
    fine = np.linspace(LOW, HIGH, 601)
    kappa_2 = max(np.abs(np.diff(MEMORY.derivative(x, fine))).max() / (fine[1] - fine[0]) for x in TWO.inputs)
    for f, lipschitz, curvature in FUNCTIONS.values():
        _, mean = solution(TWO, f)
        second = curvature / (1 - q**2) + kappa_2 * lipschitz / ((1 - q) * (1 - q**2))
        for kind, h, bound in (
            ("bins", (HIGH - LOW) / n, lambda h, slope=lipschitz: slope / (1 - q) * h / 2),
            ("hats", (HIGH - LOW) / (n - 1), lambda h, second=second: h**2 / 8 * second),
        ):
            J = Interpolation(kind, n)
            w = J.weights(TWO)
            assert np.abs(w).sum() == pytest.approx(1)
            error = abs(sum(w[i] @ f(x, J.nodes) for i, x in enumerate(TWO.inputs)) - mean)
            assert error <= bound(h)


@pytest.mark.parametrize("n", [5, 12])
def test_constants_of_the_smoothness_bounds_are_attained(n):
    """h/2 by m and h²/8 sup|u''| by m²; Lip u and sup|u''| by a linear memory and f = m, m²."""
    fine = np.linspace(LOW, HIGH, 40_001)
    bins, hats = Interpolation("bins", n), Interpolation("hats", n)
    gap = np.abs(bins.functions(fine) @ bins.nodes - fine).max()
    assert gap == pytest.approx((HIGH - LOW) / n / 2, rel=1e-3)
    gap = np.abs(hats.functions(fine) @ hats.nodes**2 - fine**2).max()
    assert gap == pytest.approx(((HIGH - LOW) / (n - 1)) ** 2 / 8 * 2, rel=1e-3)
    mu, b, m = rk.StationaryLaw(TWO, linear_memory(0.6, 0.4)), 0.4, np.array([-0.2, 0.0, 0.2])
    u = [mu.solve_poisson(lambda _, m, k=k: m**k)(np.zeros(3, dtype=int), m) for k in (1, 2)]
    assert (u[0][2] - u[0][0]) / 0.4 == pytest.approx(1 / (1 - b), rel=1e-9)
    assert (u[1][2] - 2 * u[1][1] + u[1][0]) / 0.04 == pytest.approx(2 / (1 - b**2), rel=1e-9)


@pytest.mark.parametrize("n", [3, 8])
def test_interpolants_of_chebyshev_polynomials(n):
    """At n Chebyshev nodes T_k is 0 or ± a T_k' with k' < n; so the error is at most 2 Σ_{k ≥ n} |a_k|."""
    J, t = Interpolation("polynomials", n), np.linspace(-0.999, 0.999, 300)
    centre = (HIGH + LOW) / 2
    T = [np.polynomial.Chebyshev.basis(k) for k in range(6 * n)]
    for k in range(n, 6 * n):
        values = J.functions(centre + J.half * t) @ T[k]((J.nodes - centre) / J.half)
        r = (k + n) // (2 * n)
        other = abs(k - 2 * n * r)
        np.testing.assert_allclose(values, 0 if other == n else (-1) ** r * T[other](t), atol=1e-9)
    R = 2.5  # a_k of (R + 1/R)/2 − t under the fraction line: 4 R^{−k}/(R − 1/R), and H on a smaller ellipse
    f = lambda s: 1 / ((R + 1 / R) / 2 - s)  # noqa: E731
    error = np.abs(J.functions(centre + J.half * t) @ f((J.nodes - centre) / J.half) - f(t)).max()
    for inner in (1.5, 2.2):
        largest = 1 / ((R + 1 / R) / 2 - (inner + 1 / inner) / 2)
        assert error <= 4 * largest * inner ** (1 - n) / (inner - 1)
    assert error > 0.6 * 2 * 4 * R ** (1 - n) / ((R - 1) * (R - 1 / R))


def test_hats_are_of_second_order_and_bins_are_not():
    f = FUNCTIONS["xm"][0]
    _, mean = solution(TWO, f)
    sizes = np.array([20, 40, 80, 160, 320])
    slopes = {}
    for kind in ("bins", "hats"):
        errors = []
        for n in sizes:
            J = Interpolation(kind, n)
            w = J.weights(TWO)
            errors.append(abs(sum(w[i] @ f(x, J.nodes) for i, x in enumerate(TWO.inputs)) - mean))
        slopes[kind] = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert -2.7 < slopes["hats"] < -1.4
    assert -1.5 < slopes["bins"] < -0.4


@pytest.mark.parametrize("n", [2, 5, 8, 12])
def test_polynomials_are_nearly_as_good_as_the_best(n):
    """‖Ju − u‖ ≤ (1 + Λ_n) dist(u, Π_n); the distance from below and above by the alternation of a minimax fit."""
    J = Interpolation("polynomials", n)
    lebesgue = np.abs(J.functions(GRID)).sum(axis=1).max()
    assert 2 / np.pi * np.log(n) + 0.5 < lebesgue < 2 / np.pi * np.log(n) + 1.01
    u, mean = solution(TWO, FUNCTIONS["sin"][0])
    t = (GRID - (HIGH + LOW) / 2) / J.half
    basis = np.polynomial.chebyshev.chebvander(t, n - 1)
    worst = 0.0
    for i in (0, 1):
        values = u(i, GRID)
        scale = np.abs(values - J.functions(GRID) @ u(i, J.nodes)).max()
        if scale < 1e-12:
            continue
        target = (values - J.functions(GRID) @ u(i, J.nodes)) / scale  # best fit of the remainder is as good
        one = np.ones((len(t), 1))
        best = optimize.linprog(
            np.append(np.zeros(n), 1.0),
            np.vstack([np.hstack([basis, -one]), np.hstack([-basis, -one])]),
            np.concatenate([target, -target]),
            bounds=[(None, None)] * n + [(0, None)],
        )
        distance = best.fun * scale
        assert scale <= (1 + lebesgue) * distance * (1 + 1e-6)
        worst = max(worst, distance)
    w = J.weights(TWO)
    error = abs(sum(w[i] @ FUNCTIONS["sin"][0](x, J.nodes) for i, x in enumerate(TWO.inputs)) - mean)
    assert error <= np.abs(w).sum() * (1 + lebesgue) * worst + 1e-13
    own = rk.StationaryLaw(TWO, MEMORY, n_nodes=n)  # its intervals are shorter, so the nearest polynomial is nearer
    error = abs(own.mean(FUNCTIONS["sin"][0]) - mean)
    assert error <= np.abs(own.weights).sum() * (1 + lebesgue) * worst + 1e-13


def strip_width(q):
    return optimize.brentq(lambda v: q * np.tan(v) - v, 1e-3, np.pi / 2 - 1e-9)


def test_complex_memory_stays_in_its_strip():
    """|Im φ| ≤ q tan|Im m| and |φ'| ≤ q/cos²(Im m), by quadrature over W; and what follows for iterates."""
    nodes, weights = LAW.quadrature

    def phi(x, m):
        return LAW.recurrent_mean * weights @ np.tanh(nodes[:, 0, None] * x + m)

    def slope(x, m):
        return LAW.recurrent_mean * weights @ (1 - np.tanh(nodes[:, 0, None] * x + m) ** 2)

    q = MEMORY.contraction
    assert q == pytest.approx(0.5)  # E|B|
    v_star = strip_width(q)
    assert q * np.tan(v_star) == pytest.approx(v_star)
    real = np.linspace(-1, 1, 41)
    for v in (0.2, 0.7, 1.0, 0.99 * v_star):
        m = real + 1j * v
        c = q * np.tan(v) / v
        assert c < 1
        for x in (-1.0, 0.0, 1.5):
            assert (np.abs(phi(x, m).imag) <= q * np.tan(v) + 1e-12).all()
            assert (np.abs(slope(x, m)) <= q / np.cos(v) ** 2 + 1e-12).all()
        assert np.abs(slope(0.0, 1j * np.array([v]))) == pytest.approx(q / np.cos(v) ** 2)  # attained at x = 0
        assert phi(0.0, 1j * np.array([v])).imag == pytest.approx(q * np.tan(v))
        product, image = np.ones(len(m), dtype=complex), m
        K = np.prod(1 / np.cos(c ** np.arange(2000) * v) ** 2)
        for k, x in enumerate((0.0, 1.5, -1.0, 0.0, 0.0, -1.0)):
            assert (np.abs(image.imag) <= c**k * v + 1e-12).all()
            product, image = product * slope(x, image), phi(x, image)
            assert (np.abs(product) <= K * q ** (k + 1) + 1e-12).all()
    assert q * np.tan(1.01 * v_star) > 1.01 * v_star


@pytest.mark.parametrize("name", ["m", "xm"])
def test_collocation_stays_below_its_geometric_bound(data, name):
    f, lipschitz, _ = FUNCTIONS[name]
    _, mean = solution(data, f)
    q, half = MEMORY.contraction, (HIGH - LOW) / 2
    assert q == pytest.approx(0.5)  # E|B|
    v_star = strip_width(q)
    best = v_star / half + np.sqrt(1 + (v_star / half) ** 2)
    assert half / 2 * (best - 1 / best) == pytest.approx(v_star)
    for n in range(2, 16):
        J = Interpolation("polynomials", n)
        w = J.weights(data)
        error = abs(sum(w[i] @ f(x, J.nodes) for i, x in enumerate(data.inputs)) - mean)
        own = rk.StationaryLaw(data, MEMORY, n_nodes=n)
        error = max(error, abs(own.mean(f) - mean) * min(1, np.abs(w).sum() / np.abs(own.weights).sum()))
        for share in (0.3, 0.6, 0.9):
            R = 1 + (best - 1) * share
            v, A = half / 2 * (R - 1 / R), half / 2 * (R + 1 / R)
            c = q * np.tan(v) / v
            K = np.prod(1 / np.cos(c ** np.arange(2000) * v) ** 2)
            bound = np.abs(w).sum() * 4 * A * K * lipschitz / (1 - q) / (R - 1) * R ** (1 - n)
            assert error <= bound + 1e-13


def test_the_slope_of_u_in_the_complex_strip():
    """|u'| ≤ K Λ/(1 − q) for f = m: u' is a sum of mean products of slopes, here along all paths of eight steps."""
    nodes, weights = LAW.quadrature
    q, v = MEMORY.contraction, 0.9
    c = q * np.tan(v) / v
    K = np.prod(1 / np.cos(c ** np.arange(2000) * v) ** 2)
    total, P = 1.0 + 0j, TWO.chain.transition
    i, m, p = np.array([0]), np.array([0.1 + 1j * v]), np.ones(1, dtype=complex)
    for _ in range(8):
        t = np.tanh(nodes[:, 0, None] * TWO.inputs[i] + m)
        slope = LAW.recurrent_mean * weights @ (1 - t**2)
        image = LAW.recurrent_mean * weights @ t
        p, m = ((p * slope)[:, None] * P[i]).ravel(), np.repeat(image, 2)
        i = np.tile([0, 1], len(i))
        total += p.sum()
    assert 1 < abs(total) <= K / (1 - q)


def test_the_growth_of_the_weight_norm_is_only_measured():
    """The sum of |w| of the package's rule, for many numbers of nodes: above 1, and it creeps up."""
    norms = [np.abs(rk.StationaryLaw(TWO, MEMORY, n_nodes=n).weights).sum() for n in range(4, 100, 8)]
    assert 1.001 < max(norms) < 10


def test_inputs_on_a_continuum_contract():
    """X' = X/2 ± 1/2: one step of two copies, over both tosses, in d_w."""
    rho, q = 0.5, MEMORY.contraction
    nodes, weights = LAW.quadrature
    l_x = LAW.recurrent_absolute_mean * weights @ np.abs(nodes[:, 0])
    w = 2 * l_x / (1 - rho)
    kappa = max(rho + l_x / w, q)
    assert kappa < 1
    rng = np.random.default_rng(0)
    x, x2 = rng.uniform(-1, 1, (2, 500))
    m, m2 = rng.uniform(-0.5, 0.5, (2, 500))
    before = w * np.abs(x - x2) + np.abs(m - m2)
    after = w * np.abs(x - x2) * rho + np.abs(MEMORY(x, m) - MEMORY(x2, m2))
    assert (after <= kappa * before + 1e-12).all()
    assert (np.abs(MEMORY(x, m) - MEMORY(x2, m2)) <= l_x * np.abs(x - x2) + q * np.abs(m - m2) + 1e-12).all()
    source = rk.Autoregression(0.5)
    one, following = source.simulate(40, rng=1, start=1.0)
    other, _ = source.simulate(40, rng=1, start=-1.0)
    assert one[0] == 1
    np.testing.assert_allclose(np.abs(one[1:] - one[:-1] / 2), 0.5, atol=1e-12)
    np.testing.assert_allclose(following[:-1], one[1:], atol=1e-12)
    distance = w * np.abs(one - other) + np.abs(MEMORY.trajectory(one, 0.5) - MEMORY.trajectory(other, -0.5))[:-1]
    assert (distance <= kappa ** np.arange(40) * (2 * w + 1) + 1e-12).all()


def test_empirical_laws_stay_within_their_bound():
    """The mean square error of the empirical law of a linear memory, whose mean is known, against the bound."""
    a, b, n = 0.5, 0.4, 400
    source, phi = rk.Autoregression(0.5), linear_memory(a, b)
    w = 2 * a / 0.5
    kappa = max(0.5 + a / w, b)
    reach = a / (1 - b)
    diameter = 2 * w + 2 * reach
    averages = [rk.StationaryLaw(source, phi, n_steps=n, rng=seed).mean(lambda _, m: m) for seed in range(200)]
    squares = [rk.StationaryLaw(source, phi, n_steps=n, rng=seed).mean(lambda _, m: m**2) for seed in range(200)]
    variance = a**2 / 3 / (1 - b**2) * (1 + b * 0.5) / (1 - b * 0.5)
    assert np.mean(squares) == pytest.approx(variance, abs=4 * np.std(squares) / np.sqrt(200) + 2 * variance / n)
    square = np.mean(np.square(averages))
    assert square <= diameter**2 / n * (1 + kappa) / (1 - kappa)
    # the exact long-run variance: a²/(1 − b)² times that of the inputs, 1/3 (1 + ½)/(1 − ½) = 1
    assert square == pytest.approx(a**2 / (1 - b) ** 2 / n, rel=0.35)
