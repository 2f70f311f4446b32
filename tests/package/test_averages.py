import numpy as np
import pytest

import rnnkernel as rk


def test_error_is_the_weighted_sum_of_covariances():
    rng = np.random.default_rng(0)
    v = rng.standard_normal(50).cumsum()
    n, mean = len(v), sum(v) / 50
    square = 0.0
    for k in range(n):
        for j in range(n):
            if abs(k - j) <= 7:
                square += (1 - abs(k - j) / 8) * (v[k] - mean) * (v[j] - mean) / n**2
    assert rk.mean_with_error(v, 7) == pytest.approx((mean, np.sqrt(square)), rel=1e-12)


def test_without_lags_it_is_the_error_of_independent_values():
    v = np.random.default_rng(1).exponential(size=100)
    assert rk.mean_with_error(v, lags=0) == pytest.approx((v.mean(), v.std() / 10), rel=1e-12)


def test_error_of_a_chain_is_its_asymptotic_deviation():
    chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    values = np.array([-1.0, 1.5])
    n = 400_000
    _, error = rk.mean_with_error(values[chain.simulate(n, rng=0)], lags=60)
    pi, second = 0.75, 0.6  # weight of the first state, second eigenvalue
    exact = 2.5**2 * pi * (1 - pi) * (1 + second) / (1 - second)
    assert n * error**2 == pytest.approx(exact, rel=0.08)


@pytest.mark.parametrize(
    ("values", "lags", "message"),
    [
        ([[1.0, 2.0]], 0, "values must have 1 dimension"),
        ([1.0, np.nan], 0, "values must be finite"),
        ([1.0, 2.0], 2, "values must hold more numbers than lags = 2, not 2"),
        ([1.0, 2.0], -1, "lags must be an integer of at least 0"),
    ],
)
def test_wrong_arguments_are_named(values, lags, message):
    with pytest.raises(ValueError, match=message):
        rk.mean_with_error(values, lags)
