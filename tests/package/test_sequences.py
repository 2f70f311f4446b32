"""Sequences on a continuum: moments in closed form, rates of forgetting, the user's own step."""

import tracemalloc

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import rnnkernel as rk
from rnnkernel.sequences import _quantile

CONTRACTIONS = [0.0, 1 / 3, 0.5, 0.8]


# Autoregression


def test_autoregression_matches_its_slow_twin():
    xi = np.where(np.random.default_rng(3).random(201) < 0.5, -1, 1)
    x = [0.25]
    for k in range(200):
        x.append(0.7 * x[-1] + 0.3 * xi[k + 1])
    got, target = rk.Autoregression(0.7).simulate(200, rng=3, start=0.25)
    assert_allclose(got, x[:-1], rtol=0, atol=1e-15)
    assert_allclose(target, x[1:], rtol=0, atol=1e-15)


@pytest.mark.parametrize("a", CONTRACTIONS)
def test_autoregression_moments(a):
    """Mean 0, variance v = (1 − a)/(1 + a), fourth moment 3v² − 2(1 − a)⁴/(1 − a⁴), autocovariance v a^j."""
    sequence = rk.Autoregression(a)
    v = (1 - a) / (1 + a)
    assert sequence.variance == pytest.approx(v, rel=1e-15)
    x, _ = sequence.simulate(400_000, rng=0)
    effective = len(x) * (1 - a) / (1 + a)
    fourth = 3 * v**2 - 2 * (1 - a) ** 4 / (1 - a**4)
    assert x.mean() == pytest.approx(0, abs=4 * np.sqrt(v / effective))
    assert (x**2).mean() == pytest.approx(v, abs=4 * np.sqrt(fourth / effective))
    assert (x**4).mean() == pytest.approx(fourth, abs=4 * np.sqrt(fourth / effective))
    assert (x[:-3] * x[3:]).mean() == pytest.approx(v * a**3, abs=4 * np.sqrt(fourth / effective))


@pytest.mark.parametrize("a", [1 / 3, 0.5, (5**0.5 - 1) / 2])
def test_autoregression_is_unrolled(a):
    """X_k = a^k x + (1 − a) Σ_j a^j ξ_{k−j}; the atoms of its law melt away, also where sums of coins coincide."""
    sequence = rk.Autoregression(a)
    xi = np.where(np.random.default_rng(8).random(31)[1:] < 0.5, -1.0, 1.0)
    x, y = sequence.simulate(30, rng=8, start=0.25)
    unrolled = [a**k * 0.25 + (1 - a) * sum(a**j * xi[k - 1 - j] for j in range(k)) for k in range(31)]
    assert_allclose(x, unrolled[:-1], rtol=0, atol=1e-14)
    assert_allclose(y, unrolled[1:], rtol=0, atol=1e-14)
    values, weights = np.zeros(1), np.ones(1)
    largest = []
    for _ in range(18):
        values = np.concatenate([a * values + sign * (1 - a) for sign in (-1, 1)])
        values, place = np.unique(values.round(12), return_inverse=True)
        weights = np.bincount(place, np.tile(weights, 2) / 2)
        largest.append(weights.max())
    ends = [sequence.simulate(18, rng=seed, start=0.0)[1][-1] for seed in range(50)]
    assert np.abs(np.subtract.outer(ends, values)).min(axis=1).max() < 1e-10
    assert largest[-1] < 0.01
    assert (np.diff(largest) <= 0).all()


@pytest.mark.parametrize("a", CONTRACTIONS)
def test_autoregression_contracts_exactly(a):
    """Two copies with the same noise: |x_k − x'_k| = a^k |x_0 − x'_0|."""
    sequence = rk.Autoregression(a)
    above, above_next = sequence.simulate(20, rng=1, start=1.0)
    below, below_next = sequence.simulate(20, rng=1, start=-1.0)
    assert_allclose(above - below, 2 * a ** np.arange(20.0), rtol=0, atol=1e-14)
    assert_array_equal([above_next[:-1], below_next[:-1]], [above[1:], below[1:]])
    assert above_next[-1] - below_next[-1] == pytest.approx(2 * a**20, abs=1e-14)


@pytest.mark.parametrize("a", CONTRACTIONS)
def test_autoregression_average_of_x(a):
    """n Var(A_n) of f(x) = x tends to 1 for every a; at finite n it is the covariance sum."""
    n, seeds = 60, 8000
    sequence, generator = rk.Autoregression(a), np.random.default_rng(2)
    averages = np.array([sequence.simulate(n, rng=generator)[0].mean() for _ in range(seeds)])
    v = (1 - a) / (1 + a)
    exact = v * (n + 2 * sum((n - j) * a**j for j in range(1, n))) / n**2
    assert averages.var() / exact == pytest.approx(1, abs=4 * np.sqrt(2 / seeds))
    assert n * exact == pytest.approx(1, abs=2 * a / (1 - a**2) / n + 1e-12)


def test_contraction_bounds_from_both_sides():
    """W₁ ≤ D q^k is attained by a rare coin, the mean square bound at n = 1, and a fourth of it by a lazy coin."""
    q, rare = 0.7, 1e-3
    sequence, k = rk.Autoregression(q, innovation=stats.bernoulli(rare)), 6  # on [0, 1], D = 1
    ends = np.array([sequence.simulate(k, rng=seed, start=1.0)[1][-1] for seed in range(2000)])
    apart = ends.mean() - sequence.mean  # a difference of means is at most W₁
    assert apart <= q**k + 4 * ends.std() / np.sqrt(2000)
    assert apart >= 0.99 * q**k
    independent = rk.Autoregression(0.0, innovation=stats.bernoulli(rare))
    x, _ = independent.simulate(1, rng=0, start=1.0)
    square = (x[0] - independent.mean) ** 2  # n = 1, from the worst start
    assert square <= (1 + 0) / (1 - 0)
    assert square >= 0.99

    @numba.njit
    def toss(s, u):
        """Stays with probability q, else ±1 by a coin."""
        return s if u < q else (1.0 if u < (1 + q) / 2 else -1.0)

    lazy, generator = rk.RandomRecursion(toss, start=1.0, contraction=q), np.random.default_rng(3)
    two = [[lazy.simulate(1, rng=seed, start=start)[1][0] for start in (1.0, -1.0)] for seed in range(4000)]
    apart = np.abs(np.diff(two)) / 2
    assert apart.mean() == pytest.approx(q, abs=4 * apart.std() / np.sqrt(4000))
    n, runs = 400, 4000
    paths = np.array([lazy.simulate(n, rng=generator)[0] for _ in range(runs)])
    assert_array_equal(np.unique(paths), [-1, 1])
    scaled = n * np.mean(paths.mean(axis=1) ** 2)
    fourth = (1 + q) / (1 - q)  # ¼ D² (1 + q)/(1 − q), D = 2
    assert scaled == pytest.approx(fourth, rel=4 * np.sqrt(2 / runs) + q / n * 4)


@pytest.mark.parametrize("a", [0.3, 0.8])
def test_autoregression_mean_square_bound(a):
    """E_x (A_n − π f)² ≤ (Lip(f) D)² (1 + q)/((1 − q) n), D = 2, q = a: exactly for f(x) = x, measured for |x|."""
    n, v = 50, (1 - a) / (1 + a)
    square = a ** (2 * np.arange(n)) + (1 - a ** (2 * np.arange(n))) * v
    exact = sum(square[min(j, k)] * a ** abs(k - j) for j in range(n) for k in range(n)) / n**2
    bound = 4 * (1 + a) / ((1 - a) * n)
    assert exact <= bound
    sequence, generator = rk.Autoregression(a), np.random.default_rng(5)
    paths = np.array([sequence.simulate(n, rng=generator, start=1.0)[0] for _ in range(4000)])
    errors = paths.mean(axis=1) ** 2
    assert errors.mean() == pytest.approx(exact, abs=4 * errors.std() / np.sqrt(4000))
    stationary = np.abs(sequence.simulate(400_000, rng=6)[0]).mean()
    assert ((np.abs(paths).mean(axis=1) - stationary) ** 2).mean() <= bound


def test_autoregression_at_one_half_is_uniform():
    x, _ = rk.Autoregression(0.5).simulate(200_000, rng=0)
    apart = x[::60]
    assert stats.kstest(apart, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs(x).max() <= 1


def test_autoregression_at_one_third_lives_on_the_cantor_set():
    """The middle third is empty at every level, the two thirds beside it are equally likely."""
    x, _ = rk.Autoregression(1 / 3).simulate(100_000, rng=0)
    position = (x + 1) / 2
    for _ in range(12):
        digit = np.floor(position * 3)
        assert not (digit == 1).any()
        assert (digit == 2).mean() == pytest.approx(0.5, abs=4 * np.sqrt(2 / len(x)))
        position = position * 3 - digit


def test_autoregression_from_a_fixed_start_stays_at_total_variation_one():
    """After k steps from 0 the law has at most 2^k atoms, and the stationary law has none."""
    sequence = rk.Autoregression(0.5)
    ends = {float(sequence.simulate(5, rng=seed, start=0.0)[1][-1]) for seed in range(400)}
    assert ends == {(2 * j + 1 - 32) / 32 for j in range(32)}


@pytest.mark.parametrize("xi", [stats.uniform(-1, 2), stats.bernoulli(0.3), stats.beta(2, 5)])
def test_autoregression_with_other_innovations(xi):
    sequence = rk.Autoregression(0.6, innovation=xi)
    assert sequence.mean == pytest.approx(xi.mean())
    assert sequence.variance == pytest.approx(xi.var() * 0.4 / 1.6)
    x, _ = sequence.simulate(100_000, rng=0)
    low, high = xi.support()
    assert low <= x.min() <= x.max() <= high
    assert x.mean() == pytest.approx(sequence.mean, abs=4 * np.sqrt(xi.var() / len(x)))
    assert x.var() == pytest.approx(sequence.variance, rel=0.05)


@pytest.mark.parametrize("xi", [None, stats.bernoulli(0.3), stats.triang(0.8)])
@pytest.mark.parametrize("a", [0.9992, 1 - 1e-7])
def test_the_start_of_a_long_memory_is_drawn_from_its_law(a, xi):
    """Moments, and the characteristic function Π_j E exp(is(1 − a)a^j ξ), by quadrature over quantiles."""
    sequence = rk.Autoregression(a, innovation=xi)
    w, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    z = np.array([_quantile(sequence._cumulants, u) for u in stats.norm.cdf(w)])
    skewness, excess = (0.0, -2.0) if xi is None else (float(each) for each in xi.stats(moments="sk"))
    third = skewness * (1 - a) ** 3 / (1 - a**3) * ((1 + a) / (1 - a)) ** 1.5
    fourth = excess * (1 - a) ** 4 / (1 - a**4) * ((1 + a) / (1 - a)) ** 2
    assert_allclose([weights @ z**r for r in (1, 2, 3, 4)], [0, 1, third, 3 + fourth], atol=2e-9)
    if a < 0.9999:
        steps = (1 - a) * a ** np.arange(45_000.0) * (1.3 / sequence.variance**0.5)
        phi = np.cos(steps) if xi is None else (1 - 0.3) * np.exp(-0.3j * steps) + 0.3 * np.exp(0.7j * steps)
        if xi is None or xi.dist.name == "bernoulli":
            assert_allclose(weights @ np.exp(1.3j * z), np.prod(phi), atol=1e-10)


def test_a_long_memory_starts_at_a_quantile():
    """Of one number that is drawn, of a law that is nearly normal."""
    sequence = rk.Autoregression(1 - 1e-7, innovation=stats.triang(0.8))
    for seed in range(5):
        start = sequence.simulate(1, rng=seed)[0][0]
        share = stats.norm.cdf((start - sequence.mean) / sequence.variance**0.5)
        assert share == pytest.approx(np.random.default_rng(seed).random(), abs=1e-3)


def test_long_memories_cost_little():
    sequence, generator = rk.Autoregression(1 - 1e-7), np.random.default_rng(0)
    tracemalloc.start()
    starts = np.array([sequence.simulate(5, rng=generator)[0][0] for _ in range(1000)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**7
    assert stats.kstest(starts, stats.norm(0, sequence.variance**0.5).cdf).pvalue > 1e-3
    assert rk.Autoregression(0.9995, innovation=stats.bernoulli(1e-4))._cumulants is None  # it is run in


def test_a_burn_in_is_held_in_blocks(monkeypatch):
    count = rk.RandomRecursion(lambda s, u: s + 1.0, start=0.0, contraction=0.9)  # noqa: ARG005
    coin = rk.Autoregression(0.9)
    whole = count.simulate(5, rng=0)[0], [coin.simulate(1, rng=seed)[0][0] for seed in range(2000)]
    monkeypatch.setattr("rnnkernel.sequences._BLOCK", 50)
    assert_array_equal(count.simulate(5, rng=0)[0], whole[0])
    parts = [coin.simulate(1, rng=seed)[0][0] for seed in range(2000)]
    assert stats.ks_2samp(parts, whole[1]).pvalue > 1e-3
    assert np.var(parts) == pytest.approx(coin.variance, rel=4 * np.sqrt(2 / 2000))


# Gaussian autoregressions


@pytest.mark.parametrize("coefficients", [[0.7], [1.2, -0.5], [0.3, 0.1, 0.4]])
def test_gaussian_autoregression_is_its_recursion(coefficients):
    sequence, p = rk.GaussianAutoregression(coefficients, scale=0.4), len(coefficients)
    start = np.arange(1.0, p + 1)  # newest first
    x, y = sequence.simulate(50, rng=3, start=start)
    xi, values = np.random.default_rng(3).standard_normal(50), list(start[::-1])
    for each in xi:
        values.append(sum(a * values[-1 - i] for i, a in enumerate(coefficients)) + 0.4 * each)
    assert_allclose(x, values[p - 1 : -1], rtol=1e-12)
    assert_allclose(y, values[p:], rtol=1e-12)


def test_gaussian_autoregression_starts_in_its_law():
    """γ_0 = (1 − a_2)s²/((1 + a_2)((1 − a_2)² − a_1²)), γ_1 = γ_0 a_1/(1 − a_2), γ_2 = a_1γ_1 + a_2γ_0."""
    a, b, s = 1.2, -0.5, 0.4
    sequence, generator, n = rk.GaussianAutoregression([a, b], scale=s), np.random.default_rng(0), 8000
    g0 = (1 - b) * s**2 / ((1 + b) * ((1 - b) ** 2 - a**2))
    exact = g0 * np.array([1, a / (1 - b), a**2 / (1 - b) + b])
    assert_allclose(sequence.covariance, [exact[:2], exact[1::-1]], rtol=1e-12)
    assert sequence.contraction == pytest.approx(0.5**0.5, rel=1e-12)  # complex roots with product −b
    first = np.array([sequence.simulate(3, rng=generator)[0] for _ in range(n)])
    assert_allclose(
        first.T @ first / n, exact[np.abs(np.subtract.outer(range(3), range(3)))], atol=4 * g0 * np.sqrt(2 / n)
    )
    assert stats.kstest(first[:, 0], stats.norm(0, g0**0.5).cdf).pvalue > 1e-3
    slow = rk.GaussianAutoregression([1 - 1e-9])
    assert slow.simulate(3, rng=0)[0][0] == pytest.approx(
        np.random.default_rng(0).standard_normal() / (2e-9) ** 0.5, rel=1e-6
    )


def test_targets_of_a_gaussian_autoregression_see_its_state():
    pair = rk.GaussianAutoregression([0.5, 0.2], targets=lambda s, after: s[:, 1] + after[:, 0])
    x, y = pair.simulate(20, rng=0)
    assert_allclose(y[1:-1], x[:-2] + x[2:], rtol=1e-12)


# Noisy rotation


@pytest.mark.parametrize("jitter", [0.3, 1.0])
def test_rotation_autocorrelation(jitter):
    """E[x_k · x_{k+j}] = ρ^j cos(jω), ρ = e^{−s²/2}."""
    rotation = rk.NoisyRotation(0.4, jitter)
    assert rotation.mixing_rate == pytest.approx(np.exp(-(jitter**2) / 2))
    x, y = rotation.simulate(300_000, rng=0)
    assert_allclose((x**2).sum(axis=1), 1, rtol=1e-12)
    for j in (1, 2, 5):
        expected = rotation.mixing_rate**j * np.cos(0.4 * j)
        products = (x[:-j] * x[j:]).sum(axis=1)
        assert products.mean() == pytest.approx(expected, abs=4 * np.sqrt(j / len(x)))
    assert_array_equal(y[:-1], x[1:, 0])


def test_rotation_turns_the_right_way():
    x, _ = rk.NoisyRotation(np.pi / 2, 0.0).simulate(4, rng=0, start=0.0)
    assert_allclose(x, [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-15)


def test_rotation_mixes_at_its_rate():
    """Total variation to uniform after k steps ≤ ½ (2 Σ_n e^{−n²s²k})^{1/2}, and tends to (2/π) ρ^k."""
    s, grid = 0.5, np.linspace(-np.pi, np.pi, 20_001)
    rotation = rk.NoisyRotation(1.0, s)
    n = np.arange(1, 200)[:, None]
    for k in (1, 4, 20, 60):
        density = (1 + 2 * (np.exp(-(n**2) * s**2 * k / 2) * np.cos(n * grid)).sum(axis=0)) / (2 * np.pi)
        distance = np.trapezoid(np.abs(density - 1 / (2 * np.pi)), grid) / 2
        assert distance <= np.sqrt(2 * np.exp(-(n**2) * s**2 * k).sum()) / 2
    assert distance == pytest.approx(2 / np.pi * rotation.mixing_rate**60, rel=1e-6)


def test_rotation_does_not_contract():
    rotation = rk.NoisyRotation(1.0, 0.5)
    one, _ = rotation.simulate(500, rng=1, start=0.0)
    other, _ = rotation.simulate(500, rng=1, start=1.0)
    assert_allclose(np.linalg.norm(one - other, axis=1), 2 * np.sin(0.5), rtol=1e-10)


def test_rotation_starts_uniform():
    generator = np.random.default_rng(0)
    rotation = rk.NoisyRotation(1.0, 0.1)
    first = np.array([rotation.simulate(1, rng=generator)[0][0] for _ in range(4000)])
    angle = np.arctan2(first[:, 1], first[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


# The even process


@pytest.mark.parametrize("p", [0.3, 0.5, 0.8])
def test_even_process_chain(p):
    data = rk.even_process(p)
    assert_allclose(data.chain.stationary_distribution, np.array([p, 1 - p, 1 - p]) / (2 - p), rtol=1e-14)
    assert data.chain.spectral_gap == pytest.approx(p, abs=1e-7)
    assert data.n_inputs == 1


def test_even_process_is_not_markov():
    """After −1 and m ones, another one follows with probability 1 (m odd) or 1 − p (m even): no finite order."""
    p = 0.4
    x, y = rk.even_process(p).simulate(200_000, rng=0, start=0)
    assert_array_equal(y[:-1], x[1:])
    ones = x == 1
    run = np.zeros(len(x), dtype=int)
    for k in range(1, len(x)):
        run[k] = run[k - 1] + 1 if ones[k] else 0
    for m in range(1, 8):
        follows = y[run == m] == 1
        if m % 2:
            assert follows.all()
        else:
            assert follows.mean() == pytest.approx(1 - p, abs=4 * np.sqrt(p * (1 - p) / len(follows)))


# A step of one's own


def test_own_step_matches_python_and_numba():
    def step(s, u):
        return 0.3 * s + np.sin(6 * u)

    plain = rk.RandomRecursion(step, start=0.5)
    compiled = rk.RandomRecursion(numba.njit(step), start=0.5)
    for start in (None, 0.1):
        assert_allclose(plain.simulate(50, rng=0, start=start)[0], compiled.simulate(50, rng=0, start=start)[0])
    uniforms = np.random.default_rng(0).random(51)
    s = [0.1]
    for u in uniforms[1:]:
        s.append(step(s[-1], u))
    x, y = plain.simulate(50, rng=0, start=0.1)
    assert_allclose(np.append(x, y[-1]), s, rtol=1e-14)


def test_own_step_reproduces_the_coin_autoregression():
    own = rk.RandomRecursion(lambda s, u: 0.5 * s + (0.5 if u < 0.5 else -0.5), start=0.0, contraction=0.5)
    assert own.burn_in == 53
    x, _ = own.simulate(40_000, rng=0)
    assert x.var() == pytest.approx(1 / 3, abs=4 * np.sqrt(0.2 * 3 / len(x)))


def test_own_step_with_a_given_law():
    """Two numbers of given laws, drawn one law after the other; compiled and in Python."""

    def step(s, u):
        return 0.5 * s + u[0] * u[1]

    laws = [stats.norm(1, 2), stats.bernoulli(0.5)]
    rng = np.random.default_rng(4)
    u = np.column_stack([law.rvs(size=31, random_state=rng) for law in laws])
    s = [0.2]
    for each in u[1:]:
        s.append(step(s[-1], each))
    for own in (step, numba.njit(step)):
        x, y = rk.RandomRecursion(own, start=0.0, innovation=laws).simulate(30, rng=4, start=0.2)
        assert_allclose(np.append(x, y[-1]), s, rtol=1e-14)


def test_autoregression_with_normal_innovations():
    """Its stationary law is normal: fourth moment three times the squared variance."""
    sequence = rk.Autoregression(0.6, innovation=stats.norm(1.0, 2.0))
    assert sequence.variance == pytest.approx(4 * 0.4 / 1.6)
    x, _ = sequence.simulate(200_000, rng=0)
    effective = len(x) * (1 - 0.6) / (1 + 0.6)
    assert x.mean() == pytest.approx(1, abs=4 * np.sqrt(sequence.variance / effective))
    assert ((x - 1) ** 4).mean() == pytest.approx(3, abs=4 * np.sqrt(96 / effective))


def test_own_step_with_hidden_states():
    """A hidden position on a circle, seen through its cosine, with targets of its own."""

    def step(s, u):
        return np.array([s[0] + s[1] + 0.1 * u[0], s[1] * (1 - 0.01 * u[1])])

    hidden = rk.RandomRecursion(
        step,
        start=[0.0, 0.5],
        inputs=lambda s: np.column_stack([np.cos(s[:, 0]), np.ones(len(s))]),
        targets=lambda s, after: after[:, 1] - s[:, 1],
        innovation=[stats.uniform(), stats.uniform()],
    )
    assert hidden.n_inputs == 2
    x, y = hidden.simulate(100, rng=0, start=[0.0, 0.5])
    assert x.shape == (100, 2)
    assert_array_equal(x[:, 1], 1)
    assert (y <= 0).all()
    assert x[0, 0] == 1


def test_target_noise():
    x, y = rk.Autoregression(0.5, noise=0.2).simulate(50_000, rng=0)
    assert (y[:-1] - x[1:]).std() == pytest.approx(0.2, rel=4 / np.sqrt(100_000))


@pytest.mark.parametrize(
    "sequence",
    [
        rk.Autoregression(0.5),
        rk.GaussianAutoregression([1.2, -0.5]),
        rk.NoisyRotation(1.0, 0.3),
        rk.even_process(0.5),
        rk.RandomRecursion(lambda s, u: s / 2 + u, start=0.0),
    ],
)
def test_contract(sequence):
    x, y = sequence.simulate(7, rng=1)
    assert y.shape == (7,)
    assert x.shape == ((7,) if sequence.n_inputs == 1 else (7, sequence.n_inputs))
    again, _ = sequence.simulate(7, rng=np.random.default_rng(1))
    assert_array_equal(x, again)
    assert (sequence.simulate(7, rng=2)[0] != x).any()
    assert len(sequence.simulate(0, rng=1)[0]) == 0
    for wrong in (-1, 2.5):
        with pytest.raises((ValueError, TypeError), match="n must be"):
            sequence.simulate(wrong, rng=0)


def step_to_nan(_state, u):
    return np.nan if u > 0.5 else 0.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rk.Autoregression(1.0), ValueError, "contraction must be at least 0 and less than 1"),
        (lambda: rk.Autoregression(-0.1), ValueError, "contraction must be at least 0"),
        (
            lambda: rk.Autoregression(0.5, innovation=stats.cauchy()),
            ValueError,
            "innovation must have a finite variance",
        ),
        (lambda: rk.Autoregression(0.5, innovation=3), TypeError, "innovation must be a frozen"),
        (lambda: rk.Autoregression(0.5, noise=-1), ValueError, "noise must be at least 0"),
        (lambda: rk.Autoregression(0.5, targets=3), TypeError, "targets must be a function"),
        (lambda: rk.Autoregression(0.5).simulate(5, rng=0, start=np.nan), ValueError, "start must be finite"),
        (
            lambda: rk.Autoregression(0.5, targets=lambda x, _: x.sum()).simulate(5, rng=0),
            ValueError,
            "targets must return one number per step",
        ),
        (lambda: rk.RandomRecursion(step_to_nan, 0.0, innovation=[3]), TypeError, "innovation must hold frozen"),
        (lambda: rk.GaussianAutoregression([0.5, 0.5]), ValueError, "coefficients must be those of a stationary"),
        (lambda: rk.GaussianAutoregression([]), ValueError, "coefficients must hold at least one number"),
        (lambda: rk.GaussianAutoregression([0.5], scale=0), ValueError, "scale must be greater than 0"),
        (
            lambda: rk.GaussianAutoregression([0.5, 0.1]).simulate(5, rng=0, start=1.0),
            ValueError,
            "start must hold 2 values",
        ),
        (lambda: rk.NoisyRotation(1.0, -0.1), ValueError, "jitter must be at least 0"),
        (lambda: rk.even_process(0.0), ValueError, "stop must be greater than 0"),
        (lambda: rk.even_process(1.0), ValueError, "stop must be greater than 0 and less than 1"),
        (lambda: rk.RandomRecursion(3, start=0.0), TypeError, "step must be a function"),
        (lambda: rk.RandomRecursion(step_to_nan, start=0.0, inputs=3), TypeError, "inputs must be a function"),
        (
            lambda: rk.RandomRecursion(step_to_nan, start=0.0, contraction=1),
            ValueError,
            "contraction must be .* less than 1",
        ),
        (lambda: rk.RandomRecursion(step_to_nan, start=0.0).simulate(5, rng=0), FloatingPointError, "step returned"),
        (
            lambda: rk.RandomRecursion(step_to_nan, start=[0.0, 1.0]).simulate(5, rng=0, start=[1.0]),
            ValueError,
            "start must have shape",
        ),
        (
            lambda: rk.RandomRecursion(step_to_nan, start=0.0, inputs=lambda s: s.sum()),
            ValueError,
            "inputs must return one input per state",
        ),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
