"""What the chapter *What the limit does not see* states, against the package and against definitions."""

import itertools

import naive
import numpy as np
import pages
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

POINTS = {"x": [-1.0, -1.0, 1.0, 1.0], "memory": [-0.3, 0.1, -0.1, 0.3]}


def recall(delay):
    pasts = list(itertools.product([-1.0, 1.0], repeat=delay + 1))
    P = [[0.5 * (new[1:] == old[:-1]) for new in pasts] for old in pasts]
    return rk.DataSequence(rk.MarkovChain(P), [past[0] for past in pasts], [past[-1] for past in pasts])


@pytest.fixture(scope="module")
def chapter():
    """The chapter's own training."""
    return pages.names("what-the-limit-does-not-see", "online", "trained")


def slope(W, x, m):
    return 1 - np.tanh(np.multiply.outer(x, W) + m) ** 2


def test_sensitivities_give_the_gradient_of_full_backpropagation(chapter):
    """The stated gradient against a chain rule that runs backwards, finite differences, and the chapter's code."""
    rng = np.random.default_rng(0)
    N, beta, x = 6, 0.7, rng.normal(size=12)
    C, W, B, S = (rng.normal(size=N) for _ in range(4))
    *_, (p_W, p_B, _, D, S_next) = naive.sensitivities(C, W, B, S, x)
    q = C @ D / N
    stated = [N**-beta * each for each in (S_next, C * D * x[-1] + N * q * p_W, N * q * p_B)]
    sigma, prime = np.tanh, lambda u: 1 - np.tanh(u) ** 2
    backwards = naive.gradient(C, W[:, None], B, S, x[:, None], beta, sigma, prime)
    for one, other in zip(stated, backwards, strict=True):
        np.testing.assert_allclose(one, other.reshape(N), rtol=1e-10, atol=1e-14)

    def forecast(c, w, b):
        return naive.replayed_output(c, w[:, None], b, S, x[:, None], beta, sigma)

    for i, (each, h) in enumerate(itertools.product(range(3), np.eye(N))):
        change = [h * 1e-5 if j == each else 0 for j in range(3)]
        up, down = (forecast(*(p + s * d for p, d in zip((C, W, B), change, strict=True))) for s in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(stated[each][i % N], rel=1e-6, abs=1e-9)

    y, rates = rng.normal(size=12), np.zeros(12)
    rates[-1] = 0.5
    rnn = rk.RNN(C, W, B, beta=beta, hidden=S)
    forward = chapter["trained"](rnn, (x, y), rates, look_back=True)
    waiting = rk.train(rnn, (x[:-1], y[:-1]), learning_rate=0.0, truncation=12).network
    backward = rk.train(waiting, (x[-1:], y[-1:]), learning_rate=0.5, truncation=12).network
    for name, change in zip(("output", "inputs", "recurrent"), stated, strict=True):
        new, old = getattr(forward, name), getattr(rnn, name)
        np.testing.assert_allclose(new, getattr(backward, name), rtol=0, atol=1e-12)
        move = 0.5 / N ** (2 - 2 * beta) * (y[-1] - forecast(C, W, B))
        np.testing.assert_allclose((new - old).ravel(), move * change, rtol=1e-7, atol=1e-12)


def test_the_chapters_code_without_look_back_is_the_packages(chapter):
    x, y = DATA.simulate(300, rng=0)
    rnn = rk.RNN.sample(LAW, n_units=40, beta=0.75, rng=1)
    ours = chapter["trained"](rnn, (x, y), 1.0)
    theirs = rk.train(rnn, (x, y), learning_rate=1.0).network
    for name in ("output", "inputs", "recurrent", "hidden"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-12)


def test_common_factor_is_the_slope_of_the_forecast():
    """q = N^(β−1) ∂_m ŷ, exactly; and after training, as N grows, N^(1−β) q is ∂_m g_t of the limit."""
    limit = rk.KernelLimit(recall(1), LAW)
    h = 1e-5
    up, down = (limit.predict(3.0, POINTS["x"], np.array(POINTS["memory"]) + s * h) for s in (1, -1))
    start = rk.RNN.sample(LAW, n_units=6400, beta=0.6, rng=3, paired=True)
    network = rk.train(start, recall(1), time=3.0, learning_rate=1.0, rng=4).network
    q = slope(network.inputs[:, 0], POINTS["x"], np.array(POINTS["memory"])[:, None]) @ network.output / 6400
    high, low = (network.predict(POINTS["x"], np.array(POINTS["memory"]) + s * h) for s in (1, -1))
    np.testing.assert_allclose(q, 6400**-0.4 * (high - low) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(6400**0.4 * q, (up - down) / (2 * h), rtol=0.12)


def assert_trained_step_by_step(start, x, y, *, alpha, tau, clip=np.inf):
    """All weights after training are those of the definition of the rule."""
    sigma, prime = np.tanh, lambda u: 1 - np.tanh(u) ** 2
    weights = start.output, start.inputs, start.recurrent, start.hidden
    how = {"beta": start.beta, "alpha": alpha, "sigma": sigma, "prime": prime, "tau": tau, "clip": clip}
    *expected, _, _, _ = naive.train(*weights, x[:, None], y, **how)
    end = rk.train(start, (x, y), learning_rate=alpha, truncation=tau, clip=None if clip == np.inf else clip).network
    for found, other, first in zip((end.output, end.inputs, end.recurrent), expected, weights[:3], strict=True):
        np.testing.assert_allclose(found - first, other - first, rtol=1e-7, atol=1e-12)


def test_all_rules_share_one_limit(chapter):
    """τ = 1, τ = 6, RTRL, full back-propagation and B frozen: within three predicted deviations of the limit."""
    for tau in (1, 6, 40):  # each rule is the one that it is called
        assert_trained_step_by_step(
            rk.RNN.sample(LAW, n_units=12, beta=0.75, rng=0), *DATA.simulate(40, rng=1), alpha=1.0, tau=tau
        )
    N, t = 1000, 2.0
    limit = rk.KernelLimit(DATA, LAW)
    at = {"x": [-1.0, 1.5], "memory": [-0.2, 0.4]}
    spread = limit.fluctuations([t], **at).std(n_units=N, beta=0.75, paired=True)[0]
    start = rk.RNN.sample(LAW, n_units=N, beta=0.75, rng=5, paired=True)
    x, y = DATA.simulate(round(t * N), rng=6)
    learned = {tau: rk.train(start, (x, y), learning_rate=1.0, truncation=tau).network for tau in (1, 6, 40)}
    learned["RTRL"] = chapter["trained"](start, (x, y), 1.0, look_back=True)
    learned["B frozen"] = chapter["trained"](start, (x, y), 1.0, learn=(True, True, False))
    for rule, network in learned.items():
        assert (np.abs(network.predict(**at) - limit.predict(t, **at)) < 3.5 * spread).all(), rule
    # RTRL uses sensitivities from a little earlier parameters, so it is close to full back-propagation, and not equal.
    back, forward = (learned[rule].predict(**at) - learned[1].predict(**at) for rule in (40, "RTRL"))
    assert np.abs(back).max() > 0
    np.testing.assert_allclose(forward, back, rtol=0.2)


@pytest.mark.parametrize("beta", [0.6, 0.75, 0.9])
def test_looking_back_matters_as_n_to_the_2_beta_minus_2(beta):
    """The difference, times N^(2−2β), neither grows nor vanishes from N = 100 to 1600; and is the same for each β."""
    scaled = []
    for N in (100, 1600):
        squares = []
        for seed in range(4):
            start = rk.RNN.sample(LAW, n_units=N, beta=beta, rng=seed, paired=True)
            ends = [
                rk.train(start, recall(1), time=1.0, learning_rate=5.0, rng=50 + seed, truncation=tau).network
                for tau in (1, 4)
            ]
            squares.append(np.mean((ends[1].predict(**POINTS) - ends[0].predict(**POINTS)) ** 2))
        scaled.append(N ** (2 - 2 * beta) * np.sqrt(np.mean(squares)))
    assert 0.5 < scaled[1] / scaled[0] < 1.5
    assert 0.05 < scaled[1] < 0.12


@pytest.mark.parametrize("truncation", [1, 5])
def test_training_at_any_beta_is_training_at_another(truncation):
    N, weights = 60, LAW.sample(60, rng=0)
    x, y = DATA.simulate(400, rng=1)
    start = rk.RNN(*weights, beta=0.6)
    assert_trained_step_by_step(start, x[:30], y[:30], alpha=0.7, tau=truncation, clip=0.8)
    runs = {
        beta: rk.train(
            rk.RNN(*weights, beta=beta),
            (x, N ** (0.6 - beta) * y),
            learning_rate=0.7,
            truncation=truncation,
            clip=0.8 * N ** (0.6 - beta),
        ).network
        for beta in (0.3, 0.6, 1.0)
    }
    for beta in (0.3, 1.0):
        for name in ("output", "inputs", "recurrent", "hidden"):
            np.testing.assert_allclose(getattr(runs[beta], name), getattr(runs[0.6], name), rtol=1e-8, atol=1e-10)
        ratio = runs[beta].predict(**POINTS) / runs[0.6].predict(**POINTS)
        np.testing.assert_allclose(ratio, N ** (0.6 - beta), rtol=1e-7)
    assert np.abs(runs[0.6].output - weights[0]).max() > 0.05


def test_at_one_half_the_limit_is_gaussian():
    """600 networks at β = ½: standard deviation and normal law; and the distance to the solution from their own start.

    The latter is what data and finite width leave, which is of order N^(−1/2).
    """
    N, t = 400, 1.0
    limit = rk.KernelLimit(DATA, LAW)
    fluct = limit.fluctuations([t], x=[-1.0], memory=[-0.2])
    mu, modes = limit.stationary, limit.eigenfunctions(limit.stationary.inputs, limit.stationary.memory)
    at_point = limit.eigenfunctions([-1.0], [-0.2])[0]
    errors = []
    for seed in range(600):
        start = rk.RNN.sample(LAW, n_units=N, beta=0.5, rng=seed)
        first = start.predict(mu.inputs, mu.memory)
        share = -np.expm1(-limit.eigenvalues * t)
        kept = start.predict(-1.0, -0.2)[0] - at_point @ (share * ((modes.T * mu.weights) @ first))
        end = rk.train(start, DATA, time=t, learning_rate=1.0, rng=3000 + seed).network.predict(-1.0, -0.2)[0]
        errors.append([end - fluct.prediction[0, 0], end - fluct.prediction[0, 0] - kept])
    plain, own = np.array(errors).T
    predicted = fluct.std(n_units=N, beta=0.5)[0, 0]
    assert predicted**2 > fluct.initial_output[0, 0]  # data and units add to it
    assert plain.std() == pytest.approx(predicted, rel=4 / np.sqrt(1200))
    assert stats.kstest(plain / predicted, "norm").pvalue > 1e-3
    assert own.std() == pytest.approx(np.sqrt(predicted**2 - fluct.initial_output[0, 0]), rel=4 / np.sqrt(1200))
    assert own.std() < 0.4 * plain.std()
    assert fluct.initial_output[0, 0] > 0.8 * predicted**2


def test_variance_of_the_random_limit_from_its_definition():
    """V^G = E[C²] E_λ[(e^{−αtT} σ_W)(z)²], with ∂_t h = −α T h solved by small steps on the nodes of μ."""
    t, n_steps, alpha = 1.0, 400, 0.8
    limit = rk.KernelLimit(DATA, LAW, learning_rate=alpha)
    mu = limit.stationary
    x, m = np.append(mu.inputs, 1.5), np.append(mu.memory, 0.4)
    W, weights = LAW.quadrature
    h = np.tanh(np.outer(x, W[:, 0]) + m[:, None])
    T = limit.kernel(x, m, mu.inputs, mu.memory) * mu.weights
    for _ in range(n_steps):  # the midpoint rule
        middle = h - alpha * t / n_steps / 2 * T @ h[:-1]
        h = h - alpha * t / n_steps * T @ middle[:-1]
    expected = LAW.output_square * weights @ h[-1] ** 2
    assert limit.fluctuations([t], [1.5], [0.4]).initial_output[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_mean_of_output_weights_diverges_with_its_sign():
    N, at = 200_000, {"x": [-1.0, 1.5], "memory": [-0.2, 0.4]}
    nodes, weights = LAW.quadrature
    u = np.outer(at["x"], nodes[:, 0]) + np.array(at["memory"])[:, None]
    for mean in (0.5, -0.25):
        law = rk.InitialLaw(stats.uniform(mean - 1, 2), LAW.inputs[0], LAW.recurrent)
        with pytest.warns(UserWarning, match="C"):
            network = rk.RNN.sample(law, n_units=N, beta=0.75, rng=0)
        expected = mean * np.tanh(u) @ weights
        np.testing.assert_allclose(N**-0.25 * network.predict(**at), expected, atol=5 / np.sqrt(N))
        assert np.sign(expected).tolist() == [-np.sign(mean), np.sign(mean)]
        q = slope(network.inputs[:, 0], at["x"], np.array(at["memory"])[:, None]) @ network.output / N
        np.testing.assert_allclose(q, mean * (1 - np.tanh(u) ** 2) @ weights, atol=5 / np.sqrt(N))


def test_what_is_left_of_a_centred_memory():
    """The variance of φ^N(x, 0), exactly; and what lies beyond the last input, below its bound of order 1/N."""
    b, x = 0.6, np.tile([1.0, -1.0, -1.0, 1.0, 1.0], 4)
    law = rk.InitialLaw(LAW.output, LAW.inputs[0], stats.uniform(-b, 2 * b))
    nodes, weights = law.quadrature
    B_square, L_2 = b**2 / 3, 4 / (3 * np.sqrt(3))
    ratios = []
    for N in (50, 800):
        first, beyond = [], []
        for seed in range(600):
            network = rk.RNN.sample(law, n_units=N, beta=0.75, rng=seed)
            alone = np.tanh(np.outer(x, network.inputs[:, 0])) @ network.recurrent / N
            first.append(alone[0] ** 2)
            beyond.append(np.abs(network.trajectory(x)[1:] - alone))
        expected = B_square * (weights @ np.tanh(nodes[:, 0]) ** 2) / N
        assert np.mean(first) == pytest.approx(expected, rel=4 * np.sqrt(2 / 600))
        nu = np.sqrt(B_square / N) / (1 - b)
        bound = np.sqrt(B_square / N) * nu + L_2 * b / 2 * nu**2
        worst = np.mean(beyond, axis=0).max()
        assert worst <= bound <= 60 * worst
        ratios.append(N * worst)
    assert ratios[1] == pytest.approx(ratios[0], rel=0.25)


def mean_loss(n_units, beta, truncation, *, time, alpha):
    """The loss on fresh coin tosses after training to recall two steps, over four networks."""
    x, y = recall(2).simulate(4000, rng=0)
    losses = []
    for seed in range(4):
        start = rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=seed, paired=True)
        run = rk.train(start, recall(2), time=time, learning_rate=alpha, rng=100 + seed, truncation=truncation)
        losses.append(np.mean((y - run.network.forecast(x)) ** 2) / 2)
    return np.mean(losses)


def test_looking_back_teaches_narrow_networks_what_to_remember():
    """At β = ¾ it helps 100 units, and 1000 of them come near the limit; at β = 1 it learns what nothing else does."""
    lazy = {tau: mean_loss(100, 0.75, tau, time=12.0, alpha=5.0) for tau in (1, 6)}
    assert lazy[6] < lazy[1] - 0.03
    x, y = recall(2).simulate(4000, rng=0)
    limit = np.mean((y - rk.KernelLimit(recall(2), LAW, learning_rate=5.0).forecast(12.0, x)) ** 2) / 2
    assert mean_loss(1000, 0.75, 6, time=12.0, alpha=5.0) == pytest.approx(limit, abs=0.04)
    free = {tau: mean_loss(100, 1.0, tau, time=900.0, alpha=1.0) for tau in (1, 6)}
    assert free[6] < 0.1
    assert free[1] > 0.4
