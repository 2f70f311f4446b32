"""Statements of the chapter *The stationary law* against exact computation or, where named, simulation.

On small cases all paths of a chain are listed with their probabilities.
"""

import itertools

import numpy as np
import pytest
from joint_chains import (
    CASES,
    FUNCTIONS,
    GRID,
    HIGH,
    LOW,
    MEMORY,
    RING,
    TWO,
    Interpolation,
    linear_memory,
    products,
    slopes_of,
)
from reference import LAW
from scipy import stats

import rnnkernel as rk

COIN = np.full((2, 2), 0.5)


@pytest.fixture(params=CASES)
def data(request):
    return CASES[request.param]


def listed(P, n):
    """All paths of n states as rows."""
    return np.array(list(itertools.product(range(len(P)), repeat=n)))


def reversed_matrix(chain):
    pi = chain.stationary_distribution
    return (pi[:, None] * chain.transition).T / pi[:, None]


def pasts(data, matrix, j, n, start=0.0):
    """M^(n) from all pasts of n states, latest first, seen from state j, and their probabilities."""
    path = listed(matrix, n)
    before = np.column_stack([np.full(len(path), j), path])
    p = matrix[before[:, :-1], before[:, 1:]].prod(axis=1)
    m = np.full(len(path), start)
    for states in path.T[::-1]:
        m = MEMORY(data.inputs[states], m)
    return m, p


def test_products_of_slopes_fall_at_the_spectral_radius():
    """c_n is the largest mean product of slopes along a path; here one of two slopes exceeds 1."""
    slopes, P = np.array([1.6, 0.4]), np.array([[0.3, 0.7], [0.45, 0.55]])
    c = products(slopes, P, 40)
    for n in (1, 2, 5):
        path = listed(P, n)
        p = P[path[:, :-1], path[:, 1:]].prod(axis=1)
        means = [p[path[:, 0] == i] @ slopes[path[path[:, 0] == i]].prod(axis=1) for i in (0, 1)]
        assert c[n] == pytest.approx(max(means), rel=1e-12)
    assert (c[3:20] <= c[1] * c[2:19] * (1 + 1e-12)).all()
    radius = np.abs(np.linalg.eigvals(slopes[:, None] * P)).max()
    assert radius < 1 < slopes.max()
    assert c[40] / c[39] == pytest.approx(radius, rel=1e-9)
    assert (products(np.full(2, 0.5), P, 10) == 0.5 ** np.arange(11)).all()


def test_law_of_state_and_random_fixed_point(data):
    """All pasts of n states: their memories give μ up to |𝓜| c_n, if time runs backwards; if not, not."""
    mu, n = rk.StationaryLaw(data, MEMORY), 8
    for path in np.random.default_rng(0).integers(len(data.inputs), size=(20, 6)):  # M^(n) of a past, latest first
        m = 0.1
        for x in data.inputs[path][::-1]:
            m = LAW.recurrent_mean * LAW.quadrature.weights @ np.tanh(LAW.quadrature.nodes[:, 0] * x + m)
        assert MEMORY.fixed_point(data.inputs[path][::-1], start=0.1) == pytest.approx(float(np.sum(m)), abs=1e-13)
    matrix = reversed_matrix(data.chain)
    pi = data.chain.stationary_distribution
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    c = products(slopes_of(MEMORY, data.inputs), data.chain.transition, n)
    for j in range(len(pi)):
        exact = mu.mean(lambda x, m, j=j: m * (x == data.inputs[j])) / pi[j]
        low, p = pasts(data, matrix, j, n, start=LOW)
        high, _ = pasts(data, matrix, j, n, start=HIGH)
        assert p.sum() == pytest.approx(1)
        assert p @ low - 1e-12 <= exact <= p @ high + 1e-12  # both maps increase
    total = 0.0
    for j in range(len(pi)):
        p = pasts(data, matrix, j, n)[1]
        total += pi[j] * p @ (pasts(data, matrix, j, n, HIGH)[0] - pasts(data, matrix, j, n, LOW)[0])
    assert 0.05 * (HIGH - LOW) * c[n] < total <= (HIGH - LOW) * c[n]


def test_the_wrong_direction_of_time_is_wrong():
    mu, pi = rk.StationaryLaw(RING, MEMORY), RING.chain.stationary_distribution
    exact = [mu.mean(lambda x, m, j=j: m * (x == RING.inputs[j])) / pi[j] for j in range(3)]
    by_reversal = [np.dot(*pasts(RING, reversed_matrix(RING.chain), j, 8)) for j in range(3)]
    by_mistake = [np.dot(*pasts(RING, RING.chain.transition, j, 8)) for j in range(3)]
    np.testing.assert_allclose(by_reversal, exact, atol=1e-4)
    assert np.abs(np.subtract(by_mistake, exact)).max() > 0.1


def test_conditional_laws_solve_their_equations(data):
    """∫ g dμ_j = Σ_i P̃_ji ∫ g∘φ_i dμ_i."""
    mu, pi = rk.StationaryLaw(data, MEMORY), data.chain.stationary_distribution
    matrix = reversed_matrix(data.chain)

    def conditional(i, h):
        return mu.mean(lambda x, m: h(m) * (x == data.inputs[i])) / pi[i]

    for g in (lambda m: m, lambda m: m**3 - m**2, lambda m: np.exp(4 * m)):
        for j in range(len(pi)):
            right = sum(
                matrix[j, i] * conditional(i, lambda m, i=i, g=g: g(MEMORY(data.inputs[i], m))) for i in range(len(pi))
            )
            assert conditional(j, g) == pytest.approx(right, abs=1e-12)


def test_time_averages_along_one_path(data):
    mu = rk.StationaryLaw(data, MEMORY)
    n = 200_000
    states = data.chain.simulate(n, rng=3, start=0)
    x, m = data.inputs[states], MEMORY.trajectory(data.inputs[states], start=HIGH)[:-1]
    for f, *_ in FUNCTIONS.values():
        sol = mu.solve_poisson(f)
        assert abs(f(x, m).mean() - sol.mean) < 4.5 * np.sqrt(sol.asymptotic_variance / n)


def test_a_wrong_memory_map_moves_the_law_by_little():
    """A shift in the adverse direction comes close to ε/(1 − q); so does nothing beyond it. And a network's map."""
    phi = linear_memory(0.5, 0.4)
    mu, epsilon = rk.StationaryLaw(TWO, phi), 1e-3
    shifted = rk.StationaryLaw(rk.DataSequence(TWO.chain, TWO.inputs + epsilon / 0.5, [0.0, 0.0]), phi)
    moved = shifted.mean(lambda _, m: m) - mu.mean(lambda _, m: m)
    assert moved == pytest.approx(epsilon / (1 - 0.4), rel=1e-9)
    assert moved <= epsilon / (1 - 0.4) * (1 + 1e-9)
    network = rk.RNN.sample(LAW, n_units=500, beta=0.75, rng=1)

    def phi_N(x, m):
        return np.tanh(x * network.inputs[:, 0] + m[:, None]) @ network.recurrent / 500

    for x in TWO.inputs:
        np.testing.assert_allclose(MEMORY.derivative(x, GRID), np.gradient(MEMORY(x, GRID), GRID), atol=2e-4)
    q = slopes_of(MEMORY, TWO.inputs).max()
    epsilon = max(np.abs(phi_N(x, GRID) - MEMORY(x, GRID)).max() for x in TWO.inputs)
    exact, J = rk.StationaryLaw(TWO, MEMORY), Interpolation("polynomials", 24)
    w = J.weights(TWO, phi_N)
    for f, lipschitz, _ in FUNCTIONS.values():
        moved = sum(w[i] @ f(x, J.nodes) for i, x in enumerate(TWO.inputs)) - exact.mean(f)
        assert 1e-4 < abs(moved) <= lipschitz * epsilon / (1 - q)
    states = TWO.chain.simulate(3000, rng=2)
    one, other = 0.1, 0.1  # the same start and the same states: the coupling of the proof
    for i in states:
        one = MEMORY(TWO.inputs[i], one)
        other = phi_N(TWO.inputs[i], np.array([other]))[0]
        assert abs(one - other) <= epsilon / (1 - q)


@pytest.mark.parametrize("n", [9, 50, 400])
def test_bins_enclose_the_distribution_function(n):
    """Fair tosses of a linear map with b = 1/3: Cantor's staircase, known exactly from ternary digits."""

    def staircase(c):
        """P(M ≤ c) on [−1, 1]: ternary digits of (c + 1)/2, twos become ones in binary, stop at a digit one."""
        u, value = (c + 1) / 2, 0.0
        if u >= 1:
            return 1.0
        for k in range(1, 40):
            digit = int(3 * u)
            u = 3 * u - digit
            value += min(digit, 1) / 2**k
            if digit == 1:
                break
        return value

    low, high, b = -1.05, 1.05, 1 / 3
    h = (high - low) / n
    nodes = low + h * (np.arange(n) + 0.5)
    p = np.full((2, n), 0.5 / n)
    for _ in range(60):
        images = [2 / 3 * x + b * nodes for x in (-1, 1)]
        index = [((image - low) / h).astype(int) for image in images]
        p = COIN.T @ np.array([np.bincount(to, mass, n) for to, mass in zip(index, p, strict=True)])
    reach, below = h / 2 / (1 - b), np.append(0, p.sum(axis=0).cumsum())
    c = np.random.default_rng(0).uniform(-1, 1, 300)
    exact = np.array([staircase(each) for each in c])
    lower, upper = (below[np.searchsorted(nodes, c + e, "right")] for e in (-reach, reach))
    assert (lower - 1e-12 <= exact).all()
    assert (exact <= upper + 1e-12).all()
    assert (upper - lower).mean() < 8 * h
    tight = [below[np.searchsorted(nodes, c + e, "right")] for e in (-reach / 4, reach / 4)]
    assert n > 9 or not ((tight[0] <= exact) & (exact <= tight[1])).all()


def test_two_invariant_laws_without_contraction():
    """q = 1.6 and quiet inputs: the package refuses, and two starts keep different means; a loud input unites them."""
    with pytest.warns(rk.AssumptionWarning):
        strong = rk.MemoryMap(rk.InitialLaw(LAW.output, LAW.inputs, stats.uniform(0, 3.2)))
    with pytest.raises(ValueError, match="more than one invariant law"):
        rk.StationaryLaw(rk.DataSequence(rk.MarkovChain(COIN), [-0.1, 0.1], [0.0, 0.0]), strong)
    loud, pauses = np.array([0.0, 3.0]), np.array([[0.3, 0.7], [0.3, 0.7]])
    slopes = slopes_of(strong, loud, np.linspace(-1.6, 1.6, 801))
    assert slopes[0] > 1.5
    c = products(slopes, pauses, 40)
    assert c[40] < 1e-3
    inputs = loud[rk.MarkovChain(pauses).simulate(400, rng=0)]
    assert strong.forgetting(inputs, -1.6, 1.6)[-1] < 1e-12
