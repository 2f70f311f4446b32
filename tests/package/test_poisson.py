import numpy as np
import pytest
from reference import CHAIN, DATA, LAW

import rnnkernel as rk

FUNCTIONS = {
    "x": lambda x, _: x,
    "m": lambda _, m: m,
    "x m": lambda x, m: x * m,
    "square": lambda _, m: m**2,
    "wave": lambda x, m: np.sin(3 * m + x),
}


@pytest.fixture(scope="module")
def mu():
    return rk.StationaryLaw(DATA, rk.MemoryMap(LAW))


@pytest.fixture(params=FUNCTIONS)
def sol(mu, request):
    return mu.solve_poisson(FUNCTIONS[request.param])


def test_solution_at_the_nodes(mu, sol):
    """u − Tu = f − μf, μ(u) = 0."""
    f = sol.f(mu.inputs, mu.memory)
    np.testing.assert_allclose(sol.values - mu.transition_operator @ sol.values, f - sol.mean, atol=2e-14)
    assert mu.weights @ sol.values == pytest.approx(0, abs=1e-14)
    assert sol.mean == pytest.approx(mu.mean(sol.f), abs=1e-15)


def test_solution_is_the_sum_of_all_later_deviations(mu, sol):
    """u = Σ_n (P̂ⁿf − μf), by repeated application of the transition operator."""
    term, total = sol.f(mu.inputs, mu.memory) - sol.mean, 0.0
    for _ in range(150):
        total = total + term
        term = mu.transition_operator @ term
    np.testing.assert_allclose(sol.values, total, atol=2e-13)


def test_solution_off_the_nodes(mu, sol):
    """u − P̂u = f − μf at random joint states, with P̂u from the two states that may follow."""
    rng = np.random.default_rng(0)
    s, m = rng.integers(0, 2, 50), rng.uniform(*mu.intervals[0], 50)
    x = DATA.inputs[s]
    after = mu.memory_map(x, m)
    step = sum(CHAIN.transition[s, j] * sol(np.full(50, j), after) for j in (0, 1))
    np.testing.assert_allclose(sol(s, m) - step, sol.f(x, m) - sol.mean, atol=1e-12)
    np.testing.assert_allclose(sol.one_step(s, m), step, atol=1e-12)
    np.testing.assert_allclose(sol.centred(s, m), sol.f(x, m) - sol.mean, atol=1e-15)
    np.testing.assert_allclose(sol(mu.states, mu.memory), sol.values, atol=1e-12)
    assert sol.residual < 1e-12


def test_decomposition_is_exact(mu, sol):
    states, x, m = mu.simulate(5001, rng=1)
    parts = sol.decompose(states, m)
    total = np.sum(sol.f(x[:-1], m[:-1]) - sol.mean)
    scale = np.abs(sol.f(x, m)).sum()
    assert parts.martingale.shape == (5000,)
    assert parts.total == pytest.approx(total, abs=1e-15 * scale)
    assert parts.boundary == pytest.approx(sol(states[:1], m[:1])[0] - sol(states[-1:], m[-1:])[0], abs=1e-13)
    assert abs(parts.total - parts.boundary - parts.martingale.sum()) < 1e-14 * scale


def test_decomposition_from_any_start(mu, sol):
    states = CHAIN.simulate(101, rng=2, start=1)
    m = mu.memory_map.trajectory(DATA.inputs[states[:-1]], start=0.25)
    parts = sol.decompose(states, m)
    assert abs(parts.total - parts.boundary - parts.martingale.sum()) < 1e-12
    alone = sol.decompose(states[:1], m[:1])
    assert (alone.total, alone.boundary, len(alone.martingale)) == (0, 0, 0)


def test_increments_are_a_martingale_with_the_asymptotic_variance(mu, sol):
    """Mean zero, uncorrelated with the past, and mean square σ_f², each within four standard errors."""
    states, x, m = mu.simulate(100_001, rng=3)
    increments = sol.decompose(states, m).martingale
    for past in (np.ones(100_000), m[:-1], x[:-1]):
        product = increments * past
        assert abs(product.mean()) < 4 * product.std() / np.sqrt(100_000) + 1e-12
    squares = increments**2
    spread = squares[: 100_000 // 100 * 100].reshape(-1, 100).mean(axis=1).std() / np.sqrt(1000)
    assert squares.mean() == pytest.approx(sol.asymptotic_variance, abs=4 * spread + 1e-12)


def test_asymptotic_variance_is_that_of_averages(mu):
    """n Var of the average over 2000 paths of 400 steps, and the mean square within its bound."""
    sol = mu.solve_poisson(FUNCTIONS["x m"])
    _, x, m = mu.simulate(800_000, rng=4)
    averages = (x * m).reshape(2000, 400).mean(axis=1) - sol.mean
    measured = 400 * np.mean(averages**2)
    assert measured == pytest.approx(sol.asymptotic_variance, rel=4 * np.sqrt(2 / 2000) + 0.02)
    assert np.sqrt(np.mean(averages**2)) < sol.bound(400).total


def test_functions_of_the_input_are_a_matter_of_the_chain(mu):
    """u(i) and σ² of two states in closed form, π₀π₁Δ²(1 + ρ)/(1 − ρ) with ρ = 0.6; u does not depend on m."""
    sol = mu.solve_poisson(FUNCTIONS["x"])
    assert sol.asymptotic_variance == pytest.approx(0.75 * 0.25 * 2.5**2 * 1.6 / 0.4, rel=1e-12)
    assert sol.asymptotic_variance == pytest.approx(CHAIN.asymptotic_variance(DATA.inputs), rel=1e-12)
    centred = DATA.inputs - CHAIN.stationary_distribution @ DATA.inputs
    np.testing.assert_allclose(sol([0, 1], [0.1, -0.2]), centred / (1 - 0.6), rtol=1e-12)


def test_convergence_in_the_nodes():
    """Every few nodes more divide the residual, and the error of the variance, by at least thirty."""
    memory, f = rk.MemoryMap(LAW), FUNCTIONS["wave"]
    exact = rk.StationaryLaw(DATA, memory, n_nodes=48).solve_poisson(f).asymptotic_variance
    found = [rk.StationaryLaw(DATA, memory, n_nodes=n_nodes).solve_poisson(f) for n_nodes in (3, 5, 8, 12)]
    errors = np.array([[sol.residual, abs(sol.asymptotic_variance - exact)] for sol in found])
    assert (errors[0] > 1e-3).all()
    assert (errors[1:] < errors[:-1] / 30).all()
    assert (errors[-1] < 1e-9).all()


def test_bound_is_its_formula(mu, sol):
    norm = np.sqrt(mu.weights @ sol(mu.states, mu.memory) ** 2)
    bound = sol.bound([1, 10, 100])
    np.testing.assert_allclose(bound.boundary, 2 * norm / np.array([1, 10, 100]), rtol=1e-9)
    np.testing.assert_allclose(bound.martingale, np.sqrt(sol.asymptotic_variance / np.array([1, 10, 100])), rtol=1e-12)
    np.testing.assert_allclose(bound.total, bound.boundary + bound.martingale)
    assert sol.bound(100).total == bound.total[2]


def test_constants_do_not_fluctuate(mu):
    sol = mu.solve_poisson(lambda _x, _m: 2.0)
    assert sol.mean == pytest.approx(2, abs=1e-14)
    assert sol.asymptotic_variance < 1e-25
    np.testing.assert_allclose(sol.values, 0, atol=1e-13)


def test_wrong_arguments_are_refused(mu):
    sol = mu.solve_poisson(FUNCTIONS["m"])
    with pytest.raises(ValueError, match="n must be at least 1"):
        sol.bound(0)
    with pytest.raises(ValueError, match="same length"):
        sol.decompose([0, 1, 0], [0.1, 0.2])
    with pytest.raises(ValueError, match="at least one state"):
        sol.decompose(np.empty(0, dtype=int), [])
    with pytest.raises(ValueError, match="memory must be within"):
        sol([0], [20.0])
    with pytest.raises(ValueError, match="f must return one value"):
        mu.solve_poisson(lambda _, m: m[:3])
