"""What the chapter on neighbouring theories states and computes, against independent computations.

The functions under test are those that the reader sees: they are taken from the cells of the chapter.
"""

import itertools
import math

import numpy as np
import pages
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import rnnkernel as rk


@pytest.fixture(scope="module")
def chapter():
    """What these tests need of the chapter, as it stands there."""
    kernels = ("second", "covariance", "slope_covariance", "recurrent_kernel")
    words = ("with_constant", "histories", "excess", "signature")
    return pages.names("neighbours", "chain", "symbols", "inputs", "data", "law", *kernels, *words)


def words_of(chapter, n, length, seed):
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n, length))
    return chapter["with_constant"](signs)


def feed_forward(law):
    return rk.InitialLaw(law.output, law.inputs, lambda w: np.zeros(len(w)))


def test_price_of_no_memory(chapter):
    """Floors of the limit with and without memory, against sums over states and over all words of inputs."""
    data, law, chain, symbols = (chapter[name] for name in ("data", "law", "chain", "symbols"))
    P, pi = chain.transition, chain.stationary_distribution
    up = P @ (symbols > 0)  # probability that the next input is 1
    seen = {x: pi[symbols == x] @ up[symbols == x] / pi[symbols == x].sum() for x in (-1.0, 1.0)}
    blind = sum(pi[symbols == x].sum() * 4 * p * (1 - p) for x, p in seen.items()) / 2
    without = rk.KernelLimit(data, feed_forward(law), activation="erf")
    assert without.loss_floor(1e-9) == pytest.approx(blind, rel=1e-9)
    assert without.loss(1e9) == pytest.approx(blind, rel=1e-9)
    assert (without.loss(np.geomspace(1, 1e9, 20)) >= blind - 1e-12).all()

    limit = rk.KernelLimit(data, law, activation="erf")
    _, probability, best = chapter["histories"](10)
    all_inputs = (1 - probability @ best**2) / 2
    seeing = limit.loss_floor(1e-11)
    assert all_inputs - 1e-9 < seeing < all_inputs + 1e-3  # memory tells the pasts apart: equality in the limit
    mu = limit.stationary
    fast = limit.eigenvalues > 1e-11
    with_memory = limit.eigenfunctions(mu.inputs, mu.memory)[:, fast] @ limit.coefficients[fast]
    from_input = np.array([2 * seen[x] - 1 for x in mu.inputs[:, 0]])
    assert blind - seeing == pytest.approx(mu.weights @ (with_memory - from_input) ** 2 / 2, rel=1e-4)


def test_histories_sum_over_hidden_paths(chapter):
    """Probabilities and forecasts of words, from every path of hidden states."""
    P, pi, symbols = chapter["chain"].transition, chapter["chain"].stationary_distribution, chapter["symbols"]
    mass, onward = {}, {}
    for path in itertools.product(range(3), repeat=4):
        word = tuple(symbols[list(path)])
        p = pi[path[0]] * math.prod(P[i, j] for i, j in itertools.pairwise(path))
        mass[word] = mass.get(word, 0) + p
        onward[word] = onward.get(word, 0) + p * (P[path[-1]] @ symbols)
    words, probability, best = chapter["histories"](4)
    assert probability.sum() == pytest.approx(1)
    assert len(words) == sum(p > 0 for p in mass.values())
    for word, p, forecast in zip(map(tuple, words[..., 0]), probability, best, strict=True):
        assert p == pytest.approx(mass[word])
        assert forecast == pytest.approx(onward[word] / mass[word])


def test_excess_follows_the_flow(chapter):
    """Against small explicit steps of ∂_t g = ∫ (best − g) K, for one target and for two."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 9))
    gram, probability, best = root @ root.T, rng.dirichlet(np.ones(6)), rng.normal(size=(6, 2))
    scaled = gram / (probability @ np.diag(gram))
    g, steps = np.zeros((6, 2)), 20_000
    for _ in range(steps):
        g += 2.0 / steps * scaled @ (probability[:, None] * (best - g))
    expected = probability @ (best - g) ** 2 / 2
    found = [chapter["excess"](gram, probability, target, [2.0])[0] for target in best.T]
    assert_allclose(found, expected, rtol=1e-3)


def test_arcsine_kernel(chapter):
    """Both formulas, in the quadrature of the package and in the chapter's functions."""
    scales = np.array([0.7, 1.3])
    law = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(0, scale) for scale in scales], stats.uniform(0, 1))
    rng = np.random.default_rng(1)
    a, b = rng.uniform(-1.5, 1.5, (5, 2)), rng.uniform(-1.5, 1.5, (4, 2))
    r = (a * scales**2) @ b.T
    s, t = (a**2 @ scales**2)[:, None], b**2 @ scales**2
    D = np.sqrt((1 + 2 * s) * (1 + 2 * t))
    values, slopes = 2 / np.pi * np.arcsin(2 * r / D), 4 / np.pi / np.sqrt(D**2 - 4 * r**2)
    gram = rk.TangentKernel(law, "erf")(a, np.zeros(5), b, np.zeros(4))
    assert_allclose(gram, values + a @ b.T * slopes / 3, rtol=1e-9, atol=1e-10)
    assert_allclose(chapter["covariance"](r, s, t), values, rtol=1e-13)
    assert_allclose(chapter["slope_covariance"](r, s, t), slopes, rtol=1e-13)


def test_recurrent_kernel_is_the_sum_over_times(chapter):
    """Θ = G_L + Σ_k Π_k (a_k·b_k + G_{k−1}), written out for one pair of words."""
    w, c2, v = 0.7, 1 / 3, np.array([1.25, 0.25])
    assert_allclose(chapter["second"], v)
    a, b = words_of(chapter, 2, 6, seed=3)
    R, G, slope = [], [], []
    for x, y in zip(a, b, strict=True):
        before = G[-1] if G else np.zeros((2, 2))
        pair = np.array([x, y])
        R.append((pair * v) @ pair.T + w**2 * before)
        s = np.diag(R[-1])
        D = np.sqrt(np.outer(1 + 2 * s, 1 + 2 * s))
        G.append(2 / np.pi * np.arcsin(2 * R[-1] / D))
        slope.append((4 / np.pi / np.sqrt(D**2 - 4 * R[-1] ** 2))[0, 1])
    back, total, frozen = c2 * slope[-1], G[-1][0, 1], G[-1][0, 1]
    for k in reversed(range(6)):
        total += back * (a[k] @ b[k] + (G[k - 1][0, 1] if k else 0))
        frozen += back * (a[k] @ b[k])
        if k:
            back *= w**2 * slope[k - 1]
    assert chapter["recurrent_kernel"](a[None], b[None], w)[0, 0] == pytest.approx(total, rel=1e-12)
    assert chapter["recurrent_kernel"](a[None], b[None], w, learn=False)[0, 0] == pytest.approx(frozen, rel=1e-12)


def test_signature_against_iterated_sums(chapter):
    """Levels one to three from Riemann sums over a fine subdivision of each segment."""
    words = words_of(chapter, 2, 3, seed=9)
    fine = 400
    for word, found in zip(words, chapter["signature"](words, depth=3), strict=True):
        corners = np.column_stack([np.r_[0.0, word[:, 0]], np.arange(4) / 3])
        steps = np.repeat(np.diff(corners, axis=0) / fine, fine, axis=0)
        one, two, three = np.zeros(2), np.zeros((2, 2)), np.zeros((2, 2, 2))
        for v in steps:
            three += np.multiply.outer(two + np.multiply.outer(one + v / 3, v) / 2, v)
            two += np.multiply.outer(one + v / 2, v)
            one += v
        assert_allclose(found, np.r_[1, one, two.ravel(), three.ravel()], atol=2e-3)


def test_mean_field_is_another_limit(chapter):
    """At β = 1 networks agree as they do at β = ¾, and stay away from the kernel limit."""
    data, law, inputs = chapter["data"], chapter["law"], chapter["inputs"]
    limit = rk.KernelLimit(data, law, activation="erf", learning_rate=1.15)
    stream = inputs[chapter["chain"].simulate(200, rng=1)]
    reference = limit.forecast(30.0, stream)[10:]
    spread, distance = {}, {}
    for beta, n_units in itertools.product((0.75, 1.0), (50, 800)):
        forecasts = []
        for seed in range(6):
            start = rk.RNN.sample(law, n_units=n_units, beta=beta, rng=seed, paired=True, activation="erf")
            run = rk.train(start, data, time=30.0, learning_rate=1.15, rng=100 + seed, n_records=1)
            forecasts.append(run.network.forecast(stream)[10:])
        spread[beta, n_units] = np.sqrt(np.mean(np.var(forecasts, axis=0, ddof=1)))
        distance[beta, n_units] = np.sqrt(np.mean((np.mean(forecasts, axis=0) - reference) ** 2))
    for beta in (0.75, 1.0):
        assert spread[beta, 800] < 0.6 * spread[beta, 50]
    assert distance[1.0, 800] > 2.5 * distance[0.75, 800]
    assert distance[1.0, 800] > 6 * spread[1.0, 800] / np.sqrt(6)
