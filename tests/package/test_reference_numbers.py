"""The reference case, to every digit that an independent implementation printed."""

import numpy as np
import pytest
from reference import DATA, LAW

import rnnkernel as rk

POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}


@pytest.fixture(scope="module")
def limit():
    return rk.KernelLimit(DATA, LAW, activation="tanh", learning_rate=1.0)


def printed(value, text):
    """Whether value agrees with the printed number up to one unit of its last digit."""
    decimals = len(text.split(".")[1])
    return abs(value - float(text)) <= 1.0 * 10.0**-decimals


def test_means_under_the_stationary_law(limit):
    assert printed(limit.stationary.mean(lambda _, m: m), "-0.1275715816405")
    assert printed(limit.stationary.mean(lambda x, m: x * m), "0.186811509496")


def test_eigenvalues(limit):
    expected = ("0.669671785767", "0.0135008065006", "0.00262029390940", "0.000302578074030")
    assert all(map(printed, limit.eigenvalues, expected))


def test_predictions_and_loss(limit):
    expected = ("-0.538759582925", "-0.504831175078", "0.607596409909", "0.611037623045")
    assert all(map(printed, limit.predict(2.0, **POINTS), expected))
    assert printed(limit.loss(2.0), "0.395319461809")


def test_asymptotic_variances(limit):
    """For f = x also in closed form, π₀π₁Δ²(1 + ρ)/(1 − ρ) with ρ = 0.6."""
    variance = [
        limit.stationary.solve_poisson(f).asymptotic_variance
        for f in (lambda x, _: x, lambda _, m: m, lambda x, m: x * m)
    ]
    assert variance[0] == pytest.approx(0.75 * 0.25 * 2.5**2 * 1.6 / 0.4, rel=1e-12)
    assert printed(variance[1], "0.229144144549")
    assert printed(variance[2], "0.064169243554")


def test_variances_of_the_error(limit):
    fluctuations = limit.fluctuations(2.0, **POINTS)
    initial, data, width = (
        np.sqrt(getattr(fluctuations, name)).ravel() for name in ("initial_output", "data", "finite_width")
    )
    assert all(map(printed, initial, (".1125", ".1281", ".1204", ".1368")))
    assert all(map(printed, data, (".4816", ".4428", ".5436", ".5545")))
    assert all(map(printed, width, (".1108", ".1205", ".1068", ".1056")))
    paired = np.sqrt(data**2 + 2 * width**2)
    assert all(map(printed, paired, (".5065", ".4744", ".5642", ".5743")))


@pytest.mark.parametrize(
    ("beta", "paired", "at_400", "at_1600"),
    [
        (0.6, True, ".0266", ".0133"),
        (0.75, True, ".0266", ".0133"),
        (0.6, False, ".0733", ".0611"),
        (0.75, False, ".0381", ".0236"),
        (0.9, False, ".0284", ".0145"),
    ],
)
def test_predicted_standard_deviations(limit, beta, paired, at_400, at_1600):
    """Root mean square over the four points."""
    fluctuations = limit.fluctuations(2.0, **POINTS)
    for n_units, expected in ((400, at_400), (1600, at_1600)):
        std = fluctuations.std(n_units=n_units, beta=beta, paired=paired)
        assert printed(np.sqrt(np.mean(np.square(std))), expected)


@pytest.mark.parametrize("n_nodes", [8, 16, 24, 32])
def test_convergence_in_the_memory_nodes(n_nodes):
    """Errors fall faster than any power: at least tenfold for every two nodes until rounding is reached."""
    coarse = rk.KernelLimit(DATA, LAW, n_nodes=n_nodes).predict(2.0, **POINTS)
    fine = rk.KernelLimit(DATA, LAW, n_nodes=48).predict(2.0, **POINTS)
    assert np.abs(coarse - fine).max() < max(10.0 ** (-n_nodes / 2), 3e-12)
