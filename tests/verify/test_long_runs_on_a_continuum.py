"""Recursions on a continuum against long paths and many trained networks, and what they cost: `make verify`."""

import time

import numpy as np
import pytest
from reference import LAW
from scipy import stats

import rnnkernel as rk

pytestmark = pytest.mark.verify

PLANE = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 1), n_inputs=2)
ON_LINE = {"x": [-0.8, 0.0, 0.8], "memory": [-0.1, 0.05, 0.2]}
CASES = {
    "coin": (rk.Autoregression(0.5), LAW, ON_LINE),
    "Cantor": (rk.Autoregression(1 / 3, targets=lambda x, after: x * after, noise=0.2), LAW, ON_LINE),
    "normal": (rk.Autoregression(0.5, innovation=stats.norm(), noise=0.3), LAW, ON_LINE),
    "rotation": (
        rk.NoisyRotation(0.5, 0.2),
        PLANE,
        {"x": [[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]], "memory": [0.1, 0.0, -0.1]},
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    data, law, points = CASES[request.param]
    return request.param, rk.KernelLimit(data, law), points


def test_means_and_long_run_variances(case):
    """Two thousand paths of 2000 steps: means within four standard errors, n Var of averages within four of its own."""
    name, limit, _ = case
    mu, n, n_paths = limit.stationary, 2000, 2000
    rng = np.random.default_rng(0)
    paths = [mu.simulate(n, rng=rng)[1:] for _ in range(n_paths)]
    for f in (lambda _, m: m, lambda x, m: x.reshape(len(m), -1)[:, 0] * m):
        sol = mu.solve_poisson(f)
        averages = np.array([f(*path).mean() for path in paths])
        measured = n * ((averages - sol.mean) ** 2).mean()
        print(
            f"{name}: mean {averages.mean():.6f} of {sol.mean:.6f}, variance {measured:.5f} of", sol.asymptotic_variance
        )
        assert abs(averages.mean() - sol.mean) < 4 * np.sqrt(sol.asymptotic_variance / n / n_paths)
        assert measured == pytest.approx(sol.asymptotic_variance, rel=4 * np.sqrt(2 / n_paths) + 10 / n)


@pytest.mark.parametrize("paired", [False, True])
def test_law_of_the_error(case, paired):
    """Networks of 1600 units: standard deviations within 8 %, which is four standard errors of 1500 seeds and 1/N."""
    name, limit, points = case
    how = {"widths": [1600], "betas": [0.75], "n_seeds": 1500, "times": 2.0, "rng": 1, "paired": paired}
    study = rk.convergence_study(limit, **how, **points)
    ratio = (study.std / study.predicted)[0, 0]
    print(f"{name}, paired = {paired}: {ratio}")
    np.testing.assert_allclose(ratio, 1.0, atol=0.08)


@pytest.mark.parametrize("name", CASES)
def test_one_state_variable_takes_less_than_a_second(name):
    data, law, _ = CASES[name]
    phi = rk.MemoryMap(law)
    rk.StationaryLaw(data, phi, n_nodes=(8, 8))  # compiles
    start = time.process_time()
    rk.StationaryLaw(data, phi).solve_poisson(lambda x, m: m)  # noqa: ARG005
    assert time.process_time() - start < 1
