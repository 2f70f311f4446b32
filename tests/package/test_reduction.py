"""State reduction and powers of chains, against exact rational arithmetic over the whole range of doubles."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import rnnkernel as rk
from rnnkernel import _powers, _reduction

SMALLEST = Fraction(2) ** -1022  # below it doubles have fewer digits
ULP = 2.0**-52


def exact_chain(P):
    """The matrix in rationals, each diagonal entry one less the others of its row."""
    exact = [[Fraction(float(p)) for p in row] for row in P]
    for i, row in enumerate(exact):
        row[i] = 1 - sum(row[:i] + row[i + 1 :])
    return exact


def solve(A, b):
    """Gauss–Jordan elimination in rationals."""
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    n = len(rows)
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * c for a, c in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def exact_stationary(P):
    """π (I − P) = 0, Σ π = 1."""
    n = len(P)
    A = [[(i == j) - P[i][j] for i in range(n)] for j in range(n)]
    A[-1] = [Fraction(1)] * n
    return solve(A, [Fraction(0)] * (n - 1) + [Fraction(1)])


def apply(P, f):
    return [sum((p * v for p, v in zip(row, f, strict=True)), Fraction(0)) for row in P]


def dot(a, b):
    return sum((p * v for p, v in zip(a, b, strict=True)), Fraction(0))


def ulps(computed, exact):
    """The largest relative error, in units of the last place; what is below the doubles must be lost."""
    worst = 0.0
    for a, e in zip(computed, exact, strict=True):
        if e < SMALLEST:
            assert abs(Fraction(float(a)) - e) <= Fraction(2) ** -1073
        else:
            worst = max(worst, float(abs(Fraction(float(a)) / e - 1)) / ULP)
    return worst


def random_chain(seed, orders):
    """2 to 7 states; probabilities over so many orders of magnitude, a third of them zero, on a cycle of all states."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    P = 10 ** rng.uniform(-orders, 0, (n, n)) * (rng.random((n, n)) > 0.3)
    cycle = np.arange(n), np.roll(np.arange(n), -1)
    P[cycle] = np.maximum(P[cycle], 10 ** rng.uniform(-orders, 0, n))
    P /= np.maximum(1, 1.01 * P.sum(axis=1, keepdims=True))
    np.fill_diagonal(P, 0)
    np.fill_diagonal(P, 1 - P.sum(axis=1))
    return P


@pytest.mark.parametrize("orders", [3, 20, 100, 300])
def test_stationary_distribution_of_random_chains_is_exact(orders):
    for seed in range(75):
        P = random_chain(seed, orders)
        exact = exact_stationary(exact_chain(P))
        assert ulps(_reduction.stationary_distribution(P), exact) < 16
        assert ulps(_reduction.Reduction(P).stationary_distribution(), exact) < 16


def test_both_eliminations_agree():
    """The numbers with exponents, and in blocks of states, give what plain doubles give."""
    P = np.random.default_rng(0).dirichlet(np.ones(150), size=150)
    watched = _reduction.stationary_distribution(P)[1:]
    watched = watched / watched.sum()  # a longer stay in state 0 does not change how often the others are seen
    tiny = P.copy()
    tiny[0, 1:] *= 1e-200
    tiny[0, 0] = 1.0
    slow = _reduction.Reduction(tiny)
    pi = slow.stationary_distribution()
    assert pi[0] == pytest.approx(1, abs=1e-15)
    assert_allclose(pi[1:] / pi[1:].sum(), watched, rtol=1e-12)


def test_birth_and_death_over_325_orders_of_magnitude():
    """Up with .1, down with .8: π_k = .875/8^k; no entry of the quotient of the last and first fits into a double."""
    n = 360
    P = np.diag(np.full(n - 1, 0.1), 1) + np.diag(np.full(n - 1, 0.8), -1)
    pi = rk.MarkovChain(P + np.diag(1 - P.sum(axis=1))).stationary_distribution
    exact = [Fraction(7, 8) / Fraction(8) ** k for k in range(n)]
    assert ulps(pi, exact) < 1e4  # .8 and .1 are rounded, and 8^k with them
    assert pi[0] == pytest.approx(0.875, rel=1e-15)
    assert pi[-1] == 0


def test_probabilities_at_the_end_of_the_doubles():
    t = 1e-160
    pi = rk.MarkovChain([[1 - t, t, 0], [1 - t, 0, t], [0.5, 0.5, 0]]).stationary_distribution
    assert_allclose(pi[:2], [1, 1e-160], rtol=1e-15)
    assert pi[2] == pytest.approx(1e-320, rel=1e-3)


@pytest.mark.parametrize("escape", [1e-12, 1e-200])
def test_double_well_keeps_both_halves(escape):
    """Two cycles of 40 states, drifting to their middle, joined by a rare step: half of the time in each."""
    well = np.diag(np.full(39, 0.7), 1) + np.diag(np.full(39, 0.1), -1)
    P = np.zeros((80, 80))
    P[:40, :40], P[40:, 40:] = well[::-1, ::-1], well
    P[39, 40] = P[40, 39] = escape
    np.fill_diagonal(P, 1 - P.sum(axis=1))
    pi = rk.MarkovChain(P).stationary_distribution
    assert pi[:40].sum() == pytest.approx(0.5, rel=1e-14)
    assert_allclose(pi, pi[::-1], rtol=1e-12)


def test_transient_states_are_left():
    """Two states that lead into a closed pair: their share is zero, and all else is that of the pair."""
    P = [[0.5, 0.2, 0.3, 0], [0, 0.4, 0, 0.6], [0, 0, 0.9, 0.1], [0, 0, 0.3, 0.7]]
    chain = rk.MarkovChain(P)
    assert_allclose(chain.stationary_distribution, [0, 0, 0.75, 0.25], rtol=1e-15)
    assert chain.closed_classes == [[2, 3]]
    assert not chain.is_irreducible
    assert chain.period == 1
    f = np.array([7.0, -2.0, -1.0, 1.5])
    u, centred = chain.solve_poisson(f), f - chain.stationary_distribution @ f
    assert_allclose(u - chain.transition @ u, centred, rtol=0, atol=1e-13)
    assert chain.asymptotic_variance(f) == pytest.approx(4.6875, rel=1e-13)
    assert chain.spectral_gap == pytest.approx(0.4, rel=1e-12)


# The Poisson equation and variances


@pytest.mark.parametrize("orders", [3, 12])
def test_poisson_solution_and_variances_of_random_chains_are_exact(orders):
    for seed in range(30):
        P = random_chain(seed, orders)
        f = np.random.default_rng(seed).integers(-3, 4, len(P)).astype(float)
        chain, exact = rk.MarkovChain(P), exact_chain(P)
        pi = exact_stationary(exact)
        centred = [Fraction(v) - dot(pi, map(Fraction, f)) for v in f]
        n = len(P)
        A = [[(i == j) - exact[i][j] + pi[j] for j in range(n)] for i in range(n)]
        u = solve(A, centred)
        columns = [solve(A, [Fraction(i == j) for i in range(n)]) for j in range(n)]
        condition = max(sum(abs(float(column[i])) for column in columns) for i in range(n))  # of u, in f − π(f)
        assert_allclose(chain.solve_poisson(f), [float(v) for v in u], rtol=0, atol=n * 3 * ULP * condition)
        variance = dot(pi, [c * (2 * v - c) for c, v in zip(centred, u, strict=True)])
        assert chain.asymptotic_variance(f) == pytest.approx(float(variance), rel=1e-10, abs=1e-13)
        for steps in (1, 2, 7, 20):
            power, total = centred, steps * dot(pi, [c * c for c in centred])
            for j in range(1, steps):
                power = apply(exact, power)
                total += 2 * (steps - j) * dot(pi, [c * v for c, v in zip(centred, power, strict=True)])
            assert chain.average_variance(f, steps) == pytest.approx(float(total / steps**2), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("a", [1e-3, 1e-8, 1e-12])
def test_nothing_is_lost_to_a_small_gap(a):
    """Two states that are left with a and a/2: ρ = 1 − 3a/2, and sums of powers of ρ in closed form."""
    chain = rk.MarkovChain([[1 - a, a], [a / 2, 1 - a / 2]])
    gap = Fraction(3, 2) * Fraction(a)
    rho, n = 1 - gap, 1000
    powers = rho * (n - (1 - rho**n) / gap) / gap  # Σ_{j<n} (n − j) ρ^j over j ≥ 1, exactly
    variance = Fraction(2, 9) * (n + 2 * powers) / n**2
    assert chain.average_variance([0.0, 1.0], n) == pytest.approx(float(variance), rel=1e-12)
    asymptotic = Fraction(2, 9) * (1 + rho) / gap
    assert chain.asymptotic_variance([0.0, 1.0]) == pytest.approx(float(asymptotic), rel=1e-12)


def test_long_averages_reach_the_asymptotic_variance():
    chain = rk.MarkovChain([[1 - 1e-9, 1e-9], [2e-9, 1 - 2e-9]])
    n = 10**15
    assert n * chain.average_variance([0.0, 1.0], n) == pytest.approx(chain.asymptotic_variance([0.0, 1.0]), rel=1e-5)


@pytest.mark.parametrize("period", [2, 3, 5, 8])
def test_variances_are_never_negative(period):
    """On a cycle an average over whole turns does not vary at all."""
    chain = rk.MarkovChain(np.roll(np.eye(period), 1, axis=1))
    for seed in range(50):
        f = np.random.default_rng(seed).normal(size=period)
        assert 0 <= chain.asymptotic_variance(f) < 1e-28
        assert 0 <= chain.average_variance(f, 6 * period) < 1e-15
        assert chain.average_variance(f, 1) == pytest.approx(f.var(), rel=1e-13)


# Powers and the gap


def test_high_powers_stay_stochastic():
    chain = rk.MarkovChain(np.random.default_rng(1).dirichlet(np.ones(10), size=10))
    assert chain.mixing_distance(10**17) == 0
    rate = np.sort(np.abs(np.linalg.eigvals(chain.transition)))[-2]
    decay = (chain.mixing_distance(500) / chain.mixing_distance(100)) ** (1 / 400)
    assert decay == pytest.approx(rate, rel=0.01)
    assert 1e-60 < chain.mixing_distance(100) < 1e-45
    assert rk.MarkovChain(np.roll(np.eye(3), 1, axis=1)).mixing_distance(10**17) == pytest.approx(2 / 3, rel=1e-12)
    sticky = rk.MarkovChain([[1 - 1e-12, 1e-12], [1e-12, 1 - 1e-12]])
    assert sticky.mixing_distance(10**12) == pytest.approx(np.exp(-2) / 2, rel=1e-9)
    assert sticky.doeblin_coefficient(10**12) == pytest.approx(1 - np.exp(-2), rel=1e-9)


@pytest.mark.parametrize("n", [20, 50, 100])
@pytest.mark.parametrize("renewal", [0.5, 0.3])
def test_gap_of_a_defective_chain(n, renewal):
    """Age of what is renewed with a fixed probability: after n steps the start is forgotten, all at once."""
    P = np.zeros((n, n))
    P[:, 0] = renewal
    P[np.arange(n), np.minimum(np.arange(n) + 1, n - 1)] += 1 - renewal
    assert rk.MarkovChain(P).spectral_gap == 1


@pytest.mark.parametrize("n", [12, 16])
def test_a_gap_that_rounding_hides_is_announced(n):
    """The age chain, disturbed in the last place: its 0, a Jordan block, becomes a circle of radius eps^(1/n)."""
    rng = np.random.default_rng(0)
    P = np.zeros((n, n))
    P[:, 0] = 0.3
    P[np.arange(n), np.minimum(np.arange(n) + 1, n - 1)] += 0.7
    chain = rk.MarkovChain(P * (1 + 1e-15 * rng.random((n, n))))
    with mp.workdps(100):
        values = mp.eig(mp.matrix(chain.transition.tolist()), left=False, right=False)
        second = float(sorted(map(abs, values))[-2])
    with pytest.warns(RuntimeWarning, match="known to be between") as caught:
        gap = chain.spectral_gap
    low, high = (float(word) for word in str(caught[0].message).split() if word[0].isdigit())
    assert gap == pytest.approx(low, abs=1e-6)
    assert low - 1e-6 < 1 - second < high + 1e-6


def test_gap_is_that_of_many_digits():
    chain = rk.MarkovChain(np.random.default_rng(1).dirichlet(np.ones(10), size=10))
    with mp.workdps(50):
        values = mp.eig(mp.matrix(chain.transition.tolist()), left=False, right=False)
        assert chain.spectral_gap == pytest.approx(1 - float(sorted(map(abs, values))[-2]), abs=1e-14)


def test_radius_bounds_hold_the_radius():
    for seed in range(20):
        A = np.random.default_rng(seed).normal(size=(6, 6)) / 4
        low, high = _powers.radius_bounds(A)
        radius = np.abs(np.linalg.eigvals(A)).max()
        assert low <= radius * (1 + 1e-12)
        assert radius <= high * (1 + 1e-12)
        assert high - low < 0.2 * radius
    assert _powers.radius_bounds(np.zeros((3, 3))) == (0, 0)
    assert _powers.radius_bounds(np.diag(np.ones(4), 1)) == (0, 0)
    assert _powers.radius_bounds(np.array([[0.25]])) == (pytest.approx(0.25), pytest.approx(0.25))


# What a chain is made from


def test_rounding_of_the_input_is_mended_by_a_stated_rule():
    single = np.random.default_rng(0).dirichlet(np.ones(50), size=50).astype(np.float32)
    assert_allclose(rk.MarkovChain(single).transition.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert rk.MarkovChain([[1 + 1e-16, -1e-16], [0.5, 0.5]]).transition[0, 1] == 0
    table = [[0.333, 0.333, 0.333], [0.25, 0.25, 0.5], [0, 0, 1]]
    with pytest.raises(ValueError, match=r"row 0 sums to 0.999; normalize=True scales"):
        rk.MarkovChain(table)
    assert_allclose(rk.MarkovChain(table, normalize=True).transition[0], 1 / 3, rtol=1e-15)
    with pytest.raises(ValueError, match="row 1 is zero"):
        rk.MarkovChain([[1, 2], [0, 0]], normalize=True)


def test_sparse_matrices_are_taken():
    from scipy import sparse

    P = sparse.csr_array([[0.9, 0.1], [0.3, 0.7]])
    assert_array_equal(rk.MarkovChain(P).transition, [[0.9, 0.1], [0.3, 0.7]])


def test_two_thousand_states():
    """A cycle of two thousand states with one place to rest: aperiodic, and known in closed form."""
    n = 2000
    P = np.roll(np.eye(n), 1, axis=1)
    P[0, [0, 1]] = 0.5
    chain = rk.MarkovChain(P)
    assert chain.is_irreducible
    assert chain.period == 1
    assert_allclose(chain.stationary_distribution, np.where(np.arange(n) == 0, 2, 1) / (n + 1), rtol=1e-13)


def test_chain_estimated_from_its_states():
    """Counts to shares; errors as they are over many sequences of the same length."""
    chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    made = [rk.MarkovChain.from_sequence(chain.simulate(2000, rng=seed)) for seed in range(300)]
    P = np.array([each.transition for each in made])
    assert_allclose(P.mean(axis=0), chain.transition, atol=0.003)
    typical = np.mean([each.standard_errors for each in made], axis=0)
    assert_allclose(P.std(axis=0), typical, rtol=0.15)
    states = chain.simulate(50, rng=0)
    counts = np.array([[np.sum((states[:-1] == i) & (states[1:] == j)) for j in (0, 1)] for i in (0, 1)])
    assert_array_equal(rk.MarkovChain.from_sequence(states).transition, counts / counts.sum(axis=1, keepdims=True))
    with pytest.raises(ValueError, match="state 2 of n_states = 3 is never left"):
        rk.MarkovChain.from_sequence([0, 1, 0, 2])
    with pytest.raises(TypeError, match="states must be integers"):
        rk.MarkovChain.from_sequence([0.0, 1.0])
    with pytest.raises(ValueError, match="n_states must be at least 3"):
        rk.MarkovChain.from_sequence([0, 2, 1, 0], n_states=2)
    assert rk.MarkovChain([[1.0]]).standard_errors is None
