"""Recursions on a continuum without simulation: reference numbers, closed forms, an independent twin, convergence."""

import copy
import pickle

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import LAW
from scipy import stats
from scipy.special import exprel

import rnnkernel as rk
from rnnkernel import continuum
from rnnkernel.stationary import ContinuumLaw, EmpiricalLaw

COIN = stats.rv_discrete(values=([-1.0, 1.0], [0.5, 0.5]))
PLANE = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), n_inputs=2)
LINEAR = rk.Activation("linear", lambda u: u, lambda u: 1.0 + 0.0 * u, lipschitz=1.0)
POINTS = {"x": [-0.8, 0.0, 0.8], "memory": [-0.1, 0.05, 0.2]}
PHI = rk.MemoryMap(LAW)


def product(x, m):
    return x * m


def memory(_, m):
    return m


def square_target(x, after):
    return after**2 - x * after


def linear_memory(alpha, b):
    """φ(x, m) = αx + bm."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(alpha / b, 0.1), stats.rv_discrete(values=([b], [1.0])))
    return rk.MemoryMap(law, LINEAR)


# Reference numbers, from an implementation of its own and long simulations


def test_reference_numbers_of_the_coin():
    limit = rk.KernelLimit(rk.Autoregression(0.5), LAW)
    mu = limit.stationary
    assert mu.mean(product) == pytest.approx(0.0453582937, abs=5e-11)
    assert mu.solve_poisson(memory).asymptotic_variance == pytest.approx(0.11935, abs=5e-8)
    assert mu.solve_poisson(product).asymptotic_variance == pytest.approx(0.0189575303, abs=1e-10)
    assert_allclose(limit.predict(2.0, **POINTS), [-0.166702253, 0.00688928331, 0.169785425], rtol=1e-8)


@pytest.mark.slow
def test_reference_numbers_of_the_rotation():
    limit = rk.KernelLimit(rk.NoisyRotation(0.5, 0.2), PLANE)
    mu = limit.stationary
    xm = mu.solve_poisson(lambda x, m: x[:, 0] * m)
    assert xm.mean == pytest.approx(0.020141199926, abs=1e-11)
    assert mu.solve_poisson(memory).asymptotic_variance == pytest.approx(0.01049994153, abs=5e-12)
    assert xm.asymptotic_variance == pytest.approx(0.003725666918, abs=5e-12)
    points = [[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]], [0.1, 0.0, -0.1]
    assert_allclose(limit.predict(2.0, *points), [0.30018382889, -0.1500202306, -0.341718472], rtol=2e-9)


# An independent twin: the law is not at nodes but a null vector, the noise a sum, learning a matrix exponential


def twin(a, xi, p, half, y, noise, t, n_x=44, n_m=18, reach=0.45):
    """X' = aX + (1 − a)ξ on [−half, half]: E x·m, σ² of x·m, g_t and V^S_t at POINTS; y(x, x') is the target."""

    def grid(n, scale):
        angles = (np.arange(n) + 0.5) * np.pi / n
        return scale * np.cos(angles), lambda s: np.array([np.cos(k * np.arccos(s / scale)) for k in range(n)]).T

    in_x, T_x = grid(n_x, half)
    in_m, T_m = grid(n_m, reach)
    to_x, to_m = np.linalg.inv(T_x(in_x)), np.linalg.inv(T_m(in_m))  # from values to Chebyshev coefficients
    W = np.linspace(0.7 - 8.5, 0.7 + 8.5, 200)
    w = np.exp(-((W - 0.7) ** 2) / 2)
    w /= w.sum()
    x, m = np.repeat(in_x, n_m), np.tile(in_m, n_x)
    after = np.tanh(np.outer(x, W) + m[:, None]) @ w / 2
    remembered = T_m(after) @ to_m
    ahead = np.array(
        [  # values at nodes to values one step later, for each ξ
            np.einsum("zi,zj->zij", T_x(a * x + (1 - a) * each) @ to_x, remembered).reshape(len(x), -1) for each in xi
        ]
    )
    T = np.tensordot(p, ahead, axes=1)
    rows = np.linalg.svd(np.eye(len(T)) - T.T)[2]
    mu = rows[-1] / rows[-1].sum()
    solve = np.linalg.inv(np.eye(len(T)) - T + mu)
    targets = np.array([y(x, a * x + (1 - a) * each) for each in xi])
    f_star = p @ targets

    def features(x, m):
        u = np.outer(x, W) + m[:, None]
        return np.hstack([np.sqrt(w) * np.tanh(u), x[:, None] * np.sqrt(w / 3) / np.cosh(u) ** 2])

    here, there = features(x, m), features(*map(np.array, POINTS.values()))
    S = (here.T * mu) @ here
    s, V = np.linalg.eigh(S)
    keep = s > -1e-13  # the rest is rounding of an operator without negative directions
    V, s = V[:, keep], s[keep]
    b = V.T @ (here.T @ (mu * f_star))

    def g(t, F):
        return F @ V @ (t * exprel(-s * t) * b)

    nodes, weights = np.polynomial.legendre.leggauss(24)
    V_S = np.zeros(3)
    for time, weight in zip(t / 2 * (1 + nodes), t / 2 * weights, strict=True):
        h = (there @ V * np.exp(-s * (t - time))) @ (here @ V).T + (there @ here.T - there @ V @ (here @ V).T)
        f = (f_star - g(time, here)) * h
        u = (solve @ (f - (f @ mu)[:, None]).T).T
        Pu = u @ T.T
        D2 = sum(q * ((each - f_star) * h + u @ A.T - Pu) ** 2 for q, each, A in zip(p, targets, ahead, strict=True))
        V_S += weight * ((D2 + noise**2 * h**2) @ mu)
    xm = x * m - mu @ (x * m)
    return mu @ (x * m), mu @ (xm * (2 * solve @ xm - xm)), g(t, there), V_S


@pytest.mark.parametrize("kind", ["coin", "uniform"])
def test_law_limit_and_law_of_the_error_match_an_independent_twin(kind):
    a, noise, t = 0.4, 0.3, 1.5
    if kind == "coin":
        innovation, xi, p = None, np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    else:
        xi, p = np.polynomial.legendre.leggauss(24)
        innovation, p = stats.uniform(-1, 2), p / 2
    data = rk.Autoregression(a, innovation=innovation, targets=square_target, noise=noise)
    limit = rk.KernelLimit(data, LAW)
    sol = limit.stationary.solve_poisson(product)
    mean, variance, prediction, of_data = twin(a, xi, p, 1.0, square_target, noise, t)
    assert sol.mean == pytest.approx(mean, abs=1e-10)
    assert sol.asymptotic_variance == pytest.approx(variance, rel=1e-8)
    assert_allclose(limit.predict(t, **POINTS), prediction, atol=1e-9)
    assert_allclose(limit.fluctuations(t, **POINTS).data, of_data, rtol=1e-7)


# Closed forms


@pytest.mark.parametrize("a", [0.0, 1 / 3, 0.9])
@pytest.mark.parametrize(("innovation", "fourth"), [(None, 1), (stats.norm(), 3), (stats.uniform(-1, 2), 0.2)])
def test_linear_memory_in_closed_form(a, innovation, fourth):
    """X' = aX + (1 − a)ξ and M' = αX + bM: moments, long-run variances of m, of x and of x², and Cov(Y, ·)."""
    alpha, b = 0.3, 0.4
    data = rk.Autoregression(a, innovation=innovation)
    mu = rk.StationaryLaw(data, linear_memory(alpha, b))
    second = 1.0 if innovation is None else innovation.var()
    v = second * (1 - a) / (1 + a)
    xm = a * alpha * v / (1 - a * b)
    assert mu.mean(product) == pytest.approx(xm, abs=1e-12)
    assert mu.mean(lambda _, m: m**2) == pytest.approx((alpha**2 * v + 2 * alpha * b * xm) / (1 - b**2), rel=1e-11)
    assert mu.solve_poisson(memory).asymptotic_variance == pytest.approx(second * (alpha / (1 - b)) ** 2, rel=1e-10)
    assert mu.solve_poisson(lambda x, _: x).asymptotic_variance == pytest.approx(second, rel=1e-11)
    x4 = (6 * (a * (1 - a)) ** 2 * v * second + (1 - a) ** 4 * fourth) / (1 - a**4)
    squares = mu.solve_poisson(lambda x, _: x**2)
    assert squares.asymptotic_variance == pytest.approx((x4 - v**2) * (1 + a**2) / (1 - a**2), rel=1e-9, abs=1e-12)
    assert_allclose(mu.targets, a * mu.inputs, atol=1e-12)
    assert_allclose(mu.target_variances, (1 - a) ** 2 * second, rtol=1e-11)
    assert_allclose(mu.target_covariance(mu.inputs), (1 - a) ** 2 * second, rtol=1e-10)


@pytest.mark.parametrize("a", [1 / 3, 0.5, 0.7])
def test_moments_of_bernoulli_convolutions(a):
    """(1 − a^k) E X^k = Σ_{j<k} C(k, j) a^j (1 − a)^{k−j} E X^j E ξ^{k−j}, on a Cantor set too."""
    mu, moments = rk.StationaryLaw(rk.Autoregression(a), PHI), [1.0]
    for k in range(1, 15):
        terms = [stats.binom(k, a).pmf(j) * moments[j] * (1 - (k - j) % 2) for j in range(k)]
        moments.append(sum(terms) / (1 - a**k))
        assert mu.mean(lambda x, _, k=k: x**k) == pytest.approx(moments[k], abs=1e-13)


@pytest.mark.parametrize("jitter", [0.05, 0.3, 3.0])
def test_rotation_in_closed_form(jitter):
    """θ is uniform; cos nθ has the long-run variance ½ Re (1 + z)/(1 − z), z = e^{inω − n²s²/2}."""
    rotation = rk.NoisyRotation(1.0, jitter)
    mu = rk.StationaryLaw(rotation, rk.MemoryMap(PLANE))
    assert mu.mean(lambda x, _: np.exp(x[:, 1])) == pytest.approx(np.i0(1.0), rel=1e-13)
    for n in (1, 3):
        z = np.exp(1j * n - (n * jitter) ** 2 / 2)
        sol = mu.solve_poisson(lambda x, _, n=n: np.cos(n * np.arctan2(x[:, 1], x[:, 0])))
        assert sol.asymptotic_variance == pytest.approx(((1 + z) / (1 - z)).real / 2, rel=1e-11)
    assert_allclose(mu.targets, np.cos(mu.states + 1) * rotation.mixing_rate, atol=1e-13)


def test_rotation_without_jitter_has_its_average_over_the_circle():
    """M is a function of θ alone: a trajectory from each of many angles, backwards; a rational turn is refused."""
    phi = rk.MemoryMap(PLANE)
    mu = rk.StationaryLaw(rk.NoisyRotation(1.0, 0.0), phi)
    end = 2 * np.pi * np.arange(200) / 200
    m = np.zeros(200)
    for back in range(60, 0, -1):
        m = phi(np.column_stack([np.cos(end - back), np.sin(end - back)]), m)
    assert mu.mean(lambda x, m: x[:, 0] * np.exp(m)) == pytest.approx(np.mean(np.cos(end) * np.exp(m)), abs=1e-12)
    with pytest.raises(ValueError, match="one stationary law"):
        rk.StationaryLaw(rk.NoisyRotation(np.pi / 2, 0.0), phi)


def test_what_is_never_learned():
    assert rk.KernelLimit(rk.Autoregression(0.25), LAW).irreducible_loss == pytest.approx(0.75**2 / 2, rel=1e-12)
    hidden = rk.RandomRecursion(_coins, start=0.0, innovation=COIN, inputs=np.abs)
    assert np.isnan(rk.KernelLimit(hidden, LAW, n_nodes=(20, 10)).irreducible_loss)


# A step of one's own


def _coins(s, u):
    return 0.5 * s + 0.5 * u


def _two_coins(s, u):
    return np.array([0.5 * s[0] + 0.5 * u[0], 0.3 * s[1] + 0.7 * u[1]])


def _delayed(s, u):
    return np.array([0.5 * s[0] + 0.5 * u, s[0]])


def _sharp(s, u):
    return 0.5 * s + 0.5 * np.tanh(4 * u)


def first(s):
    return s[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "more", "digits"),
    [
        (_coins, {"start": 0.0, "innovation": COIN}, 1e-13),
        (numba.njit(_coins), {"start": 0.3, "innovation": stats.bernoulli(0.5, loc=-0.5)}, None),
        (numba.njit(_delayed), {"start": [0.0, 0.0], "innovation": COIN, "inputs": first}, 1e-10),
        (numba.njit(_two_coins), {"start": [0.0, 0.0], "innovation": [COIN, COIN], "inputs": first}, 1e-10),
    ],
)
def test_own_step_gives_the_law_of_the_autoregression(step, more, digits):
    """One or two state variables and random numbers, of which one may do nothing."""
    if digits is None:  # the same coin on other numbers
        own, other = (
            rk.StationaryLaw(rk.RandomRecursion(step, **more), PHI),
            rk.Autoregression(0.5, innovation=more["innovation"]),
        )
        digits = 1e-13
    else:
        own, other = rk.StationaryLaw(rk.RandomRecursion(step, **more), PHI), rk.Autoregression(0.5)
    known = rk.StationaryLaw(other, PHI)
    for f in (memory, product):
        one, same = own.solve_poisson(f), known.solve_poisson(f)
        assert one.mean == pytest.approx(same.mean, abs=digits)
        assert one.asymptotic_variance == pytest.approx(same.asymptotic_variance, abs=10 * digits)
        assert one.residual < 100 * digits


def test_gaussian_autoregressions():
    """One of order one is an `Autoregression`, and one of order two with a coefficient zero is, too; else simulated."""
    known = rk.StationaryLaw(rk.Autoregression(0.4, innovation=stats.norm()), PHI).solve_poisson(product)
    for coefficients, digits in (([0.4], 1e-12), ([0.4, 0.0], 1e-8)):
        same = rk.StationaryLaw(rk.GaussianAutoregression(coefficients, scale=0.6), PHI).solve_poisson(product)
        assert same.mean == pytest.approx(known.mean, abs=digits)
        assert same.asymptotic_variance == pytest.approx(known.asymptotic_variance, abs=digits)
    assert isinstance(rk.StationaryLaw(rk.GaussianAutoregression([1.2, -0.5], scale=0.1), PHI), EmpiricalLaw)


@numba.njit
def _bent(s, u):
    return np.array([np.tanh(0.7 * s[0] + 0.5 * s[1] + 0.4 * u[0]), 0.6 * s[1] + 0.4 * u[1]])


@pytest.mark.slow
def test_two_coupled_state_variables_against_a_long_path():
    """A hidden one drives the other: means of 400 000 steps within four of their predicted standard errors."""
    laws = [COIN, stats.uniform(-1, 2)]
    bent = rk.RandomRecursion(_bent, start=[0.0, 0.0], innovation=laws, inputs=first, contraction=0.95)
    mu = rk.StationaryLaw(bent, PHI, n_nodes=(16, 12, 10))
    _, x, m = mu.simulate(400_000, rng=1)
    for f in (memory, product, lambda x, _: x**2):
        sol = mu.solve_poisson(f)
        assert abs(f(x, m).mean() - sol.mean) < 4 * np.sqrt(sol.asymptotic_variance / len(m))
        assert sol.residual < 1e-3


# Convergence in each resolution, and what the residual says of it


@pytest.mark.parametrize("data", [rk.Autoregression(0.5), rk.Autoregression(0.5, innovation=stats.norm())])
def test_convergence_in_the_nodes(data):
    exact = rk.StationaryLaw(data, PHI, n_nodes=(96, 24)).solve_poisson(product)
    for which, sizes in ((0, [6, 12, 24, 48]), (1, [2, 4, 7, 12])):
        errors, residuals = [], []
        for size in sizes:
            n_nodes = (size, 24) if which == 0 else (96, size)
            sol = rk.StationaryLaw(data, PHI, n_nodes=n_nodes).solve_poisson(product)
            errors.append(abs(sol.asymptotic_variance - exact.asymptotic_variance))
            residuals.append(sol.residual)
        assert (np.diff(np.log(errors)) < np.log(1 / 5)).all()
        assert (np.diff(np.log(residuals)) < np.log(1 / 5)).all()
        assert errors[-1] < 2e-9
        assert (np.array(errors) < 10 * np.array(residuals)).all()
    assert exact.residual < 1e-12


def test_convergence_in_the_noise(monkeypatch):
    """The residual sees too coarse a rule for the noise, since it uses one twice as fine."""
    sharp = rk.RandomRecursion(_sharp, start=0.0, innovation=stats.norm())
    errors, residuals = [], []
    for n in (24, 48, 96, 192, 384):
        monkeypatch.setattr(continuum, "_NOISE", {1: (n, 1)})
        sol = rk.StationaryLaw(sharp, PHI, n_nodes=(48, 16)).solve_poisson(product)
        errors.append(sol.mean)
        residuals.append(sol.residual)
    errors = np.abs(np.array(errors) - errors[-1])[:-1]
    assert errors[0] > 1e-5
    assert (errors < 10 * np.array(residuals[:-1])).all()
    assert (np.diff(np.log(residuals[:4])) < np.log(1 / 3)).all()
    assert residuals[-1] < 1e-12


def test_nodes_that_are_chosen_are_enough():
    for a in (0.2, 0.8):
        sol = rk.StationaryLaw(rk.Autoregression(a), PHI).solve_poisson(lambda x, m: np.cos(x) * m)
        assert sol.residual < 1e-12


# Paths, samples, copies


@pytest.mark.parametrize("data", [rk.Autoregression(0.6), rk.Autoregression(0.5, innovation=stats.norm())])
def test_paths_split_into_boundary_and_martingale(data):
    mu = rk.StationaryLaw(data, PHI)
    states, x, m = mu.simulate(20_001, rng=3)
    assert_allclose(x, states)
    assert_allclose(m[1:], PHI(x[:-1], m[:-1]), atol=1e-15)
    sol = mu.solve_poisson(product)
    parts = sol.decompose(states, m)
    assert parts.total == pytest.approx(np.sum(x[:-1] * m[:-1] - sol.mean), abs=1e-10)
    assert abs(parts.total - parts.boundary - parts.martingale.sum()) < 1e-10
    for past in (np.ones(20_000), m[:-1], x[:-1]):
        terms = parts.martingale * past
        assert abs(terms.mean()) < 4 * terms.std() / np.sqrt(len(terms))
    squares = parts.martingale**2
    assert squares.mean() == pytest.approx(sol.asymptotic_variance, abs=4 * squares.std() / np.sqrt(20_000))


def test_interpolation_samples_and_states():
    mu = rk.StationaryLaw(rk.Autoregression(0.5), PHI)
    assert_allclose(mu.interpolate(np.exp(mu.states * mu.memory))([0.1, -1.0], [0.1, 0.2]), np.exp([0.01, -0.2]))
    assert_allclose(mu.states, mu.inputs)
    x, m = mu.sample(2000, rng=0)
    for f in (product, lambda x, _: x**2, lambda _, m: m**2):
        assert abs(f(x, m).mean() - mu.mean(f)) < 4 * f(x, m).std() / np.sqrt(2000)
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 4 / np.sqrt(2000)
    around = rk.StationaryLaw(rk.NoisyRotation(0.5, 0.2), rk.MemoryMap(PLANE))
    assert_allclose(around.inputs, np.column_stack([np.cos(around.states), np.sin(around.states)]))
    assert around.sample(3, rng=0)[0].shape == (3, 2)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda mu: pickle.loads(pickle.dumps(mu))])
def test_a_law_can_be_copied_and_pickled(again):
    mu = rk.StationaryLaw(rk.Autoregression(0.5), PHI)
    other = again(mu)
    assert isinstance(other, ContinuumLaw)
    assert other.solve_poisson(product).asymptotic_variance == mu.solve_poisson(product).asymptotic_variance


# What is simulated still, and what is refused


def test_what_has_no_known_noise_is_simulated():
    unknown = rk.RandomRecursion(lambda s, u: s / 2 if u < 0.5 else 1 - s / 2, start=0.3, contraction=0.5)
    for mu in (rk.StationaryLaw(unknown, PHI), rk.StationaryLaw(rk.Autoregression(0.5), PHI, n_steps=10_000)):
        assert isinstance(mu, EmpiricalLaw)
        assert len(mu.memory) == 10_000
    tent = rk.RandomRecursion(unknown.step, start=0.3, contraction=0.5, innovation=stats.bernoulli(0.5))
    sol = rk.StationaryLaw(tent, PHI).solve_poisson(product)
    mu = rk.StationaryLaw(unknown, PHI, n_steps=40_000)
    assert abs(mu.mean(product) - sol.mean) < 4 * np.sqrt(sol.asymptotic_variance / 40_000)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (rk.RandomRecursion(lambda s, u: (2 * s + 0.1 * u) % 1, 0.3, innovation=stats.norm()), {}, "smooth"),
        (rk.RandomRecursion(lambda s, u: s + u, 0.3, innovation=COIN), {}, "bounded range"),
        (rk.RandomRecursion(lambda s, u: s / 2 + u, np.zeros(3), innovation=COIN, inputs=first), {}, "not 3 and 1"),
        (rk.Autoregression(0.5, targets=lambda _, after: np.sign(after - 0.1)), {}, "do not resolve"),
        (rk.Autoregression(0.5), {"n_nodes": (8, 8, 8)}, r"n_nodes must hold 1 number\(s\)"),
        (rk.Autoregression(0.5), {"n_nodes": (8, 1)}, "n_nodes must be an integer of at least 2"),
        (rk.NoisyRotation(0.5, 0.2), {}, "data must have inputs of 1"),
    ],
)
def test_what_cannot_be_computed_is_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        rk.StationaryLaw(data, PHI, **options)


def test_states_beyond_the_nodes_are_refused():
    mu = rk.StationaryLaw(rk.Autoregression(0.5), PHI)
    with pytest.raises(ValueError, match="states must be from"):
        mu.solve_poisson(product)([1.2], [0.0])
    with pytest.raises(ValueError, match="memory must be within"):
        mu.solve_poisson(product)([0.2], [3.0])


def test_a_memory_that_may_not_forget():
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.rv_discrete(values=([1.5], [1.0])))
    with pytest.warns(rk.AssumptionWarning, match="contraction factor"):
        steep = rk.MemoryMap(law)
    with pytest.raises(ValueError, match="more than one invariant law"):
        rk.StationaryLaw(rk.Autoregression(0.5, innovation=stats.uniform(-0.01, 0.02)), steep)


@pytest.mark.verify  # with thousands of nodes
def test_a_wide_jitter_turns_to_the_uniform_law():
    """Var cos θ = ½ and, at a jitter of 30, nothing is left of the angle before."""
    mu = rk.StationaryLaw(rk.NoisyRotation(0.5, 30.0), rk.MemoryMap(PLANE))
    assert mu.solve_poisson(lambda x, _: x[:, 0]).asymptotic_variance == pytest.approx(0.5, abs=1e-9)
