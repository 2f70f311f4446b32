"""Networks that read symbols, and their limit: against `train`, differences, slow twins, and scalar limits."""

import pickle
import re

import naive
import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax, softmax

import rnnkernel as rk

MEANS, DEVIATION = (-0.8, 0.2, 1.0), 0.6
LAW = rk.InitialLaw(
    output=stats.uniform(-1, 2),
    inputs=[stats.norm(mean, DEVIATION) for mean in MEANS],
    recurrent=stats.uniform(0.2, 1),
)
P = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]])
CHAIN = rk.MarkovChain(P)
GRADIENTS = {"squared": lambda f: f, "cross-entropy": softmax}


def pairs(n, rng):
    states = CHAIN.simulate(n + 1, rng=rng)
    return states[:-1], states[1:]


def prime(u):
    return 1 - np.tanh(u) ** 2


@pytest.fixture(scope="module")
def mu():
    data = rk.DataSequence(CHAIN, inputs=np.eye(3), targets=np.zeros(3))
    return rk.StationaryLaw(data, rk.MemoryMap(LAW))


def test_one_output_is_train_on_unit_vectors():
    x, _ = pairs(700, 1)
    y = np.random.default_rng(0).normal(size=700)
    one = rk.RNN.sample(LAW, n_units=70, beta=0.7, rng=3)
    symbol = rk.SymbolRNN.sample(LAW, n_units=70, beta=0.7, rng=3, n_outputs=1)
    assert np.array_equal(symbol.output[:, 0], one.output)
    expected = rk.train(one, (np.eye(3)[x], y), time=20.0, learning_rate=2.0, n_records=7)
    a, found = rk.train_symbols(symbol, (x, y[:, None]), time=20.0, learning_rate=2.0, loss="squared", n_records=7)
    b = expected.network
    pairings = ((a.output[:, 0], b.output), (a.inputs, b.inputs), (a.recurrent, b.recurrent), (a.hidden, b.hidden))
    for mine, theirs in (*pairings, (found.times, expected.times), (found.losses, expected.losses)):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(a.forecast(x)[:, 0], b.forecast(np.eye(3)[x]), rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", GRADIENTS)
def test_training_is_its_slow_twin(loss):
    x, y = pairs(60, 2)
    rnn = rk.SymbolRNN.sample(LAW, n_units=20, beta=0.8, rng=0)
    parts = rnn.output, rnn.inputs, rnn.recurrent, rnn.hidden
    for k in range(60):
        how = {"beta": 0.8, "alpha": 3.0, "sigma": np.tanh, "prime": prime, "gradient": GRADIENTS[loss]}
        parts = naive.symbol_step(*parts, x[k], np.eye(3)[y[k]], **how)
    found, _ = rk.train_symbols(rnn, (x, y), learning_rate=3.0, loss=loss)
    for mine, theirs in zip((found.output, found.inputs, found.recurrent, found.hidden), parts, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", GRADIENTS)
def test_a_step_is_the_gradient_of_the_loss(loss):
    """By central differences in every parameter, the state that the step starts from held fixed."""
    N, beta, x, y = 6, 0.7, 1, 2
    rng = np.random.default_rng(5)
    shapes = (N, 3), (N, 3), (N,)
    start, S = [rng.normal(size=shape) for shape in shapes], rng.normal(size=N)

    def value(parts):
        C, W, B = parts
        f = N**-beta * C.T @ np.tanh(W[:, x] + B @ S / N)
        return np.sum((np.eye(3)[y] - f) ** 2) / 2 if loss == "squared" else -log_softmax(f)[y]

    rnn = rk.SymbolRNN(*start, beta=beta, hidden=S)
    network, record = rk.train_symbols(rnn, ([x], [y]), learning_rate=1.0, loss=loss)
    np.testing.assert_allclose(record.losses, [value(start)], rtol=1e-13)
    after = network.output, network.inputs, network.recurrent
    for a, (old, new) in enumerate(zip(start, after, strict=True)):
        for place in np.ndindex(old.shape):
            moved = []
            for h in (1e-5, -1e-5):
                parts = [each.copy() for each in start]
                parts[a][place] += h
                moved.append(value(parts))
            slope = (moved[0] - moved[1]) / 2e-5
            assert new[place] - old[place] == pytest.approx(-slope / N ** (2 - 2 * beta), rel=0, abs=1e-9)


def test_two_runs_are_one_and_losses_are_means():
    data = pairs(30, 4)
    rnn = rk.SymbolRNN.sample(LAW, n_units=10, beta=0.75, rng=0)
    long, whole = rk.train_symbols(rnn, data, time=6.0, learning_rate=1.0, n_records=2)
    middle, first = rk.train_symbols(rnn, data, learning_rate=1.0, n_records=1)
    end, second = rk.train_symbols(middle, data, learning_rate=1.0, n_records=1)
    np.testing.assert_allclose(end.output, long.output, rtol=0, atol=1e-15)
    np.testing.assert_allclose([*first.losses, *second.losses], whole.losses, rtol=1e-13)
    assert rk.train_symbols(rnn, data, time=0.0, learning_rate=1.0)[1].losses.shape == (0,)


def test_paired_networks_start_at_zero():
    rnn = rk.SymbolRNN.sample(LAW, n_units=10, beta=0.75, rng=0, paired=True)
    assert np.ptp(rnn.output[:5], axis=0).min() > 0.1
    np.testing.assert_allclose(rnn.predict([0, 1, 2], 0.3), 0, atol=1e-16)


def test_forecast_follows_the_memory():
    rnn = rk.SymbolRNN.sample(LAW, n_units=30, beta=0.75, rng=0)
    limit = rk.SymbolLimit(pairs(100, 0), LAW)
    x = [2, 0, 1, 1]
    for thing, predict in ((rnn, rnn.predict), (limit, lambda s, m: limit.predict(3.0, s, m))):
        m, expected = 0.0, []
        for s in x:
            expected.append(predict(s, m)[0])
            m = thing.next_memory(s, m)[0]
        found = rnn.forecast(x) if thing is rnn else limit.forecast(3.0, x)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert rnn.forecast([]).shape == (0, 3)


def test_memory_is_the_memory_map_on_unit_vectors():
    x, _ = pairs(50, 0)
    phi = rk.MemoryMap(LAW)
    limit = rk.SymbolLimit((x, x), LAW)
    np.testing.assert_allclose(limit.trajectory(x), phi.trajectory(np.eye(3)[x]), rtol=0, atol=1e-7)  # 40³ nodes
    where = np.arange(3), [-0.2, 0.1, 0.5]
    np.testing.assert_allclose(limit.next_memory(*where), phi(np.eye(3), where[1]), rtol=0, atol=1e-7)


def test_kernel_is_one_for_all_outputs_and_none_between_two():
    """One step at z' moves output a at z by α K(z, z') e^a/N: means over units, within their errors."""
    N, alpha = 40_000, 1e-3
    rnn = rk.SymbolRNN.sample(LAW, n_units=N, beta=0.75, rng=0)
    S = np.tanh(np.random.default_rng(1).normal(size=N))
    rnn = rk.SymbolRNN(rnn.output, rnn.inputs, rnn.recurrent, beta=0.75, hidden=S)
    m = float(rnn.recurrent @ S / N)
    y = np.add(rnn.predict(1, m), [[1.0, 0.0, 0.0]])
    after, record = rk.train_symbols(rnn, ([1], y), learning_rate=alpha, loss="squared")
    assert record.losses == pytest.approx([0.5], rel=1e-12)
    z = [0, 1, 2], [0.4, -0.3, 0.1]
    moved = (after.predict(*z) - rnn.predict(*z)) * N / alpha
    K = rk.TangentKernel(LAW)(np.eye(3), z[1], np.eye(3)[1], m)
    spread = 1 / np.sqrt(N)  # |σσ' + CC'σ'σ'| ≤ 2, and its standard deviation is below 1
    np.testing.assert_allclose(moved, K * [[1.0, 0.0, 0.0]], rtol=0, atol=5 * spread)
    assert abs(K).max() > 10 * 5 * spread


@pytest.mark.parametrize("times", [2.0, [0.0, 5.0, 2.0]])
def test_squared_loss_is_one_scalar_limit_for_each_output(mu, times):
    limit = rk.SymbolLimit(mu, LAW, learning_rate=1.5, loss="squared")
    z = np.array([0, 2, 1]), np.array([0.3, -0.2, 0.1])
    scalar = [
        rk.KernelLimit(rk.DataSequence(CHAIN, inputs=np.eye(3), targets=P[:, a]), LAW, learning_rate=1.5)
        for a in range(3)
    ]
    expected = np.stack([each.predict(times, np.eye(3)[z[0]], z[1]) for each in scalar], axis=-1)
    found = limit.predict(times, *z)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)  # 40³ nodes for three weights, 96 for one
    variance = CHAIN.stationary_distribution @ (P * (1 - P)).sum(axis=1) / 2
    assert np.allclose(limit.loss(times), sum(each.loss(times) for each in scalar) + variance, rtol=0, atol=1e-6)


def test_record_with_squared_loss_is_scalar_limits_too():
    x, _ = pairs(400, 0)
    y = np.random.default_rng(0).normal(size=(400, 2))
    limit = rk.SymbolLimit((x, y), LAW, loss="squared")
    z = np.array([0, 2, 1]), np.array([0.3, -0.2, 0.1])
    for a in range(2):
        scalar = rk.KernelLimit((np.eye(3)[x], y[:, a]), LAW)
        expected = scalar.predict(4.0, np.eye(3)[z[0]], z[1])
        np.testing.assert_allclose(limit.predict(4.0, *z)[:, a], expected, rtol=0, atol=1e-6)
    assert not limit.predict(0.0, *z).any()
    assert limit.predict([], *z).shape == (0, 3, 2)
    assert pickle.loads(pickle.dumps(limit)) == limit
    rest = np.mean(np.sum((y - limit.forecast(4.0, x)) ** 2, axis=1)) / 2
    assert limit.loss(4.0) == pytest.approx(rest, abs=1e-9)


def test_cross_entropy_is_its_slow_twin():
    """Euler steps on all points, twice as many the second time, and their extrapolation."""
    x, y = pairs(150, 0)
    assert min(np.bincount(x)) > 24  # more points than nodes
    limit = rk.SymbolLimit((x, y), LAW, learning_rate=2.0)
    how = {"alpha": 2.0, "time": 8.0, "gradient": lambda g: softmax(g, axis=1)}
    setting = x, np.eye(3)[y], [(mean, DEVIATION) for mean in MEANS], 0.7, 1 / 3
    coarse, fine = (naive.symbol_flow(*setting, steps=steps, **how) for steps in (2000, 4000))
    found, expected = limit.forecast(8.0, x), 2 * fine - coarse
    assert abs(fine - coarse).max() > 1e-5
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    loss = -np.mean(log_softmax(found, axis=1)[np.arange(150), y])
    assert limit.loss(8.0) == pytest.approx(loss, abs=1e-9)


def test_loss_falls_to_the_entropy_rate(mu):
    """Above it always, and below the loss of any g* = Σ_j K(·, z_j) a_j, plus ‖g*‖²/2αt."""
    alpha, times = 2.0, np.array([0.0, 1.0, 10.0, 100.0, 1000.0])
    losses = rk.SymbolLimit(mu, LAW, learning_rate=alpha).loss(times)
    rate = -CHAIN.stationary_distribution @ (P * np.log(P)).sum(axis=1)
    assert losses[0] == pytest.approx(np.log(3), abs=1e-12)
    assert (np.diff(losses) < 0).all()
    assert (losses > rate).all()

    kernel, x = rk.TangentKernel(LAW), np.eye(3)
    middle = [mu.mean(lambda x, m, s=s: m * x[:, s]) / CHAIN.stationary_distribution[s] for s in range(3)]
    K = kernel(x, middle, x, middle)
    a = np.linalg.solve(K, np.log(P))
    g = kernel(mu.inputs, mu.memory, x, middle) @ a
    best = -mu.weights @ np.sum(P[mu.states] * log_softmax(g, axis=1), axis=1)
    square = np.sum(a * (K @ a))
    assert (losses[1:] <= best + square / (2 * alpha * times[1:])).all()
    assert losses[-1] - rate < 0.05 * (losses[0] - rate)


def test_loss_falls_at_the_rate_of_its_gradient():
    """At t = 0: d/dt E ℓ = −α Σ_a ∫∫ e^a K e^a with e = y − 1/p."""
    x, y = pairs(200, 0)
    limit = rk.SymbolLimit((x, y), LAW, learning_rate=2.0)
    h = 1e-4
    m = limit.trajectory(x)[:-1]
    K = rk.TangentKernel(LAW)(np.eye(3)[x], m, np.eye(3)[x], m)
    e = np.eye(3)[y] - 1 / 3
    slope = -2.0 * np.sum(e * (K @ e)) / 200**2
    losses = limit.loss([0.0, h, 2 * h])
    assert (-3 * losses[0] + 4 * losses[1] - losses[2]) / (2 * h) == pytest.approx(slope, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("loss", GRADIENTS)
def test_networks_approach_the_limit_like_one_over_root_n(loss):
    limit = rk.SymbolLimit(pairs(50_000, 99), LAW, learning_rate=2.0, loss=loss)
    z = [0, 1, 2], [0.2, 0.1, -0.1]
    target = limit.predict(3.0, *z)
    widths, errors = np.array([100, 400, 1600]), []
    for N in widths:
        misses = []
        for seed in range(40):
            rnn = rk.SymbolRNN.sample(LAW, n_units=int(N), beta=0.75, rng=seed, paired=True)
            trained, _ = rk.train_symbols(rnn, pairs(3 * int(N), 1000 + seed), learning_rate=2.0, loss=loss)
            misses.append(trained.predict(*z) - target)
        errors.append(np.sqrt(np.mean(np.square(misses))))
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert abs(slope + 0.5) < 0.1
    assert errors[-1] < 0.1 * abs(target).max()


def test_symbols_that_never_come_and_a_memory_that_stands_still():
    silent = rk.InitialLaw(LAW.output, list(LAW.inputs), stats.uniform(-0.5, 1))
    limit = rk.SymbolLimit(([0, 1] * 40, [1, 0] * 40), silent)
    assert not limit.trajectory([0, 1, 2]).any()
    found = softmax(limit.predict(200.0, [0, 1, 2], 0.0), axis=1)
    assert found[0].argmax() == 1
    assert found[1].argmax() == 0
    assert np.isfinite(found).all()


def test_divergence_is_told():
    rnn = rk.SymbolRNN.sample(LAW, n_units=10, beta=0.75, rng=0)
    with pytest.raises(rk.DivergenceError, match="diverged at step") as caught:
        rk.train_symbols(rnn, pairs(50, 0), time=100.0, learning_rate=1e4, loss="squared")
    assert 0 < caught.value.step < 1000
    assert len(caught.value.record.losses) == len(caught.value.record.times)


GOOD = rk.SymbolRNN.sample(LAW, n_units=10, beta=0.75, rng=0)
SKEWED = rk.InitialLaw(stats.uniform(0, 1), list(LAW.inputs), LAW.recurrent)
ENTANGLED = rk.InitialLaw(LAW.output, list(LAW.inputs), lambda W: W[:, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rk.SymbolRNN([[1.0]], [[1.0], [1.0]], [1.0], beta=0.7), "inputs must hold 1 units"),
        (lambda: rk.SymbolRNN.sample(None, n_units=1, beta=0.7, rng=0), "law must be an InitialLaw"),
        (lambda: rk.train_symbols(None, ([0], [0]), learning_rate=1.0), "rnn must be a SymbolRNN"),
        (lambda: rk.train_symbols(GOOD, ([0, 3], [0, 0]), learning_rate=1.0), "symbols from 0 to 2, not 0 to 3"),
        (lambda: rk.train_symbols(GOOD, ([0], [0, 1]), learning_rate=1.0), "as many targets as symbols"),
        (lambda: rk.train_symbols(GOOD, ([], []), learning_rate=1.0), "as many targets as symbols"),
        (lambda: rk.train_symbols(GOOD, ([0], [0]), learning_rate=1.0, loss="hinge"), "loss must be one of"),
        (lambda: rk.train_symbols(GOOD, ([0], [[0.0] * 3]), learning_rate=1.0), "for the squared loss have shape"),
        (lambda: rk.SymbolLimit(([0], [0]), None), "law must be an InitialLaw"),
        (lambda: rk.SymbolLimit(([0], [0]), SKEWED), "E[C] is 0.5"),
        (lambda: rk.SymbolLimit(([0], [0]), ENTANGLED), "independent of the input weights"),
        (lambda: rk.SymbolLimit(([0], [0]), LAW).predict(1.0, 3, 0.0), "symbols from 0 to 2"),
        (lambda: rk.SymbolLimit(([0], [0]), LAW).predict(-1.0, 0, 0.0), "must not be negative"),
        (lambda: rk.SymbolLimit(([0], [0]), LAW).predict(1.0, [0, 1], [0.0] * 3), "same number of points, not 2 and 3"),
        (lambda: GOOD.predict(0, np.nan), "memory must"),
        (lambda: rk.train_symbols(GOOD, ([0], 0), learning_rate=1.0), "as many targets as symbols"),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        call()


def test_a_law_of_other_inputs_is_refused(mu):
    with pytest.raises(ValueError, match="memory map of law"):
        rk.SymbolLimit(
            mu, SKEWED if SKEWED.output_mean == 0 else rk.InitialLaw(LAW.output, LAW.inputs[0], LAW.recurrent, 3)
        )
    with pytest.raises(ValueError, match="memory map of law and activation"):
        rk.SymbolLimit(mu, mu.memory_map.law, "erf")


def test_a_chain_of_one_symbol_tells_nothing():
    law = rk.InitialLaw(LAW.output, LAW.inputs[:1], LAW.recurrent)
    mu = rk.StationaryLaw(rk.DataSequence(rk.MarkovChain([[1.0]]), [1.0], [1.0]), rk.MemoryMap(law))
    assert rk.SymbolLimit(mu, law).loss([0.0, 5.0]).tolist() == [0.0, 0.0]
