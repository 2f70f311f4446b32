import pickle
import tracemalloc
from itertools import pairwise

import autograd
import autograd.numpy as anp
import naive
import numpy as np
import pytest
from reference import CHAIN
from test_network import ROOT, SIGMAS, law, network, sequence

import rnnkernel as rk
from rnnkernel import training

PRIMES = {"tanh": lambda u: 1 - np.tanh(u) ** 2, "logistic": lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2}


def weights(rnn):
    return rnn.output, rnn.inputs, rnn.recurrent, rnn.hidden


def twin(rnn, x, y, alpha, **options):
    sigma = rnn.activation.name
    return naive.train(
        *weights(rnn), x, y, beta=rnn.beta, alpha=alpha, sigma=SIGMAS[sigma], prime=PRIMES[sigma], **options
    )


def assert_same(found, expected, rtol):
    """Equal to rtol of the largest entry of each array."""
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.abs(b).max())


@pytest.mark.parametrize("sigma", ["tanh", "logistic"])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("tau", [1, 3])
@pytest.mark.parametrize(("n_units", "n_steps"), [(23, 10_000), (500, 300)])
def test_train_is_its_naive_twin(sigma, d, tau, n_units, n_steps):
    rnn = network(n_units, d, sigma)
    x, y = sequence(n_steps, d)
    run = rk.train(rnn, (x, y), learning_rate=1.0, truncation=tau, n_records=n_steps)
    *expected, outputs, _ = twin(rnn, x, y, 1.0, tau=tau)
    assert_same(weights(run.network), expected, 1e-12)
    assert_same([run.losses], [0.5 * (y - outputs) ** 2], 1e-12)
    moved = np.abs(run.network.recurrent - rnn.recurrent).max()
    assert moved > 1e-4  # the comparison of B means something


@pytest.mark.parametrize("sigma", ["erf", ROOT])
def test_train_is_repeated_steps(sigma):
    rnn, (x, y) = network(d=2, sigma=sigma), sequence(20, 2)
    stepped = rnn
    for xk, yk in zip(x, y, strict=True):
        stepped = stepped.step(xk, yk, learning_rate=2.0)
    assert_same(weights(rk.train(rnn, (x, y), learning_rate=2.0).network), weights(stepped), 1e-13)


def last_move(rnn, x, y, tau):
    """Parameters before the last step, the state the replay starts from, and the last move divided by its rate."""
    before = rk.train(rnn, (x[:-1], y[:-1]), learning_rate=2.0, truncation=tau).network
    after = rk.train(before, (x[-1:], y[-1:]), learning_rate=2.0, truncation=tau).network
    start = twin(rnn, x[:-tau], y[:-tau], 2.0, tau=tau)[3]
    e = y[-1] - before.forecast(x[-1:])[0]
    rate = 2.0 / rnn.n_units ** (2 - 2 * rnn.beta) * e
    return (
        weights(before)[:3],
        start,
        [(b - a) / rate for a, b in zip(weights(before)[:3], weights(after)[:3], strict=True)],
    )


@pytest.mark.parametrize("sigma", ["tanh", "logistic"])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("tau", [1, 2, 4])
def test_gradients_equal_finite_differences_and_automatic_differentiation(sigma, d, tau):
    rnn, (x, y) = network(7, d, sigma), sequence(9, d)
    theta, start, moves = last_move(rnn, x, y, tau)
    smooth = {"tanh": anp.tanh, "logistic": lambda u: 1 / (1 + anp.exp(-u))}[sigma]

    def output(C, W, B):
        return naive.replayed_output(C, W, B, start, x[-tau:], rnn.beta, smooth, anp.dot)

    assert_same(moves, [autograd.grad(output, i)(*theta) for i in range(3)], 1e-10)
    for i, move in enumerate(moves):
        direction = np.random.default_rng(i).normal(size=move.shape)
        high, low = ([t + s * direction if j == i else t for j, t in enumerate(theta)] for s in (1e-5, -1e-5))
        assert (move * direction).sum() == pytest.approx((output(*high) - output(*low)) / 2e-5, rel=1e-6)


def test_clipping_bounds_the_updates_and_not_the_losses():
    rnn, (x, y) = network(), sequence(200, 1)
    run = rk.train(rnn, (x, 10 * y), learning_rate=1.0, clip=0.5, n_records=200)
    *expected, outputs, _ = twin(rnn, x, 10 * y, 1.0, clip=0.5)
    assert_same(weights(run.network), expected, 1e-12)
    assert_same([run.losses], [0.5 * (10 * y - outputs) ** 2], 1e-12)
    assert (run.losses > 0.5**3).any()


def test_records():
    rnn, (x, y) = network(20), sequence(50, 1)
    each = rk.train(rnn, (x, y), learning_rate=1.0, n_records=1000)
    np.testing.assert_allclose(each.times, np.arange(1, 51) / 20)
    few = rk.train(rnn, (x, y), learning_rate=1.0, n_records=4, points=([0.5, -1.0], [0.1, 0.2]))
    np.testing.assert_allclose(few.times, np.array([12, 25, 37, 50]) / 20)
    stops = [0, 12, 25, 37, 50]
    means = [each.losses[a:b].mean() for a, b in pairwise(stops)]
    np.testing.assert_allclose(few.losses, means, rtol=1e-12)
    for at, predicted in zip(stops[1:], few.predictions, strict=True):
        then = rk.train(rnn, (x[:at], y[:at]), learning_rate=1.0).network
        np.testing.assert_allclose(predicted, then.predict([0.5, -1.0], [0.1, 0.2]), rtol=1e-12)
    assert each.predictions is None


@pytest.mark.parametrize("tau", [1, 3])
def test_recording_and_progress_do_not_change_a_bit(tau, capsys):
    rnn, (x, y) = network(300, 2), sequence(70, 2)
    plain = rk.train(rnn, (x, y), learning_rate=1.0, truncation=tau, n_records=3)
    watched = rk.train(
        rnn, (x, y), learning_rate=1.0, truncation=tau, n_records=50, points=([[0.0, 1.0]], 0.0), progress=True
    )
    for a, b in zip(weights(plain.network), weights(watched.network), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "70/70" in capsys.readouterr().err


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("tau", [1, 2, 5])
def test_two_runs_equal_one_long_run(tau, d):
    rnn, (x, y) = network(d=d), sequence(60, d)
    whole = rk.train(rnn, (x, y), learning_rate=3.0, truncation=tau).network
    for cut in (1, 3, 31):
        first = rk.train(rnn, (x[:cut], y[:cut]), learning_rate=3.0, truncation=tau).network
        second = rk.train(first, (x[cut:], y[cut:]), learning_rate=3.0, truncation=tau).network
        assert_same(weights(second), weights(whole), 1e-12)


def test_given_sequence_runs_in_cycles():
    rnn, (x, y) = network(20), sequence(30, 1)
    cycled = rk.train(rnn, (x[:, 0], y), learning_rate=1.0, time=3.6)
    unrolled = rk.train(rnn, (np.tile(x, (3, 1))[:72], np.tile(y, 3)[:72]), learning_rate=1.0)
    for a, b in zip(weights(cycled.network), weights(unrolled.network), strict=True):
        np.testing.assert_array_equal(a, b)
    assert cycled.times[-1] == 3.6


def test_same_seed_same_bits_and_nothing_is_changed():
    data = rk.DataSequence(CHAIN, [-1.0, 1.5], [[-1.0, 1.5]] * 2, noise=0.1)
    rnn = network(400)
    before = [w.copy() for w in weights(rnn)]
    first, again, other = (rk.train(rnn, data, time=1.0, learning_rate=1.0, rng=seed).network for seed in (5, 5, 6))
    x, y = data.simulate(400, rng=5)
    given = rk.train(rnn, (x, y), learning_rate=1.0).network
    for a, b, c, d in zip(weights(first), weights(again), weights(given), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not np.array_equal(a, d)
    for a, b in zip(weights(rnn), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_zero_steps_and_zero_rate():
    rnn, (x, y) = network(), sequence(10, 1)
    still = rk.train(rnn, (x, y), learning_rate=1.0, time=0.0)
    assert still.times.shape == still.losses.shape == (0,)
    assert_same(weights(still.network), weights(rnn), 0)
    frozen = rk.train(rnn, (x, y), learning_rate=0.0)
    assert_same(weights(frozen.network)[:3], weights(rnn)[:3], 0)
    assert frozen.network.memory == pytest.approx(rnn.trajectory(x)[-1], rel=1e-12)
    np.testing.assert_allclose(frozen.losses, 0.5 * (y - rnn.forecast(x)) ** 2, rtol=1e-12)


@pytest.mark.parametrize("tau", [1, 2])
def test_divergence_says_where_and_keeps_the_record(tau):
    rnn, (x, y) = network(20), sequence(400, 1)
    with pytest.raises(
        rk.DivergenceError, match=r"diverged at step \d+ of 400, t = .* learning_rate below 500"
    ) as raised:
        rk.train(rnn, (x, y), learning_rate=500.0, truncation=tau, n_records=100, points=(0.0, 0.0))
    error = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(error, FloatingPointError)
    short = rk.train(rnn, (x[: error.step], y[: error.step]), learning_rate=500.0, truncation=tau, n_records=1000)
    whole = error.step // 4
    assert whole > 1
    np.testing.assert_allclose(error.record.times, 4 * np.arange(1, whole + 1) / 20)
    np.testing.assert_allclose(error.record.losses, short.losses[: 4 * whole].reshape(-1, 4).mean(axis=1), rtol=1e-6)
    assert error.record.predictions.shape == (whole, 1)
    assert np.sqrt(2 * short.losses.max()) < 1e100
    rk.train(rnn, (x, y), learning_rate=500.0, truncation=tau, clip=1e-3)
    with pytest.raises(rk.DivergenceError):
        rk.train(rnn, [(x, y), (x, y)], learning_rate=500.0, batch=True)


def test_it_learns_what_can_be_learned():
    data = rk.DataSequence(rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]), [-1.0, 1.0], [-0.5, 0.5])
    run = rk.train(rk.RNN.sample(law(), n_units=500, beta=0.75, rng=0), data, time=20.0, learning_rate=1.0, rng=1)
    assert run.losses[0] > 0.05
    assert run.losses[-1] < 1e-3


XY = (np.zeros(5), np.zeros(5))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rnn": "rnn"}, TypeError, "rnn must be an RNN, not str"),
        ({"learning_rate": -0.1}, ValueError, "learning_rate must be at least 0, not -0.1"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be at least 0, not nan"),
        ({"truncation": 0}, ValueError, "truncation must be an integer of at least 1, not 0"),
        ({"truncation": 1.5}, TypeError, "truncation must be an integer, not 1.5"),
        ({"clip": 0.0}, ValueError, "clip must be greater than 0, not 0.0"),
        ({"n_records": 0}, ValueError, "n_records must be an integer of at least 1, not 0"),
        ({"time": -1.0}, ValueError, "time must be at least 0 and at most .*, not -1.0"),
        ({"data": (np.zeros(5), np.zeros(4))}, ValueError, "as many targets as inputs, not 4 and 5"),
        ({"data": (np.zeros((5, 2)), np.zeros(5))}, ValueError, r"x of data must have shape \(n, 1\), not \(5, 2\)"),
        ({"data": (np.zeros(2), [0.0, np.inf])}, ValueError, r"y of data must be finite, but y of data\[1\] is inf"),
        (
            {"data": ([0.0, np.nan], np.zeros(2))},
            ValueError,
            r"x of data\[1\] is nan: no step can do without its input",
        ),
        (
            {"data": [XY, ([0.0, np.nan], [0.0, 0.0])]},
            ValueError,
            r"x of data\[1\]\[1\] is nan: no step can do without",
        ),
        ({"data": [XY, ([], [])]}, ValueError, r"records of at least one step, but data\[1\] has none"),
        ({"data": iter([XY, 3])}, TypeError, "each part of data must be a pair, not 3"),
        ({"data": (np.zeros(5),)}, ValueError, r"data must be a pair \(x, y\), not of length 1"),
        ({"data": (np.zeros(0), np.zeros(0)), "time": 1.0}, ValueError, "data must hold at least one input"),
        ({"data": np.zeros(5)}, TypeError, r"data must be a pair \(x, y\), a list of pairs, an iterator of pairs, or"),
        ({"batch": 2}, TypeError, "batch must be True or False, not 2"),
        ({"batch": True}, TypeError, r"data must be a list of pairs \(x, y\) if batch=True"),
        ({"batch": True, "data": [XY, XY], "truncation": 2}, ValueError, "truncation must be 1 if batch=True, not 2"),
        ({"batch": True, "data": [XY, ([0.0], [0.0])]}, ValueError, "sequences of one length if batch=True"),
        ({"batch": True, "data": [([], []), ([], [])]}, ValueError, "records of at least one step"),
        ({"callback": 3}, TypeError, "callback must be a function of the run until then"),
        ({"callback": lambda run: run}, TypeError, "what callback returns must be True or False"),
        ({"points": ([0.0, 1.0], [0.0, 1.0, 2.0])}, ValueError, "same number of points, not 2 and 3"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    given = {"rnn": network(), "data": XY, "learning_rate": 1.0} | arguments
    with pytest.raises(error, match=message):
        rk.train(given.pop("rnn"), given.pop("data"), **given)


@pytest.mark.parametrize("tau", [1, 3])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_a_step_without_a_target_learns_nothing(tau, clip):
    rnn, (x, y) = network(1200, 2), sequence(60, 2)
    y[[0, 7, 8, 59]] = np.nan
    run = rk.train(rnn, (x, y), learning_rate=3.0, truncation=tau, clip=clip, n_records=20)
    *expected, outputs, _ = twin(rnn, x, y, 3.0, tau=tau, clip=clip or np.inf)
    assert_same(weights(run.network), expected, 1e-12)
    assert_same([run.losses], [np.nanmean(0.5 * (y - outputs).reshape(20, 3) ** 2, axis=1)], 1e-12)
    silent = rk.train(rnn, (x, np.full(60, np.nan)), learning_rate=3.0, truncation=tau, n_records=2)
    assert np.isnan(silent.losses).all()
    assert_same(weights(silent.network)[:3], weights(rnn)[:3], 0)
    assert silent.network.memory == pytest.approx(rnn.trajectory(x)[-1], rel=1e-12)


@pytest.mark.parametrize("tau", [1, 2])
def test_a_missing_target_hides_no_divergence(tau):
    rnn, (x, y) = network(20), sequence(400, 1)
    y[::2] = np.nan
    with pytest.raises(rk.DivergenceError):
        rk.train(rnn, (x, y), learning_rate=500.0, truncation=tau)


@pytest.mark.parametrize("tau", [1, 3])
def test_in_each_of_several_records_the_state_starts_from_zero(tau):
    rnn, (x, y) = network(1200, 2), sequence(50, 2)
    records = [(x[:20], y[:20]), [x[20:21], y[20:21]], (x[21:], y[21:])]
    run = rk.train(rnn, records, learning_rate=3.0, truncation=tau, time=70 / 1200, n_records=7)
    expected = weights(rnn)[:3]
    losses = []
    for part in (slice(0, 20), slice(20, 21), slice(21, 50), slice(0, 20)):  # in cycles
        *expected, outputs, _ = twin(rk.RNN(*expected[:3], beta=rnn.beta), x[part], y[part], 3.0, tau=tau)
        losses.extend(0.5 * (y[part] - outputs) ** 2)
    assert_same(weights(run.network), expected, 1e-12)
    assert_same([run.losses], [np.reshape(losses, (7, 10)).mean(axis=1)], 1e-12)


@pytest.mark.parametrize("sigma", ["tanh", "logistic"])
@pytest.mark.parametrize(("d", "clip"), [(1, np.inf), (3, 0.3)])
def test_a_batch_is_its_naive_twin(sigma, d, clip):
    """From states of zero; in cycles; where a target is missing, the mean is over all b all the same."""
    rnn = network(30, d, sigma)
    x, y = sequence(4 * 25, d)
    x, y = x.reshape(4, 25, d), y.reshape(4, 25)
    y[1, 3] = y[2, 3] = y[0, 0] = np.nan
    how = {"learning_rate": 3.0, "batch": True, "clip": None if clip == np.inf else clip}
    run = rk.train(rnn, list(zip(x, y, strict=True)), n_records=5, **how)
    slow = {"beta": rnn.beta, "alpha": 3.0, "sigma": SIGMAS[sigma], "prime": PRIMES[sigma], "clip": clip}
    *expected, states, outputs = naive.train_in_batch(*weights(rnn)[:3], x, y, **slow)
    assert_same(weights(run.network), (*expected, states[-1]), 1e-12)
    losses = np.nanmean(np.reshape(0.5 * (y - outputs) ** 2, (4, 5, 5)), axis=(0, 2))
    np.testing.assert_allclose(run.losses, losses, rtol=1e-12)
    np.testing.assert_allclose(run.times, np.arange(5, 26, 5) / 30)
    *expected, states, _ = naive.train_in_batch(*expected, x[:, :11], y[:, :11], **slow)
    cycled = rk.train(rnn, list(zip(x, y, strict=True)), time=36 / 30, **how)
    assert_same(weights(cycled.network), (*expected, states[-1]), 1e-12)


def test_a_batch_of_copies_is_one_sequence():
    rnn, (x, y) = network(1200, 2), sequence(40, 2)
    one = rk.train(rnn, [(x, y)], learning_rate=3.0)
    for b in (1, 5):
        run = rk.train(rnn, [(x, y)] * b, learning_rate=3.0, batch=True)
        assert_same(weights(run.network), weights(one.network), 1e-12)
        assert_same([run.losses, run.times], [one.losses, one.times], 1e-12)


def test_a_list_is_a_pair_too():
    rnn = network(20)
    for x, y in (sequence(30, 1), sequence(2, 1)):
        whole = rk.train(rnn, (x, y), learning_rate=3.0)
        for given in ([x, y], [x.tolist(), y.tolist()], (x.tolist(), y.tolist())):
            same = rk.train(rnn, given, learning_rate=3.0)
            assert_same(weights(same.network), weights(whole.network), 0)


@pytest.mark.parametrize("tau", [1, 3])
def test_a_stream_is_one_long_sequence(tau):
    rnn, (x, y) = network(300, 2), sequence(60, 2)
    cuts = [0, 1, 1, 30, 60]
    whole = rk.train(rnn, (x, y), learning_rate=3.0, truncation=tau, n_records=60)

    def stream():
        yield from ((x[a:b], y[a:b]) for a, b in pairwise(cuts))

    run = rk.train(rnn, stream(), learning_rate=3.0, truncation=tau, points=([[0.0, 1.0]], 0.0))
    assert_same(weights(run.network), weights(whole.network), 1e-12)
    np.testing.assert_allclose(run.times, np.array([1, 30, 60]) / 300)
    means = [whole.losses[a:b].mean() for a, b in ((0, 1), (1, 30), (30, 60))]
    np.testing.assert_allclose(run.losses, means, rtol=1e-12)
    short = rk.train(rnn, stream(), learning_rate=3.0, truncation=tau, time=40 / 300)
    until = rk.train(rnn, (x[:40], y[:40]), learning_rate=3.0, truncation=tau)
    assert_same(weights(short.network), weights(until.network), 1e-12)
    assert short.times[-1] == 40 / 300
    with pytest.raises(rk.DivergenceError, match=r"diverged at step \d+, t = ") as raised:
        rk.train(rnn, ((x, y) for _ in range(1000)), learning_rate=1e4, truncation=tau)
    assert raised.value.step > 60


def test_a_callback_sees_the_run_and_can_stop_it():
    rnn, (x, y) = network(20), sequence(50, 1)
    seen = []

    def enough(run):
        seen.append(run)
        return np.bool_(len(run.times) == 4)

    where = {"learning_rate": 1.0, "n_records": 10, "points": (0.5, 0.1)}
    run = rk.train(rnn, (x, y), callback=enough, **where)
    whole = rk.train(rnn, (x, y), callback=lambda _: None, **where)
    np.testing.assert_allclose(run.times, 5 * np.arange(1, 5) / 20)
    assert len(whole.times) == 10
    for k, each in enumerate(seen):
        then = rk.train(rnn, (x[: 5 * k + 5], y[: 5 * k + 5]), learning_rate=1.0).network
        assert_same(weights(each.network), weights(then), 1e-12)
        np.testing.assert_array_equal(each.losses, whole.losses[: k + 1])
        np.testing.assert_array_equal(each.predictions, whole.predictions[: k + 1])
    assert run.network == seen[-1].network


@pytest.mark.parametrize("tau", [1, 3])
def test_ctrl_c_keeps_the_network_as_it_was_then(tau):
    """Where Python runs, here in a callback, and, as `wait` is where it waits for compiled code, there."""
    rnn, (x, y) = network(20), sequence(50, 1)

    def stop(run):
        if len(run.times) == 4:
            raise KeyboardInterrupt

    where = {"learning_rate": 1.0, "n_records": 10, "truncation": tau}
    with pytest.raises(KeyboardInterrupt) as stopped:
        rk.train(rnn, (x, y), callback=stop, **where)
    then = rk.train(rnn, (x[:20], y[:20]), learning_rate=1.0, truncation=tau).network
    assert_same(weights(stopped.value.run.network), weights(then), 1e-12)


def test_ctrl_c_ends_compiled_code(monkeypatch):
    """A hundred million steps end at once, and the next training is not stopped."""

    def interrupted(*_):
        raise KeyboardInterrupt

    rnn, data = network(1000), rk.DataSequence(CHAIN, [-1.0, 1.5], [-0.5, 0.5]).simulate(100, rng=0)
    rk.train(rnn, data, time=0.01, learning_rate=1.0)
    monkeypatch.setattr(training, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        rk.train(rnn, data, time=1e5, learning_rate=1e-3, n_records=1)
    monkeypatch.undo()
    assert len(stopped.value.run.losses) == 0  # the one record, after all steps, was not reached
    assert np.isfinite(stopped.value.run.network.output).all()
    assert len(rk.train(rnn, data, time=0.01, learning_rate=1.0).losses) == 10


def test_a_forecast_beyond_all_numbers_is_no_missing_target():
    """The first move is too large; the second target is missing, yet the training ends there."""
    with pytest.raises(rk.DivergenceError) as raised:
        rk.train(network(20), ([1.0, 1.0, 1.0], [1.0, np.nan, 1.0]), learning_rate=1e130)
    assert raised.value.step == 1


def test_times_beyond_what_is_counted_are_refused():
    data = rk.DataSequence(CHAIN, [-1.0, 1.5], [-0.5, 0.5])
    with pytest.raises(ValueError, match="time must be"):
        rk.train(network(100), data, time=2.0**60, learning_rate=1.0)


def test_simulated_data_needs_a_time():
    data = rk.DataSequence(rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]]), [-1.0, 1.0], [-0.5, 0.5])
    with pytest.raises(ValueError, match="time must be given if data is simulated"):
        rk.train(network(), data, learning_rate=1.0)


@pytest.mark.parametrize("tau", [1, 3])
def test_what_training_holds_grows_with_units_and_not_with_steps(tau):
    def most(n_units, time):
        rnn = network(n_units)
        given = sequence(100, 1)
        rk.train(rnn, given, time=1 / n_units, learning_rate=0.1, truncation=tau)
        tracemalloc.start()
        rk.train(rnn, given, time=time, learning_rate=0.1, truncation=tau, n_records=10)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(2000, 4.0) < 1.01 * most(2000, 0.5) + 1000
    assert most(8000, 0.1) < 4.1 * most(2000, 0.5)
