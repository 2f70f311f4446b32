"""The nodes of state and memory: dense algebra and the iterative solver agree, and size is no obstacle."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import LAW
from scipy import stats

import rnnkernel as rk
from rnnkernel import _collocation


def chain_data(n_states, seed, kind="dense"):
    rng = np.random.default_rng(seed)
    P = rng.exponential(size=(n_states, n_states))
    if kind == "clusters":  # two halves, left with probability 5e-4: the gap is 1e-3
        side = np.arange(n_states) < n_states // 2
        inside = side[:, None] == side
        P = 0.9995 * _rows(P * inside) + 0.0005 * _rows(P * ~inside)
    chain = rk.MarkovChain(_rows(P))
    return rk.DataSequence(chain, rng.normal(size=n_states), rng.normal(size=n_states), noise=0.1)


def _rows(P):
    return P / P.sum(axis=1, keepdims=True)


def law_with(contraction):
    return rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(0, 2 * contraction))


@pytest.mark.parametrize(("kind", "contraction"), [("dense", 0.5), ("clusters", 0.5), ("clusters", 0.99)])
def test_iteration_agrees_with_the_dense_null_vector_and_inverse(kind, contraction, monkeypatch):
    data, phi = chain_data(20, 0, kind), rk.MemoryMap(law_with(contraction))
    monkeypatch.setattr(_collocation, "_DENSE", 0)
    mu = rk.StationaryLaw(data, phi)
    T = mu.transition_operator
    _, _, rows = np.linalg.svd(np.eye(len(T)) - T.T)
    assert_allclose(mu.weights, rows[-1] / rows[-1].sum(), atol=1e-11)
    f = np.column_stack([mu.memory * mu.inputs, np.cos(3 * mu.memory), mu.states % 3])
    u = mu.collocation.solve(f)
    centred = f - mu.weights @ f
    exact = np.linalg.lstsq(np.vstack([np.eye(len(T)) - T, mu.weights]), np.vstack([centred, np.zeros(3)]), rcond=None)
    assert_allclose(u, exact[0], atol=1e-10 * np.abs(exact[0]).max())


def test_both_solvers_give_the_same_law_of_the_error(monkeypatch):
    data = chain_data(12, 1)
    found = []
    for dense in (10**6, 0):
        monkeypatch.setattr(_collocation, "_DENSE", dense)
        limit = rk.KernelLimit(data, LAW)
        fluct = limit.fluctuations(2.0, x=[-1.0, 1.5], memory=[-0.2, 0.4])
        found.append([fluct.prediction, fluct.initial_output, fluct.data, fluct.finite_width])
    assert_allclose(found[0], found[1], rtol=1e-9)


def test_means_are_those_of_the_chain():
    """Functions of the state alone: μ(f) = π(f), and the solution and variance are the chain's own."""
    data = chain_data(60, 2, "clusters")
    mu = rk.StationaryLaw(data, rk.MemoryMap(LAW))
    f = data.inputs**2
    sol = mu.solve_poisson(lambda x, m: x**2)  # noqa: ARG005
    assert sol.mean == pytest.approx(data.chain.stationary_distribution @ f, rel=1e-13)
    u = data.chain.solve_poisson(f)
    assert_allclose(sol.values, u[mu.states], atol=1e-12 * np.abs(u).max())
    assert sol.asymptotic_variance == pytest.approx(data.chain.asymptotic_variance(f), rel=1e-11)
    assert sol.residual < 1e-12 * np.abs(u).max()


@pytest.mark.slow
def test_a_thousand_states():
    """Many states with few inputs: merging those that behave alike leaves two, solved densely to 13 digits."""
    n = 1000
    kinds = np.arange(n) % 2
    share = np.random.default_rng(0).dirichlet(np.ones(n // 2), size=2)  # which of its kind is met
    P = np.empty((n, n))
    for kind, other in ((0, 0), (0, 1), (1, 0), (1, 1)):
        P[np.ix_(kinds == kind, kinds == other)] = [[0.9, 0.1], [0.3, 0.7]][kind][other] * share[other]
    big = rk.DataSequence(rk.MarkovChain(P), np.array([-1.0, 1.5])[kinds], np.array([-1.0, 1.5])[kinds])
    small = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), [-1.0, 1.5], [-1.0, 1.5])
    points = {"x": [-1.0, 1.5], "memory": [-0.2, 0.4]}
    limits = [rk.KernelLimit(data, LAW) for data in (big, small)]
    for f in (lambda x, m: m**2 - x, lambda x, m: x * m):
        one, other = (limit.stationary.solve_poisson(f) for limit in limits)
        assert one.mean == pytest.approx(other.mean, rel=1e-12)
        assert one.asymptotic_variance == pytest.approx(other.asymptotic_variance, rel=1e-11)
    assert_allclose(limits[0].predict(2.0, **points), limits[1].predict(2.0, **points), rtol=1e-11)
    one, other = (limit.fluctuations(2.0, **points) for limit in limits)
    assert_allclose(one.data, other.data, rtol=1e-8)
    assert_allclose(one.finite_width, other.finite_width, rtol=1e-8)
    with pytest.raises(MemoryError, match=r"transition_operator would be a matrix of \d+ rows and \d+ GiB"):
        _ = limits[0].stationary.transition_operator


def test_iteration_solves_what_numpy_solves():
    rng = np.random.default_rng(0)
    A = np.eye(40) - 0.9 * np.linalg.qr(rng.normal(size=(40, 40)))[0]
    b = np.column_stack([rng.normal(size=40), np.zeros(40), np.ones(40)])
    assert_allclose(_collocation._iterated(lambda x: A @ x, b), np.linalg.solve(A, b), atol=1e-13)
    singular = np.diag(np.arange(40.0))
    with pytest.raises(ArithmeticError, match="is solved to a share of"):
        _collocation._iterated(lambda x: singular @ x, np.ones((40, 1)))


def test_solutions_answer_at_their_own_nodes():
    """On a ring a state holds few of the memories of all; its map, at the others, stays where the nodes are."""
    ring = rk.DataSequence(rk.MarkovChain(np.roll(np.eye(3), 1, axis=1)), [-1.0, 0.2, 2.5], [0.0, 0.0, 0.0])
    mu = rk.StationaryLaw(ring, rk.MemoryMap(LAW))
    sol = mu.solve_poisson(lambda x, m: x * m + m**2)
    assert_allclose(sol(mu.states, mu.memory), sol.values, atol=1e-13)
    low, high = mu.memory.min(), mu.memory.max()
    assert (mu.intervals[:, 0] >= low - 1e-3).all()
    assert (np.diff(mu.intervals, axis=1) < 0.8 * (high - low)).any()
