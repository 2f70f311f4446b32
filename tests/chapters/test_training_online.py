"""What the chapter on online training states, against the package."""

import numpy as np
import pytest
from reference import CHAIN, LAW
from scipy import stats

import rnnkernel as rk

DATA = rk.DataSequence(CHAIN, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2, noise=0.5)


def test_one_step_is_a_gradient_step():
    """The update of one step against central differences of ½e² at a fixed state."""
    n_units, beta, alpha = 5, 0.8, 0.3
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4, 2)), rng.normal(size=4)
    law = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(), recurrent=stats.uniform(0, 1), n_inputs=2)
    before = rk.train(
        rk.RNN.sample(law, n_units=n_units, beta=beta, rng=0), (x[:3], y[:3]), learning_rate=alpha
    ).network
    after = rk.train(before, (x[3:], y[3:]), learning_rate=alpha).network

    def loss(C, W, B):
        return 0.5 * (y[3] - n_units**-beta * C @ np.tanh(W @ x[3] + B @ before.hidden / n_units)) ** 2

    start = [before.output, before.inputs, before.recurrent]
    for i, new in enumerate([after.output, after.inputs, after.recurrent]):
        gradient = np.empty(start[i].shape)
        for index in np.ndindex(gradient.shape):
            step = np.zeros(gradient.shape)
            step[index] = 1e-5
            up, down = ([*start[:i], start[i] + sign * step, *start[i + 1 :]] for sign in (1, -1))
            gradient[index] = (loss(*up) - loss(*down)) / 2e-5
        np.testing.assert_allclose(new - start[i], -alpha / n_units ** (2 - 2 * beta) * gradient, rtol=1e-5, atol=1e-13)


@pytest.mark.slow
def test_first_forecast_variance():
    """E ŷ² = N^{1−2β} E[C²] E[σ²]: 4000 networks, tolerance of four standard errors of a χ² mean."""
    n_units, beta, n_seeds = 50, 0.7, 4000
    forecasts = np.array(
        [rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=seed).predict(1.5, 0.1)[0] for seed in range(n_seeds)]
    )
    nodes, weights = LAW.quadrature
    expected = n_units ** (1 - 2 * beta) / 3 * weights @ np.tanh(1.5 * nodes[:, 0] + 0.1) ** 2
    assert np.mean(forecasts**2) == pytest.approx(expected, rel=4 * np.sqrt(2 / n_seeds))
    assert expected <= n_units ** (1 - 2 * beta) / 3
    one = rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=0)
    by_hand = n_units**-beta * np.sum(one.output * np.tanh(1.5 * one.inputs[:, 0] + 0.1))
    assert forecasts[0] == pytest.approx(by_hand, rel=1e-12)
    saturated = rk.InitialLaw(LAW.output, stats.norm(0, 1e6), LAW.recurrent)  # all hidden units are ±1
    largest = [
        rk.RNN.sample(saturated, n_units=n_units, beta=beta, rng=seed).predict(1.5, 0.1) for seed in range(n_seeds)
    ]
    bound = n_units ** (1 - 2 * beta) / 3
    allowance = 4 * np.sqrt(2 / n_seeds)
    assert np.mean(np.square(largest)) <= bound * (1 + allowance)
    assert np.mean(np.square(largest)) >= bound * (1 - allowance)


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [50, 1000])
def test_parameters_are_lazy(n_units):
    """The three bounds, with clipped errors: they hold, and within a factor of 40, so no power is missing."""
    beta, alpha, t, c = 0.75, 1.0, 2.0, 1.0
    before = rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=1)
    x, y = DATA.simulate(round(t * n_units), rng=2)
    after, q = before, []
    for each in zip(x, y, strict=True):  # one step at a time, to see q_k
        slopes = 1 - np.tanh(after.inputs @ each[:1] + after.trajectory(each[:1])[0]) ** 2
        q.append(np.mean(after.output * slopes))
        after = rk.train(after, (each[:1], each[1:]), learning_rate=alpha, clip=c).network
    a = alpha * t * c * n_units ** (beta - 1)
    moved_C = np.abs(after.output - before.output)
    assert moved_C.max() <= a <= 40 * moved_C.max()
    bound_W = alpha * t * c * 1.5 * (np.abs(before.output) + a) * n_units ** (beta - 1)
    moved_W = np.abs(after.inputs - before.inputs)[:, 0]
    assert (moved_W <= bound_W).all()
    assert bound_W.max() <= 40 * moved_W.max()
    bound_B = a * np.abs(q).max()
    moved_B = np.abs(after.recurrent - before.recurrent).max()
    assert moved_B <= bound_B <= 40 * moved_B
    assert np.abs(q).max() <= np.abs(before.output).mean() + a


def test_lazy_bounds_are_attained():
    """A saturated unit, and others with u ≈ 0, whose errors are all clipped to c: each bound is what happens."""
    n_units, beta, alpha, c, n_steps = 50, 0.75, 0.8, 1e-6, 100
    C, W, B = np.linspace(0, 1.5, n_units), np.zeros(n_units), np.zeros(n_units)
    W[0] = 40.0
    before = rk.RNN(C, W, B, beta=beta)
    after = rk.train(before, (np.ones(n_steps), np.full(n_steps, 1e3)), learning_rate=alpha, clip=c).network
    a = alpha * n_steps / n_units * c * n_units ** (beta - 1)
    moved_C, moved_W, moved_B = after.output - C, after.inputs[:, 0] - W, after.recurrent - B
    np.testing.assert_allclose(moved_C[0], a, rtol=1e-8)
    np.testing.assert_allclose(moved_W[1:], a * (C[1:] + a), rtol=1e-4)
    q = np.abs(C).mean() + a  # its own bound, L = 1
    np.testing.assert_allclose(moved_B[0], a * q * (1 - 1 / n_steps), rtol=1e-4)  # at the first step S_0 = 0
    assert np.abs(moved_C).max() <= a * (1 + 1e-8)
    assert (moved_W <= a * (C + a)).all()
    assert np.abs(moved_B).max() <= a * q


def test_one_step_is_a_kernel_step():
    """The first-order change of the forecast at other points is (α/N) e_k K^N, at β = 0.6 and 0.9 alike."""
    x, memory, alpha = np.array([-1.0, 0.3, 2.0]), np.array([0.2, 0.0, -0.4]), 1e-5
    for beta in (0.6, 0.9):
        n_units = 40
        before = rk.train(
            rk.RNN.sample(LAW, n_units=n_units, beta=beta, rng=0), ([1.5, -1.0], [0.4, 1.0]), learning_rate=0.5
        ).network
        m_k = before.trajectory([0.5])[0]
        error = 0.8 - before.predict(0.5, m_k)[0]
        after = rk.train(before, ([0.5], [0.8]), learning_rate=alpha).network
        change = after.predict(x, memory) - before.predict(x, memory)
        expected = alpha / n_units * error * rk.empirical_kernel(before, x, memory, [0.5], [m_k])[:, 0]
        np.testing.assert_allclose(change, expected, rtol=1e-4)
