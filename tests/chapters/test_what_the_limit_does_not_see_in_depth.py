"""What the page *What the limit does not see, in depth* states, against the package."""

import itertools

import naive
import numpy as np
import pages
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk


def recall(delay):
    pasts = list(itertools.product([-1.0, 1.0], repeat=delay + 1))
    P = [[0.5 * (new[1:] == old[:-1]) for new in pasts] for old in pasts]
    return rk.DataSequence(rk.MarkovChain(P), [past[0] for past in pasts], [past[-1] for past in pasts])


def slope(W, x, m):
    return 1 - np.tanh(np.multiply.outer(x, W) + m) ** 2


def test_common_factor_is_an_average_of_mean_zero():
    """E q² = E[C²] E[mean D²]/N for given (W, B): 4000 draws of C, four standard errors of a χ² mean."""
    N = 60
    _, W, B = LAW.sample(N, rng=0)
    x, _ = DATA.simulate(12, rng=1)
    *_, (_, _, m, D, _) = naive.sensitivities(np.zeros(N), W[:, 0], B, np.zeros(N), x)
    memory = rk.RNN(np.zeros(N), W, B, beta=0.75).trajectory(x)  # the D of the statement are taken at these
    np.testing.assert_allclose(1 - np.tanh(np.outer(x, W[:, 0]) + memory[:-1, None])[-1] ** 2, D, rtol=1e-10)
    assert memory[-2] == pytest.approx(m, rel=1e-10)
    q = np.random.default_rng(2).uniform(-1, 1, (4000, N)) @ D / N
    exact = np.mean(D**2) / 3 / N
    assert np.mean(q**2) == pytest.approx(exact, rel=4 * np.sqrt(2 / 4000))
    assert exact <= 1 / 3 / N


def test_response_is_an_average_of_mean_zero():
    """E r² for given (W, B), exactly; both bounds; and one extra step moves the forecast by (α/N) e q r."""
    N, bar_a = 60, 0.8
    law = rk.InitialLaw(LAW.output, LAW.inputs[0], stats.uniform(0, bar_a))
    x, _ = DATA.simulate(12, rng=1)
    _, W, B = law.sample(N, rng=0)
    *_, (p_W, _, _, D, _) = naive.sensitivities(np.zeros(N), W[:, 0], B, np.zeros(N), x)
    sample = np.random.default_rng(2).uniform(-1, 1, (4000, N))
    r = sample @ (slope(W[:, 0], 1.5, 0.1) * 1.5 * N * p_W) / N
    exact = np.mean((slope(W[:, 0], 1.5, 0.1) * 1.5 * N * p_W) ** 2) / 3 / N
    assert np.mean(r**2) == pytest.approx(exact, rel=4 * np.sqrt(2 / 4000))
    reach = 1.5 * 1.5 * bar_a / (1 - bar_a)
    assert exact <= reach**2 / 3 / N
    assert np.mean(np.abs(r * (sample @ D) / N)) <= reach / 3 / N

    # Linear units with one B attain both bounds: W tends to zero, and the input does not change.
    one = 1e-6 * np.ones(N)
    *_, (p_W, _, _, D, _) = naive.sensitivities(np.zeros(N), one, bar_a * np.ones(N), np.zeros(N), np.full(80, 1.5))
    attained = sample @ (slope(one, 1.5, 0.0) * 1.5 * N * p_W) / N
    np.testing.assert_allclose(attained, reach * sample @ D / N, rtol=1e-6)
    products = np.abs(attained * (sample @ D) / N)
    assert np.mean((slope(one, 1.5, 0.0) * 1.5 * N * p_W) ** 2) <= reach**2
    assert np.mean(D**2) <= 1.0
    assert np.mean(products) <= reach / 3 / N * (1 + 4 * np.sqrt(2 / 4000))
    assert np.mean(products) == pytest.approx(reach / 3 / N, rel=4 * np.sqrt(2 / 4000))
    *_, (p_W, _, _, D, _) = naive.sensitivities(np.zeros(N), W[:, 0], B, np.zeros(N), x)

    C, r = sample[0], r[0]
    beta, alpha, y = 0.75, 1e-6, 0.7
    rnn = rk.RNN(C, W, B, beta=beta)
    waiting = rk.train(rnn, (x[:-1], np.zeros(11)), learning_rate=0.0, truncation=12).network
    last = (x[-1:], np.array([y]))
    short, long = (rk.train(waiting, last, learning_rate=alpha, truncation=tau).network for tau in (1, 12))
    error = y - rnn.forecast(x)[-1]
    expected = alpha / N * error * np.mean(C * D) * r
    difference = long.predict(1.5, 0.1)[0] - short.predict(1.5, 0.1)[0]
    assert difference == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("n_units", [100, 1000])
def test_common_factor_moves_little_in_training(n_units):
    """The bound of part 3 holds at the last step, and is within a factor of 40 of what happens."""
    beta, alpha, t, c, L_2 = 0.75, 1.0, 2.0, 1.0, 4 / (3 * np.sqrt(3))
    start = rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=1)
    end = rk.train(start, recall(1), time=t, learning_rate=alpha, rng=2, clip=c).network
    q_start, q_end = (
        slope(each.inputs[:, 0], np.array([-1.0, 1.0]), end.memory) @ each.output / n_units for each in (start, end)
    )
    a, C = alpha * t * c * n_units ** (beta - 1), np.abs(start.output)
    bound = a + alpha * t * c * L_2 * n_units ** (beta - 1) * np.mean(C * (C + a))
    small = rk.RNN.sample(LAW, n_units=12, beta=beta, rng=3)
    x, y = recall(1).simulate(30, rng=4)
    sigma, prime = np.tanh, lambda u: 1 - np.tanh(u) ** 2
    how = {"beta": beta, "alpha": alpha, "sigma": sigma, "prime": prime, "clip": c}
    weights = small.output, small.inputs, small.recurrent
    stepped = naive.train(*weights, small.hidden, x[:, None], y, **how)
    trained = rk.train(small, (x, y), learning_rate=alpha, clip=c).network
    for name, first, last in zip(("output", "inputs", "recurrent"), weights, stepped, strict=False):
        np.testing.assert_allclose(getattr(trained, name) - first, last - first, rtol=1e-7, atol=1e-12)
    moved = np.abs(q_end - q_start).max()
    assert moved <= bound <= 40 * moved


@pytest.mark.parametrize("learn", [(True, True, False), (True, False, True), (False, True, True), (False, False, True)])
def test_kernel_of_the_weights_that_are_trained(learn):
    """The limit with the stated kernel, solved by small steps on the nodes of μ, against a network of 4000 units."""
    limit, t, n_steps = rk.KernelLimit(DATA, LAW), 2.0, 400
    mu, law = limit.stationary, LAW
    x, m = np.append(mu.inputs, [-1.0, 1.5]), np.append(mu.memory, [-0.2, 0.4])
    nodes, weights = law.quadrature
    u = np.outer(x, nodes[:, 0]) + m[:, None]
    value, prime = np.tanh(u), 1 - np.tanh(u) ** 2
    kernel = learn[0] * (value * weights) @ value.T + learn[1] / 3 * np.outer(x, x) * ((prime * weights) @ prime.T)
    kernel = kernel[:, :-2] * mu.weights
    target, g = DATA.mean_target[mu.states], np.zeros(len(x))
    for _ in range(n_steps):
        middle = g + t / n_steps / 2 * kernel @ (target - g[:-2])
        g = g + t / n_steps * kernel @ (target - middle[:-2])
    trained = pages.names("what-the-limit-does-not-see", "online", "trained")["trained"]
    start = rk.RNN.sample(law, n_units=4000, beta=0.75, rng=0, paired=True)
    network = trained(start, DATA.simulate(8000, rng=1), 1.0, learn=learn)
    np.testing.assert_allclose(network.predict([-1.0, 1.5], [-0.2, 0.4]), g[-2:], atol=0.03)
    if learn[:2] == (False, False):
        np.testing.assert_allclose(g, 0, atol=1e-15)
    elif learn[:2] == (True, True):
        np.testing.assert_allclose(g[-2:], limit.predict(t, [-1.0, 1.5], [-0.2, 0.4]), rtol=1e-4)
    else:  # a fifth or more away from the full kernel's limit somewhere, so the test can tell them apart
        full = limit.predict(t, [-1.0, 1.5], [-0.2, 0.4])
        assert np.abs(g[-2:] - full).max() > 0.045
