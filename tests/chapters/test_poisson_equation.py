"""Statements of the chapter *The Poisson equation* against exact computation or, where named, simulation."""

import numpy as np
import pytest
from joint_chain import CASES, FUNCTIONS, HIDDEN, MEMORY, first_overlap, one_step, overlap

import rnnkernel as rk


@pytest.fixture(params=CASES)
def mu(request):
    return CASES[request.param]


@pytest.fixture(params=FUNCTIONS)
def named(request):
    return request.param, FUNCTIONS[request.param]


def test_identity_is_exact(mu, named):
    f = named[1]
    sol = mu.solve_poisson(f)
    states, x, m = mu.simulate(501, rng=3)
    u, forecast = sol(states, m), one_step(mu, sol, states, MEMORY(x, m))
    np.testing.assert_allclose(u - forecast, f(x, m) - mu.mean(f), atol=1e-11)
    martingale = (u[1:] - forecast[:-1]).cumsum()
    np.testing.assert_allclose((f(x, m) - mu.mean(f))[:-1].cumsum(), u[0] - u[1:] + martingale, atol=1e-10)
    parts = sol.decompose(states, m)
    np.testing.assert_allclose(parts.martingale.cumsum(), martingale, atol=1e-10)
    assert parts.boundary == pytest.approx(u[0] - u[-1], abs=1e-12)
    assert parts.total == pytest.approx(parts.boundary + parts.martingale.sum(), abs=1e-10)


def test_two_states_with_a_pencil():
    """The worked example: the solution, and one path of three steps."""
    data = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), [-1.0, 1.5], [0.0, 0.0])
    sol = rk.StationaryLaw(data, MEMORY).solve_poisson(FUNCTIONS["x"])
    zeros = np.zeros(4)
    assert sol.mean == pytest.approx(-0.375, abs=1e-12)
    np.testing.assert_allclose(sol.centred([0, 1], zeros[:2]), [-0.625, 1.875])
    np.testing.assert_allclose(sol([0, 1], zeros[:2]), [-1.5625, 4.6875])
    np.testing.assert_allclose(sol.one_step([0, 1], zeros[:2]), [-0.9375, 2.8125])
    parts = sol.decompose([0, 0, 1, 1], zeros)
    np.testing.assert_allclose([parts.total, parts.boundary, *parts.martingale], [0.625, -6.25, -0.625, 5.625, 1.875])


def test_finite_chain_is_linear_algebra():
    rng = np.random.default_rng(0)
    for n in (2, 3, 6):
        chain = rk.MarkovChain(rng.dirichlet(np.ones(n), size=n))
        P, pi, x = chain.transition, chain.stationary_distribution, rng.normal(size=n)
        Z = np.linalg.inv(np.eye(n) - P + np.outer(np.ones(n), pi))
        u = Z @ (x - pi @ x)
        np.testing.assert_allclose(u - P @ u, x - pi @ x, atol=1e-12)
        assert pi @ u == pytest.approx(0, abs=1e-12)
        assert np.linalg.matrix_rank(np.eye(n) - P) == n - 1  # so solutions differ by constants only
        law = rk.StationaryLaw(rk.DataSequence(chain, x, np.zeros(n)), MEMORY)
        sol = law.solve_poisson(FUNCTIONS["x"])
        np.testing.assert_allclose(sol.values, u[law.states], atol=1e-11)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.3), (0.9, 0.95), (1.0, 0.2), (1.0, 1.0), (1e-3, 2e-3)])
def test_two_states_closed_form(a, b):
    data = rk.DataSequence(rk.MarkovChain([[1 - a, a], [b, 1 - b]]), [-1.0, 1.5], [0.0, 0.0])
    law = rk.StationaryLaw(data, MEMORY)
    sol = law.solve_poisson(FUNCTIONS["x"])
    rho, pi = 1 - a - b, np.array([b, a]) / (a + b)
    np.testing.assert_allclose(data.chain.stationary_distribution, pi)
    np.testing.assert_allclose(sol.values, (law.inputs - pi @ data.inputs) / (1 - rho), rtol=1e-9)
    expected = pi[0] * pi[1] * 2.5**2 * (1 + rho) / (1 - rho)
    assert sol.asymptotic_variance == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if rho == -1:  # no sum of covariances, but a variance: |S_n| = |Δ|/2 at odd n
        for n in (1, 11, 101):
            assert n * data.chain.average_variance(data.inputs, n) == pytest.approx(2.5**2 / (4 * n), rel=1e-9)


def test_overlap_contracts_and_detects_periods():
    rng = np.random.default_rng(1)
    periods = set()
    for _ in range(200):
        n = int(rng.integers(2, 6))
        P = rng.dirichlet(np.ones(n), size=n) * (rng.random((n, n)) < 0.45)
        if (P.sum(axis=1) == 0).any():
            continue
        chain = rk.MarkovChain(P / P.sum(axis=1, keepdims=True))
        indicators = (np.arange(2**n)[:, None] >> np.arange(n)) & 1  # the sup of osc(Pg)/osc(g) is attained at one
        for r in (1, 2, 3):
            images = indicators @ np.linalg.matrix_power(chain.transition, r).T
            common = overlap(chain.transition, r)
            assert np.ptp(images, axis=1).max() == pytest.approx(1 - common, abs=1e-12)
            assert chain.doeblin_coefficient(r) <= common + 1e-12
            assert n > 2 or chain.doeblin_coefficient(r) == pytest.approx(common, abs=1e-12)
        if chain.is_irreducible:
            aperiodic = any(overlap(chain.transition, r) > 1e-12 for r in range(1, n * n + 1))
            assert aperiodic == (chain.period == 1)
            periods.add(chain.period)
    assert {1, 2} <= periods


def test_meeting_time():
    """The coupling of the proof, simulated: both copies follow the chain, and they meet as fast as it says."""
    P, n = HIDDEN.chain.transition, 40_000
    r, epsilon = first_overlap(P)
    assert r > 1
    power, rng = np.linalg.matrix_power(P, r), np.random.default_rng(2)
    state = np.array([np.zeros(n, dtype=int), np.full(n, 2)])
    meeting = np.full(n, -1)

    def draw(rows):
        return (rng.random(len(rows))[:, None] > rows.cumsum(axis=1)).sum(axis=1).clip(max=3)

    for block in range(1, 30):
        p, p_other = power[state[0]], power[state[1]]
        common = np.minimum(p, p_other)
        mass = common.sum(axis=1)
        together = rng.random(n) < mass
        rest = np.where(mass < 1, 1 - mass, 1)[:, None]
        shared = draw(common / np.where(mass > 0, mass, 1)[:, None])
        nxt = np.array([np.where(together, shared, draw((each - common) / rest)) for each in (p, p_other)])
        for copy in (0, 1):
            for i in range(4):
                frequency = np.bincount(nxt[copy][state[copy] == i], minlength=4)
                count = frequency.sum()
                if count:
                    assert (
                        np.abs(frequency - count * power[i]) <= 5 * np.sqrt(count * power[i] * (1 - power[i])) + 1e-9
                    ).all()
        meeting[(meeting < 0) & (nxt[0] == nxt[1])] = block
        state = nxt
        late = np.mean((meeting < 0) | (meeting > block))
        assert late <= (1 - epsilon) ** block + 4 * np.sqrt(0.25 / n)
    assert (meeting > 0).all()
    assert r * meeting.mean() <= r / epsilon


def test_periodic_chain_in_the_sense_of_cesaro_and_abel():
    for P in ([[0, 0.5, 0.5], [1, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]):
        chain = rk.MarkovChain(P)
        returns = [n for n in range(1, 13) if np.linalg.matrix_power(P, n)[0, 0] > 0]
        assert chain.period == np.gcd.reduce(returns) > 1
        pi, n_states = chain.stationary_distribution, 3
        f_bar = np.array([1.0, 0.0, -2.0]) - pi @ [1.0, 0.0, -2.0]
        Z = np.linalg.inv(np.eye(n_states) - chain.transition + pi)
        u = Z @ f_bar
        np.testing.assert_allclose(u - chain.transition @ u, f_bar, atol=1e-12)
        terms = [f_bar]
        for _ in range(20_000):
            terms.append(chain.transition @ terms[-1])
        terms = np.array(terms)
        assert np.abs(terms[-3:]).max() > 0.1  # P^n f̄ does not tend to zero
        partial = terms.cumsum(axis=0)
        averages = partial.cumsum(axis=0) / np.arange(1, len(partial) + 1)[:, None]
        for n in (1, 10, 1000):
            assert np.abs(averages[n - 1] - u).max() <= 2 * np.abs(Z @ u).max() / n + 1e-12
        assert np.abs(partial[-1] - u).max() > 0.1
        r = 0.999
        np.testing.assert_allclose((r ** np.arange(len(terms))) @ terms, u, atol=5e-3)
