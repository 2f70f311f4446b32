"""What the page *A network that writes* states, against plain formulas."""

import numpy as np
import pages
import pytest
from scipy import stats
from scipy.special import softmax

import rnnkernel as rk

OUTPUT, RECURRENT = stats.uniform(-1, 2), stats.uniform(0.2, 0.6)  # E C² = 1/3, E B = 1/2
MEANS = (-1.0, 0.2, 1.2)
LAW = rk.InitialLaw(OUTPUT, [stats.norm(mean, 0.5) for mean in MEANS], RECURRENT)
X, Y = [0, 1, 2, 1, 0, 2], [1, 2, 0, 0, 2, 1]


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_how_far_and_by_when(loss):
    """Norms from the Gram matrix of six points; losses from the outputs there."""
    alpha = 1.5
    limit = rk.SymbolLimit((X, Y), LAW, learning_rate=alpha, loss=loss)
    m = limit.trajectory(X)[:-1]
    K = rk.TangentKernel(LAW)(np.eye(3)[X], m, np.eye(3)[X], m)
    assert np.linalg.cond(K) < 1e5
    target = np.eye(3)[Y]

    def risk(g):
        each = -np.log(softmax(g, axis=1)[range(6), Y]) if loss == "cross-entropy" else np.sum((target - g) ** 2, 1) / 2
        return each.mean()

    def square(g):
        return np.sum(g * np.linalg.solve(K, g))

    start = risk(np.zeros((6, 3)))
    times = np.array([1e-3, 1.0, 10.0, 100.0, 1000.0])
    found = limit.predict(times, X, m)
    losses = limit.loss(times)
    np.testing.assert_allclose(losses, [risk(g) for g in found], rtol=1e-9)
    assert (np.diff([start, *losses]) < 0).all()
    for t, g, reached in zip(times, found, losses, strict=True):
        assert square(g) <= alpha * t * (start - reached) * (1 + 1e-5)
        for scale in (0.3, 1.0, 3.0):
            star = scale * target
            excess = reached - risk(star)
            assert excess <= square(star) / (2 * alpha * t)
    assert square(found[0]) > 0.99 * alpha * times[0] * (start - losses[0])  # attained as t → 0


def test_nothing_or_everything():
    one = rk.InitialLaw(OUTPUT, stats.norm(0.4, 0.5), RECURRENT, 3)
    blind = rk.SymbolLimit((X, Y), one)
    rng = np.random.default_rng(0)
    texts = rng.integers(3, size=(2, 30))
    first, second = (blind.trajectory(each) for each in texts)
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-15)
    assert abs(first[-1]) > 0.1

    wide = rk.InitialLaw(OUTPUT, [stats.norm(mean, 0.3) for mean in (-2, 0, 2)], RECURRENT)
    limit = rk.SymbolLimit((X, Y), wide)
    q, reach = wide.recurrent_absolute_mean, 0.5  # |φ| ≤ E B = 1/2
    images = np.array([limit.next_memory(x, [-reach, reach]) for x in range(3)])
    assert (images[:-1, 1] < images[1:, 0]).all()
    assert np.abs(images).max() < reach
    text = texts[0][:12]
    z = np.linspace(-8, 8, 801)
    weights = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()

    def phi(x, m):
        return 0.5 * weights @ np.tanh((-2, 0, 2)[x] + 0.3 * z + m)

    by_hand = [0.0]
    for x in text:
        by_hand.append(phi(x, by_hand[-1]))
    np.testing.assert_allclose(limit.trajectory(text), by_hand, rtol=0, atol=1e-13)
    np.testing.assert_allclose(images, [[phi(x, -reach), phi(x, reach)] for x in range(3)], rtol=0, atol=1e-13)
    m, read = by_hand[-1], []
    for _ in text:
        x = int(np.clip(np.searchsorted(images[:, 0], m) - 1, 0, 2))
        read.append(x)
        low, high = -reach, reach
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if limit.next_memory(x, middle)[0] < m else (low, middle)
        m = low
    assert list(text) == read[::-1]

    for j in range(1, 8):
        ends = [limit.trajectory([x, *text[:j]])[-1] for x in (0, 2)]
        apart = abs(ends[0] - ends[1])
        assert apart <= q**j * 2 * reach


def test_the_price_of_a_digit():
    alpha = 2.0
    limit = rk.SymbolLimit((X * 20, Y * 20), LAW, learning_rate=alpha)
    z, m = np.linspace(-8, 8, 801), np.linspace(-0.5, 0.5, 21)
    weights = np.exp(-z * z / 2) / np.exp(-z * z / 2).sum()
    u = np.array(MEANS)[:, None, None] + 0.5 * z + m[:, None]
    slope = 1 - np.tanh(u) ** 2
    steepness = np.sqrt(((slope**2 + (2 * np.tanh(u) * slope) ** 2 / 3) @ weights).max())
    held = limit.trajectory(X * 20)[:-1]
    towards = rk.TangentKernel(LAW)(np.eye(3)[[1] * 21], m, np.eye(3)[X * 20], held) @ (np.eye(3)[Y * 20] - 1 / 3) / 120
    np.testing.assert_allclose(limit.predict(1e-5, 1, m), alpha * 1e-5 * towards, rtol=1e-3, atol=1e-9)
    for t in (0.1, 1.0, 10.0, 100.0):
        for x in range(3):
            g = limit.predict(t, x, m)
            differences = np.linalg.norm(g - g[:1], axis=1)
            bounds = steepness * np.abs(m - m[0]) * np.sqrt(alpha * t * np.log(3))
            assert (differences <= bounds).all()
            assert differences[-1] > 0.01 * bounds[-1]


def test_counting_is_what_it_says():
    """Bits of triples from probabilities written out for each place."""
    counted = pages.names("a-network-that-writes", "counted")["counted"]
    train, test = np.random.default_rng(0).integers(27, size=(2, 300)) % 5
    a = 3.0

    def probability(context, symbol):
        shorter = 1 / 27 if not context else probability(context[1:], symbol)
        if context == ():
            return (np.sum(train == symbol) + a / 27) / (len(train) + a)
        k = len(context)
        after = [train[i + k] for i in range(len(train) - k) if tuple(train[i : i + k]) == context]
        return (after.count(symbol) + a * shorter) / (len(after) + a)

    expected = [-np.log2(probability(tuple(test[i : i + 2]), test[i + 2])) for i in range(len(test) - 2)]
    np.testing.assert_allclose(counted(train, test, 3, a), expected, rtol=1e-12)
