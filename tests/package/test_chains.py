"""Finite chains: closed forms, exact identities, and the slow twin of the simulation."""

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import rnnkernel as rk

TWO_STATES = [([[0.9, 0.1], [0.3, 0.7]], [-1.0, 1.5]), ([[0.2, 0.8], [0.65, 0.35]], [3.0, -0.5])]
PERIODIC = rk.MarkovChain([[0, 1, 0], [0.25, 0, 0.75], [0, 1, 0]])
ROTATION = rk.MarkovChain(np.roll(np.eye(4), 1, axis=1))


def random_chain(n_states, seed):
    return rk.MarkovChain(np.random.default_rng(seed).dirichlet(np.ones(n_states), size=n_states))


def random_reversible_chain(n_states, seed):
    flow = np.random.default_rng(seed).random((n_states, n_states)) ** 3
    flow += flow.T
    return rk.MarkovChain(flow / flow.sum(axis=1, keepdims=True))


def total_variation(p, q):
    return np.abs(np.asarray(p) - q).sum() / 2


def mean_square_error(P, centred, n):
    """E_i (A_n − π f)² for every start i, from the powers of P."""
    powers = [np.linalg.matrix_power(P, j) for j in range(n)]
    pairs = sum(powers[j] @ (centred * (powers[k - j] @ centred)) for k in range(n) for j in range(k))
    return (sum(powers[j] @ centred**2 for j in range(n)) + 2 * pairs) / n**2


# Structure


def test_classes_and_period():
    assert rk.MarkovChain([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]).classes == [[0, 1], [2]]
    assert PERIODIC.is_irreducible
    assert PERIODIC.period == 2
    assert ROTATION.period == 4
    assert random_chain(5, 0).period == 1
    cycles_of_4_and_6 = np.zeros((9, 9))
    cycles_of_4_and_6[range(8), range(1, 9)] = 1
    cycles_of_4_and_6[3, [0, 4]] = 0.5
    cycles_of_4_and_6[8, 3] = 1
    assert rk.MarkovChain(cycles_of_4_and_6).period == 2


def test_aperiodic_chain_has_a_positive_power():
    """A cycle of n states with one shortcut: the power (n − 1)² + 1 is the first one without a zero."""
    n = 6
    P = np.roll(np.eye(n), 1, axis=1)
    P[n - 1, [0, 1]] = 0.5
    chain = rk.MarkovChain(P)
    assert chain.period == 1
    first = (n - 1) ** 2 + 1
    assert (np.linalg.matrix_power(P, first) > 0).all()
    assert not (np.linalg.matrix_power(P, first - 1) > 0).all()
    assert chain.doeblin_coefficient(first) > 0


# The stationary law


@pytest.mark.parametrize("transition", [P for P, _ in TWO_STATES])
def test_stationary_distribution_closed_form(transition):
    (_, a), (b, _) = transition
    assert_allclose(rk.MarkovChain(transition).stationary_distribution, [b / (a + b), a / (a + b)], rtol=1e-14)


@pytest.mark.parametrize("chain", [random_chain(7, 1), random_reversible_chain(6, 2), PERIODIC, ROTATION])
def test_stationary_distribution_is_the_only_fixed_law(chain):
    pi = chain.stationary_distribution
    assert_allclose(pi @ chain.transition, pi, rtol=0, atol=1e-15)
    assert (pi > 0).all()
    assert pi.sum() == pytest.approx(1, abs=1e-14)
    assert np.linalg.matrix_rank(np.eye(chain.n_states) - chain.transition) == chain.n_states - 1


def test_stationary_distribution_of_a_nearly_reducible_chain():
    """Grassmann, Taksar and Heyman never subtract: all digits survive probabilities of 1e-9."""
    a, b = 1e-9, 3e-9
    assert_allclose(rk.MarkovChain([[1 - a, a], [b, 1 - b]]).stationary_distribution, [0.75, 0.25], rtol=1e-14)


def test_return_time_is_one_over_the_stationary_probability():
    chain = random_chain(4, 3)
    states = chain.simulate(400_000, rng=1, start=0)
    for i in range(4):
        waits = np.diff(np.flatnonzero(states == i))
        error = waits.std() / np.sqrt(len(waits))
        assert waits.mean() == pytest.approx(1 / chain.stationary_distribution[i], abs=4 * error)


# Forgetting the start


@pytest.mark.parametrize("transition", [P for P, _ in TWO_STATES])
def test_two_state_forgetting_closed_form(transition):
    """From state i, total variation to π after k steps is (1 − π_i)|ρ|^k."""
    chain = rk.MarkovChain(transition)
    rho = chain.transition.trace() - 1
    pi = chain.stationary_distribution
    assert chain.spectral_gap == pytest.approx(1 - abs(rho), rel=1e-13)
    for k in (0, 1, 2, 7, 20):
        assert chain.mixing_distance(k) == pytest.approx((1 - pi).max() * abs(rho) ** k, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_doeblin_bound(seed):
    """‖pP^k − qP^k‖ ≤ (1 − η_r)^⌊k/r⌋ ‖p − q‖, with equality for two states and r = 1; d(k) and ε_r by hand."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(4, 0.3), size=4)
    chain = rk.MarkovChain(P)
    pi = chain.stationary_distribution
    p, q = rng.dirichlet(np.ones(4), size=2)
    for r in (1, 2, 3):
        rows = np.linalg.matrix_power(P, r)
        eta, epsilon = chain.dobrushin_coefficient(r), chain.doeblin_coefficient(r)
        assert eta == pytest.approx(1 - max(total_variation(a, b) for a in rows for b in rows), rel=1e-12)
        assert epsilon == pytest.approx(sum(min(column) for column in rows.T), rel=1e-12)
        assert epsilon <= eta
        for k in range(12):
            power = np.linalg.matrix_power(P, k)
            bound = (1 - eta) ** (k // r)
            assert total_variation(p @ power, q @ power) <= bound * total_variation(p, q) + 1e-15
            distance = max(total_variation(row, pi) for row in power)
            assert chain.mixing_distance(k) == pytest.approx(distance, rel=1e-9, abs=1e-14)
            assert distance <= bound + 1e-15
    two = rk.MarkovChain(P[:2, :2] / P[:2, :2].sum(axis=1, keepdims=True))
    attained = total_variation(*np.linalg.matrix_power(two.transition, 5))
    assert attained <= (1 - two.dobrushin_coefficient()) ** 5 * (1 + 1e-9)
    assert attained >= (1 - two.dobrushin_coefficient()) ** 5 * (1 - 1e-9)


def test_pairs_of_rows_share_more_than_all_rows():
    """Rows (½, ½, 0), (0, ½, ½), (½, 0, ½): all three share nothing, each two a half."""
    chain = rk.MarkovChain([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]])
    assert chain.doeblin_coefficient() == 0
    assert chain.dobrushin_coefficient() == 0.5
    assert chain.dobrushin_coefficient(2) == 0.75
    assert [PERIODIC.dobrushin_coefficient(r) for r in (1, 2, 3)] == [0, 0, 0]


def test_one_closed_class_is_enough():
    """A transient state, then two states for ever: one stationary law, and every bound holds from every start."""
    P = np.array([[0.5, 0.3, 0.2], [0, 0.9, 0.1], [0, 0.3, 0.7]])
    chain, values = rk.MarkovChain(P), np.array([4.0, -1.0, 1.5])
    pi = chain.stationary_distribution
    assert_allclose(pi, [0, 0.75, 0.25], rtol=1e-14)
    assert not chain.is_irreducible
    assert chain.period == 1
    for k in range(1, 9):
        law = np.linalg.matrix_power(P, k)
        distance = max(total_variation(row, pi) for row in law)
        assert chain.mixing_distance(k) == pytest.approx(distance, rel=1e-9)
        assert 0.6**k / 2 <= distance <= (1 - chain.dobrushin_coefficient()) ** k
    assert chain.spectral_gap == pytest.approx(0.4, rel=1e-12)
    assert chain.dobrushin_coefficient() == pytest.approx(0.4)
    assert chain.doeblin_coefficient() == pytest.approx(0.4)
    closed = rk.MarkovChain(P[1:, 1:])
    assert chain.asymptotic_variance(values) == pytest.approx(closed.asymptotic_variance(values[1:]), rel=1e-12)
    u = chain.solve_poisson(values)
    assert_allclose(u - P @ u, values - pi @ values, atol=1e-12)
    n = 30
    error = mean_square_error(P, values - pi @ values, n)
    assert (error <= np.ptp(values) ** 2 * (2 / chain.dobrushin_coefficient() - 1) / n).all()
    assert (np.sqrt(error) <= np.ptp(u) * (1 / n + 0.5 / np.sqrt(n))).all()
    fair = rk.MarkovChain([[0, 0.5, 0.5], [0, 0, 1], [0, 1, 0]])  # the closed class has period 2
    assert fair.period == 2
    assert_allclose(fair.stationary_distribution, [0, 0.5, 0.5], rtol=1e-14)
    assert fair.dobrushin_coefficient(20) == 0
    with pytest.raises(ValueError, match="one closed class"):
        _ = rk.MarkovChain([[0.4, 0.3, 0.3], [0, 1, 0], [0, 0, 1]]).stationary_distribution


def test_maximal_coupling_attains_total_variation():
    """Three faces of total variation, the pair of variables that attains it, and one that does not."""
    p, q = np.random.default_rng(4).dirichlet(np.ones(5), size=2)
    distance = total_variation(p, q)
    common = np.minimum(p, q)
    assert common.sum() == pytest.approx(1 - distance, abs=1e-15)
    joint = np.diag(common) + np.outer(p - common, q - common) / distance
    assert_allclose(joint.sum(axis=1), p, atol=1e-15)
    assert_allclose(joint.sum(axis=0), q, atol=1e-15)
    assert 1 - joint.trace() == pytest.approx(distance, abs=1e-15)
    assert distance <= (1 - joint.trace()) * (1 + 1e-12)
    assert 1 - np.outer(p, q).trace() > distance
    events = [[j for j in range(5) if code >> j & 1] for code in range(32)]
    assert max(p[event].sum() - q[event].sum() for event in events) == pytest.approx(distance, abs=1e-15)
    two_rows = rk.MarkovChain(np.array([p, q, p, q, p]))
    assert two_rows.doeblin_coefficient() == pytest.approx(1 - distance, abs=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_reversible_bound(seed):
    """‖P^k(i,·) − π‖ ≤ ½ √((1 − π_i)/π_i) |λ₂|^k for a reversible chain; equality for two equally likely states."""
    chain = random_reversible_chain(5, seed)
    pi = chain.stationary_distribution
    assert_allclose(pi[:, None] * chain.transition, (pi[:, None] * chain.transition).T, atol=1e-15)
    for k in range(1, 10):
        power = np.linalg.matrix_power(chain.transition, k)
        for i in range(5):
            bound = np.sqrt((1 - pi[i]) / pi[i]) / 2 * (1 - chain.spectral_gap) ** k
            assert total_variation(power[i], pi) <= bound * (1 + 1e-9)
    even = rk.MarkovChain([[0.8, 0.2], [0.2, 0.8]])
    assert even.mixing_distance(3) == pytest.approx(0.5 * 0.6**3)


@pytest.mark.parametrize("chain", [random_chain(6, 5), random_reversible_chain(4, 6)])
def test_spectral_gap_is_the_rate(chain):
    """½|λ₂|^k ≤ d(k), and d(k)^{1/k} tends to |λ₂| = 1 − gap."""
    rate = (chain.mixing_distance(30) / chain.mixing_distance(14)) ** (1 / 16)
    assert rate == pytest.approx(1 - chain.spectral_gap, rel=0.05)
    for k in range(25):
        assert chain.mixing_distance(k) >= (1 - chain.spectral_gap) ** k / 2


# Ergodic averages


@pytest.mark.parametrize(("transition", "values"), TWO_STATES)
def test_asymptotic_variance_closed_form(transition, values):
    chain = rk.MarkovChain(transition)
    pi = chain.stationary_distribution
    rho = chain.transition.trace() - 1
    closed = pi[0] * pi[1] * (values[1] - values[0]) ** 2 * (1 + rho) / (1 - rho)
    assert chain.asymptotic_variance(values) == pytest.approx(closed, rel=1e-13)


@pytest.mark.parametrize("chain", [random_chain(5, 7), random_reversible_chain(5, 8), PERIODIC, ROTATION])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 137])
def test_average_variance_is_the_covariance_sum(chain, n):
    values = np.random.default_rng(9).normal(size=chain.n_states)
    pi = chain.stationary_distribution
    centred = values - pi @ values
    covariance = [pi @ (centred * (np.linalg.matrix_power(chain.transition, j) @ centred)) for j in range(n)]
    naive = (n * covariance[0] + 2 * sum((n - j) * covariance[j] for j in range(1, n))) / n**2
    assert chain.average_variance(values, n) == pytest.approx(naive, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("chain", [random_chain(5, 10), random_reversible_chain(5, 11), PERIODIC])
def test_asymptotic_variance_is_the_limit(chain):
    """n Var(A_n) = σ_f² + c/n up to an exponentially small rest; odd n see the same c even with period 2."""
    values = np.random.default_rng(12).normal(size=chain.n_states)
    sigma2 = chain.asymptotic_variance(values)
    errors = [n * (n * chain.average_variance(values, n) - sigma2) for n in (1001, 2001)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)
    assert abs(errors[0]) > 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_variance_reaches_its_limit_at_the_rate_one_over_n(seed):
    """|n Var(A_n) − σ_f²| ≤ (osc(f) r/η_r)²/(2n)."""
    chain = random_chain(4, seed)
    values = np.random.default_rng(seed).normal(size=4)
    for r in (1, 2):
        constant = (np.ptp(values) * r / chain.dobrushin_coefficient(r)) ** 2 / 2
        for n in (1, 2, 5, 40, 1000):
            gap = abs(n * chain.average_variance(values, n) - chain.asymptotic_variance(values))
            assert gap <= constant / n
    rho, n = 0.999, 10**6  # two sticky states use all of what is allowed
    sticky = rk.MarkovChain([[(1 + rho) / 2, (1 - rho) / 2], [(1 - rho) / 2, (1 + rho) / 2]])
    gap = abs(n * sticky.average_variance([0, 1], n) - sticky.asymptotic_variance([0, 1]))
    allowed = 1 / (2 * n * sticky.dobrushin_coefficient() ** 2)
    assert gap <= allowed
    assert gap >= 0.98 * allowed


def test_two_steps_with_a_pencil():
    chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    assert_allclose(chain.stationary_distribution, [3 / 4, 1 / 4], rtol=1e-14)
    assert chain.average_variance([-1, 1.5], 2) == pytest.approx(0.8 * chain.average_variance([-1, 1.5], 1), rel=1e-12)


def test_average_variance_is_measured():
    chain = random_chain(3, 13)
    values = np.array([1.0, -2.0, 0.5])
    generator = np.random.default_rng(0)
    averages = np.array([values[chain.simulate(50, rng=generator)].mean() for _ in range(20_000)])
    ratio = averages.var() / chain.average_variance(values, 50)
    assert ratio == pytest.approx(1, abs=4 * np.sqrt(2 / 20_000))
    assert averages.mean() == pytest.approx(chain.stationary_distribution @ values, abs=4 * averages.std() / 141)


@pytest.mark.parametrize("seed", range(4))
def test_mean_square_bound_from_any_start(seed):
    """E_i (A_n − π f)² ≤ osc(f)² (2r/η_r − 1)/n, computed exactly from every start."""
    chain = random_chain(4, seed)
    P, pi = chain.transition, chain.stationary_distribution
    values = np.random.default_rng(seed).normal(size=4)
    centred = values - pi @ values
    n = 40
    error = mean_square_error(P, centred, n)
    assert pi @ error == pytest.approx(chain.average_variance(values, n), rel=1e-10)
    for r in (1, 2):
        assert (error <= np.ptp(values) ** 2 * (2 * r / chain.dobrushin_coefficient(r) - 1) / n).all()
    rare = np.array([[1 - 1e-6, 1e-6]] * 2)  # independent draws from a rare state: attained at n = 1
    worst = mean_square_error(rare, np.array([0.0, 1.0]) - 1e-6, 1).max()
    assert worst <= 2 / rk.MarkovChain(rare).dobrushin_coefficient() - 1
    assert worst == pytest.approx(2 / rk.MarkovChain(rare).dobrushin_coefficient() - 1, rel=1e-5)


def test_reversible_variance_bound():
    """Var(A_n) ≤ (Var_π f/n)(1 + λ)/(1 − λ), λ = |λ₂|; sharp for two states with ρ > 0 as n grows."""
    chain = random_reversible_chain(5, 14)
    pi, rate = chain.stationary_distribution, 1 - chain.spectral_gap
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=5)
        variance = pi @ values**2 - (pi @ values) ** 2
        for n in (1, 5, 100):
            assert chain.average_variance(values, n) <= variance / n * (1 + rate) / (1 - rate) * (1 + 1e-12)
    two = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    assert two.average_variance([0, 1], 10**6) == pytest.approx(0.1875e-6 * (1 + 0.6) / (1 - 0.6), rel=1e-5)


@pytest.mark.parametrize("back", [-0.98, -1.0])
def test_negative_eigenvalues_do_no_harm(back):
    """Var(A_n) ≤ (Var_π f/n)(1 + λ₊)/(1 − λ₊), λ₊ = max(λ, 0) over λ ≠ 1: .306 where |λ₂| allows 24.75."""
    swing, slow = (np.array([[1 + each, 1 - each], [1 - each, 1 + each]]) / 2 for each in (back, 0.1))
    chain = rk.MarkovChain(np.kron(swing, slow))
    assert_allclose(np.sort(np.linalg.eigvals(chain.transition).real), np.sort([back, 0.1 * back, 0.1, 1]), atol=1e-12)
    assert chain.spectral_gap == pytest.approx(1 + back, abs=1e-12)
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=4)
        variance = np.mean(values**2) - np.mean(values) ** 2
        for n in (1, 2, 3, 50, 1001):
            assert chain.average_variance(values, n) <= variance / n * (1 + 0.1) / (1 - 0.1) * (1 + 1e-12)
    slowest, n = np.array([0.0, 1.0, 0.0, 1.0]), 10**5
    allowed = 0.25 / n * (1 + 0.1) / (1 - 0.1)
    assert n * allowed == pytest.approx(0.306, abs=5e-4)
    assert chain.average_variance(slowest, n) <= allowed
    assert chain.average_variance(slowest, n) >= 0.999 * allowed


def test_periodic_chain_averages_settle():
    """On a rotation every average over whole turns is exact; the law of the state never settles."""
    values = np.array([1.0, 5.0, -2.0, 0.0])
    assert ROTATION.average_variance(values, 400) == pytest.approx(0, abs=1e-14)
    assert ROTATION.asymptotic_variance(values) == pytest.approx(0, abs=1e-13)
    assert ROTATION.spectral_gap == PERIODIC.spectral_gap == 0
    assert ROTATION.mixing_distance(1001) == pytest.approx(0.75)
    assert all(ROTATION.doeblin_coefficient(r) == 0 for r in range(1, 9))
    assert values[ROTATION.simulate(400, rng=0)].mean() == pytest.approx(values.mean())


@pytest.mark.parametrize("chain", [PERIODIC, ROTATION, random_chain(4, 17)])
def test_average_bound_for_every_irreducible_chain(chain):
    """The root mean square error from any start is at most osc(u) (1/n + ½/√n), u the Poisson solution."""
    P, pi = chain.transition, chain.stationary_distribution
    values = np.random.default_rng(18).normal(size=chain.n_states)
    centred = values - pi @ values
    u = np.linalg.lstsq(np.eye(chain.n_states) - P, centred)[0]
    assert_allclose(u - P @ u, centred, atol=1e-13)
    assert chain.asymptotic_variance(values) == pytest.approx(pi @ (2 * u * centred - centred**2), abs=1e-13)
    for n in (1, 2, 7, 40):
        error = np.sqrt(mean_square_error(P, centred, n))
        assert (error <= np.ptp(u) * (1 / n + 0.5 / np.sqrt(n)) + 1e-12).all()


# Markov's counts (1913)


def test_markov_1913_dispersion():
    """(1 + δ)/(1 − δ) of the letters of Eugene Onegin is what the asymptotic variance says."""
    to_vowel_from_consonant, to_vowel_from_vowel = 7535 / 11362, 1104 / 8638
    chain = rk.MarkovChain(
        [[1 - to_vowel_from_consonant, to_vowel_from_consonant], [1 - to_vowel_from_vowel, to_vowel_from_vowel]]
    )
    pi = chain.stationary_distribution
    assert pi[1] == pytest.approx(8638 / 20000, abs=1e-4)
    delta = to_vowel_from_vowel - to_vowel_from_consonant
    dispersion = chain.asymptotic_variance([0, 1]) / (pi[0] * pi[1])
    assert dispersion == pytest.approx((1 + delta) / (1 - delta), rel=1e-12)
    assert round(dispersion, 2) == 0.30


# Simulation


@pytest.mark.parametrize(("n_states", "n"), [(1, 50), (2, 20_000), (5, 20_000), (150, 5_000)])
def test_simulation_matches_its_slow_twin(n_states, n):
    chain = random_chain(n_states, n_states)
    uniforms = np.random.default_rng(7).random(n)
    assert_array_equal(chain.simulate(n, rng=7, start=0), naive.walk(chain.transition, 0, uniforms))


def test_simulation_visits_states_and_transitions_as_often_as_it_should():
    chain = random_chain(4, 15)
    n = 200_000
    states = chain.simulate(n, rng=2)
    for i in range(4):
        error = np.sqrt(chain.asymptotic_variance(np.eye(4)[i]) / n)
        assert (states == i).mean() == pytest.approx(chain.stationary_distribution[i], abs=4 * error)
        after = states[1:][states[:-1] == i]
        for j in range(4):
            p = chain.transition[i, j]
            assert (after == j).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(after)))


def test_first_state_is_stationary():
    chain = rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    generator = np.random.default_rng(3)
    first = np.array([chain.simulate(1, rng=generator)[0] for _ in range(20_000)])
    assert first.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 20_000))


def test_impossible_transitions_never_happen():
    chain = rk.MarkovChain([[0.1] * 10 + [0.0], [0.0] * 10 + [1.0]] + [[1.0] + [0.0] * 10] * 9)
    states = chain.simulate(100_000, rng=4, start=0)
    assert (chain.transition[states[:-1], states[1:]] > 0).all()


def test_same_seed_same_states():
    chain = random_chain(3, 16)
    assert_array_equal(chain.simulate(1000, rng=5), chain.simulate(1000, rng=np.random.default_rng(5)))
    assert (chain.simulate(1000, rng=5) != chain.simulate(1000, rng=6)).any()
    assert_array_equal(chain.simulate(1000, rng=5)[:10], chain.simulate(10, rng=5))


def test_simulate_nothing():
    assert len(random_chain(3, 0).simulate(0, rng=0)) == 0


# Data


def test_data_sequence_follows_the_chain():
    P, table = np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([[0.0, 1.0], [2.0, 3.0]])
    data = rk.DataSequence(rk.MarkovChain(P), inputs=[[1.0, 0.0], [0.0, 2.0]], targets=table)
    assert data.n_inputs == 2
    x, y = data.simulate(500, rng=0)
    states = data.chain.simulate(501, rng=0)
    assert_array_equal(x, data.inputs[states[:-1]])
    assert_array_equal(y, table[states[:-1], states[1:]])
    assert_allclose(data.mean_target, [0.5, 0.2 * 2 + 0.8 * 3])
    assert_allclose(data.target_variance, [0.25, 0.16])


def test_data_noise():
    data = rk.DataSequence(random_chain(2, 1), inputs=[0.0, 1.0], targets=[0.0, 0.0], noise=0.3)
    assert_allclose(data.target_variance, 0.09)
    _, y = data.simulate(50_000, rng=0)
    assert y.std() == pytest.approx(0.3, rel=4 / np.sqrt(100_000))


# Errors


@pytest.mark.parametrize(
    ("transition", "message"),
    [
        ([[0.5, 0.5]], "square"),
        ([[0.5, 0.6], [0.5, 0.5]], "row 0 sums to 1.1"),
        ([[1.5, -0.5], [0.5, 0.5]], r"transition\[0, 1\] is -0.5"),
        ([[np.nan, 1], [0.5, 0.5]], "finite"),
        ([0.5, 0.5], "dimension"),
        (np.empty((0, 0)), "square"),
    ],
)
def test_wrong_transition(transition, message):
    with pytest.raises(ValueError, match=message):
        rk.MarkovChain(transition)


def test_reducible_chain_is_refused_with_its_classes():
    two_worlds = rk.MarkovChain([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match=r"transition has 2, .* depend on the start.* are 0 and 2"):
        _ = two_worlds.stationary_distribution
    with pytest.raises(ValueError, match="one closed class"):
        two_worlds.simulate(10, rng=0)
    with pytest.raises(ValueError, match="one closed class"):
        two_worlds.asymptotic_variance([0, 0, 1])
    assert two_worlds.spectral_gap == 0
    assert_array_equal(two_worlds.simulate(3, rng=0, start=2), [2, 2, 2])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.simulate(-1, rng=0), ValueError, "n must be"),
        (lambda c: c.simulate(2.0, rng=0), TypeError, "n must be an integer"),
        (lambda c: c.simulate(3, rng=0, start=2), ValueError, "start must be a state from 0 to 1"),
        (lambda c: c.simulate(3, rng=0, start=-1), ValueError, "start must be"),
        (lambda c: c.doeblin_coefficient(-1), ValueError, "steps must be"),
        (lambda c: c.mixing_distance(1.5), TypeError, "steps must be"),
        (lambda c: c.asymptotic_variance([1, 2, 3]), ValueError, "values must hold one number for each of 2 states"),
        (lambda c: c.average_variance([1, 2], 0), ValueError, "n must be"),
        (lambda c: rk.DataSequence(c, [1], [1, 2]), ValueError, "inputs must hold one input for each of 2"),
        (lambda c: rk.DataSequence(c, [1, 2], [1, 2, 3]), ValueError, "targets must have shape"),
        (lambda c: rk.DataSequence(c, [1, 2], [1, 2], noise=-1), ValueError, "noise must be at least 0"),
        (lambda _: rk.DataSequence([[1.0]], [1], [1]), TypeError, "chain must be a MarkovChain"),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]))


# Symbols of a hidden chain

EMISSIONS = np.array([[0.7, 0.3, 0.0], [0.1, 0.3, 0.6]])


def test_a_hidden_chain_is_one_of_states_and_symbols():
    chain = rk.MarkovChain([[0.9, 0.1], [0.2, 0.8]])
    targets = np.arange(9.0).reshape(3, 3)
    data = rk.DataSequence.hidden(chain, EMISSIONS, inputs=[-1.0, 0.0, 1.0], targets=targets, noise=0.2)
    pairs = [(i, a) for i in range(2) for a in range(3) if EMISSIONS[i, a]]
    P = [[chain.transition[i, j] * EMISSIONS[j, b] for j, b in pairs] for i, _ in pairs]
    np.testing.assert_allclose(data.chain.transition, P, atol=1e-15)
    np.testing.assert_array_equal(data.targets, [[targets[a, b] for _, b in pairs] for _, a in pairs])
    np.testing.assert_array_equal(data.inputs, [a - 1.0 for _, a in pairs])
    pi = chain.stationary_distribution
    np.testing.assert_allclose(data.chain.stationary_distribution, [pi[i] * EMISSIONS[i, a] for i, a in pairs])
    assert data.chain.spectral_gap == pytest.approx(chain.spectral_gap, abs=1e-12)
    assert data.noise == 0.2


def test_symbols_are_those_of_the_forward_algorithm():
    """The probability of a word, from the hidden chain alone, against its frequency; the target is the next input."""
    chain = rk.MarkovChain([[0.9, 0.1], [0.2, 0.8]])
    x, y = rk.DataSequence.hidden(chain, EMISSIONS, inputs=[0.0, 1.0, 2.0]).simulate(200_000, rng=0)
    np.testing.assert_array_equal(y[:-1], x[1:])
    for word in ([0, 0, 1], [2, 1, 0], [1, 1, 1]):
        forward = chain.stationary_distribution * EMISSIONS[:, word[0]]
        for symbol in word[1:]:
            forward = forward @ chain.transition * EMISSIONS[:, symbol]
        seen = np.all([x[k : len(x) - 2 + k] == symbol for k, symbol in enumerate(word)], axis=0)
        exact = forward.sum()
        assert seen.mean() == pytest.approx(exact, abs=4 * np.sqrt(10 * exact / len(x)))


def test_symbols_may_be_vectors_with_a_target_each():
    chain = rk.MarkovChain([[0.5, 0.5], [0.5, 0.5]])
    data = rk.DataSequence.hidden(chain, np.eye(2), inputs=[[0.0, 1.0], [2.0, 3.0]], targets=[5.0, 6.0])
    np.testing.assert_array_equal(data.inputs, [[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(data.mean_target, [5.0, 6.0])
    next_first = rk.DataSequence.hidden(chain, np.eye(2), inputs=[[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(next_first.targets, [[0.0, 2.0]] * 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"chain": [[1.0]]}, TypeError, "chain must be a MarkovChain"),
        ({"emissions": [[0.5, 0.5]]}, ValueError, "emissions must hold probabilities .* one row for each of 2 states"),
        ({"emissions": [[0.5, 0.6]] * 2}, ValueError, "emissions must hold probabilities with rows that sum to one"),
        ({"emissions": [[1.5, -0.5]] * 2}, ValueError, "emissions must hold probabilities"),
        ({"inputs": [1.0]}, ValueError, "inputs must hold one input for each of 2 symbols, not 1"),
        ({"targets": [1.0]}, ValueError, r"targets must have shape \(2,\) or \(2, 2\), not \(1,\)"),
    ],
)
def test_wrong_emissions_are_refused(arguments, error, message):
    given = {"chain": rk.MarkovChain([[0.5, 0.5]] * 2), "emissions": [[0.5, 0.5]] * 2, "inputs": [0.0, 1.0]}
    with pytest.raises(error, match=message):
        rk.DataSequence.hidden(**(given | arguments))
