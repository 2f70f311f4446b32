import copy
import pickle
import warnings

import numpy as np
import pytest
from reference import CHAIN, DATA, LAW
from scipy import stats

import rnnkernel as rk
from rnnkernel.stationary import EmpiricalLaw

LINEAR = rk.Activation("linear", lambda u: u, lambda u: 1.0 + 0.0 * u, lipschitz=1.0)
COIN = rk.DataSequence(rk.MarkovChain([[0.5, 0.5]] * 2), inputs=[-1.0, 1.0], targets=[0.0, 0.0])


def constant(b):
    return stats.rv_discrete(values=([b], [1.0]))


def autoregressive(a, b):
    """M' = a x + b M: σ(u) = u, E[BW] = a and B = b."""
    law = rk.InitialLaw(stats.uniform(-1, 2), stats.norm(a / b, 0.1), constant(b))
    return rk.MemoryMap(law, LINEAR)


@pytest.fixture(scope="module")
def mu():
    return rk.StationaryLaw(DATA, rk.MemoryMap(LAW))


def test_functions_of_the_input_have_the_stationary_distribution_of_the_chain(mu):
    assert mu.weights.sum() == pytest.approx(1, abs=1e-14)
    assert mu.mean(lambda x, _: np.exp(x)) == pytest.approx(0.75 * np.exp(-1) + 0.25 * np.exp(1.5), abs=1e-14)
    assert mu.mean(lambda _x, _m: 3.0) == pytest.approx(3)


def test_weights_are_invariant(mu):
    np.testing.assert_allclose(mu.weights @ mu.transition_operator, mu.weights, atol=1e-14)
    np.testing.assert_allclose(mu.transition_operator.sum(axis=1), 1, atol=1e-13)


def test_transition_operator_is_one_step(mu):
    """On values of a smooth function it gives the mean over both next states."""
    f = lambda s, m: np.cos(3 * m + s)  # noqa: E731
    after = mu.memory_map(mu.inputs, mu.memory)
    expected = sum(CHAIN.transition[mu.states, j] * f(j, after) for j in (0, 1))
    np.testing.assert_allclose(mu.transition_operator @ f(mu.states, mu.memory), expected, atol=1e-13)


def test_memory_never_leaves_its_intervals(mu):
    low, high = mu.intervals.T
    assert (low <= 0).all()
    assert (high >= 0).all()
    t = np.linspace(0, 1, 101)
    for i, x in enumerate(DATA.inputs):
        after = mu.memory_map(x, low[i] + (high - low)[i] * t)
        assert low.max() <= after.min()
        assert after.max() <= high.min()
    m = mu.memory_map.trajectory(DATA.simulate(5000, rng=0)[0])
    assert low.max() < m.min() < 0.9 * low.max()
    assert 0.9 * high.min() < m.max() < high.min()


@pytest.mark.parametrize("P", [[[0.9, 0.1], [0.3, 0.7]], [[0.2, 0.8], [0.5, 0.5]], [[0.1, 0.9], [0.6, 0.4]]])
@pytest.mark.parametrize(("a", "b"), [(0.4, 0.5), (-0.3, 0.8), (0.5, -0.6)])
def test_linear_memory_in_closed_form(P, a, b):
    """First and second moments of M' = a x + b M, and the long-run variance a² σ_x²/(1 − b)²."""
    chain, x = rk.MarkovChain(P), np.array([-1.0, 1.5])
    data = rk.DataSequence(chain, x, targets=[0.0, 0.0])
    mu = rk.StationaryLaw(data, autoregressive(a, b))
    pi, PT = chain.stationary_distribution, chain.transition.T
    first = np.linalg.solve(np.eye(2) - b * PT, a * PT @ (pi * x))  # E[M; s]
    second = np.linalg.solve(np.eye(2) - b**2 * PT, PT @ (a**2 * x**2 * pi + 2 * a * b * x * first))
    assert mu.mean(lambda _, m: m) == pytest.approx(first.sum(), abs=1e-13)
    assert mu.mean(lambda _, m: m) == pytest.approx(a * (pi @ x) / (1 - b), abs=1e-13)
    assert mu.mean(lambda x, m: x * m) == pytest.approx(x @ first, abs=1e-13)
    assert mu.mean(lambda _, m: m**2) == pytest.approx(second.sum(), abs=1e-13)
    rho = P[0][0] + P[1][1] - 1
    long_run = pi[0] * pi[1] * 2.5**2 * (1 + rho) / (1 - rho)
    sol = mu.solve_poisson(lambda _, m: m)
    assert sol.asymptotic_variance == pytest.approx(long_run * a**2 / (1 - b) ** 2, rel=1e-11)


@pytest.mark.parametrize(("b", "name"), [(1 / 2, "uniform"), (1 / 3, "Cantor")])
def test_bernoulli_convolutions(b, name):
    """M' = (1 − b) x + b M with a fair coin x = ±1: moments from the recursion; 1/(k + 1) for the uniform law."""
    mu = rk.StationaryLaw(COIN, autoregressive(1 - b, b))
    moments = [1.0]
    for k in range(1, 13):
        # (1 − b^k) E M^k = Σ_{j<k} C(k, j) b^j (1 − b)^{k−j} E M^j E x^{k−j}
        terms = [stats.binom(k, b).pmf(j) * moments[j] * (1 - (k - j) % 2) for j in range(k)]
        moments.append(sum(terms) / (1 - b**k))
    for k in range(13):
        assert mu.mean(lambda _, m, k=k: m**k) == pytest.approx(moments[k], abs=1e-12)
    if name == "uniform":
        np.testing.assert_allclose(moments[::2], 1 / (1 + np.arange(0, 13, 2)))


@pytest.mark.parametrize(("n_nodes", "digits"), [(8, 1e-8), (16, 1e-14), (24, 1e-14), (32, 1e-14), (None, 1e-14)])
def test_convergence_in_the_nodes(n_nodes, digits):
    fine = rk.StationaryLaw(DATA, rk.MemoryMap(LAW), n_nodes=48)
    mu = rk.StationaryLaw(DATA, rk.MemoryMap(LAW), n_nodes=n_nodes)
    for f in (lambda x, m: x * m, lambda _, m: np.tanh(m - 1), lambda x, m: np.cos(m) * x):
        assert mu.mean(f) == pytest.approx(fine.mean(f), abs=digits)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "erf"])
def test_three_states_with_two_inputs_against_a_long_path(activation):
    """Means of a path of 40 000 steps, within four of the standard errors that the Poisson equation predicts."""
    law = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(0.7, 1), stats.norm(-0.5, 1)], stats.uniform(-0.2, 1))
    chain = rk.MarkovChain([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    data = rk.DataSequence(chain, [[1.0, 0.2], [-0.5, 1.0], [0.3, -1.2]], targets=[0.0, 1.0, 2.0])
    mu = rk.StationaryLaw(data, rk.MemoryMap(law, activation))
    _, x, m = mu.simulate(40_000, rng=0)
    for f in (lambda _, m: m, lambda x, m: x[:, 1] * m, lambda _, m: m**2):
        sol = mu.solve_poisson(f)
        error = f(x, m).mean() - sol.mean
        assert abs(error) < 4 * np.sqrt(sol.asymptotic_variance / len(m))
        assert sol.residual < 1e-12


def test_samples_are_independent_and_have_the_law(mu):
    x, m = mu.sample(20_000, rng=1)
    for f in (lambda x, m: x * m, lambda _, m: m, lambda _, m: m**2):
        assert abs(f(x, m).mean() - mu.mean(f)) < 4 * f(x, m).std() / np.sqrt(20_000)
    assert abs(np.corrcoef(m[1:], m[:-1])[0, 1]) < 4 / np.sqrt(20_000)
    np.testing.assert_array_equal(mu.sample(100, rng=2)[1], mu.sample(100, rng=2)[1])


@pytest.mark.slow
def test_samples_of_a_memory_that_forgets_faster_than_its_bound():
    """q = 0.9999, yet paths of a few hundred steps are enough: their law is that of the nodes."""
    law = rk.InitialLaw(LAW.output, LAW.inputs[0], stats.uniform(0, 2 * 0.9999))
    mu = rk.StationaryLaw(DATA, rk.MemoryMap(law))
    assert mu.memory_map.steps_to_forget > 100_000
    assert mu._steps_to_forget() < 2000
    x, m = mu.sample(20_000, rng=0)
    for f in (lambda x, m: m, lambda x, m: x * m, lambda x, m: m * m):  # noqa: ARG005
        values = f(x, m)
        assert values.mean() == pytest.approx(mu.mean(f), abs=4 * values.std() / np.sqrt(20_000))
    short = rk.StationaryLaw(DATA, rk.MemoryMap(LAW))
    assert short._steps_to_forget() == short.memory_map.steps_to_forget


def test_a_simulated_path_follows_the_memory_map(mu):
    states, x, m = mu.simulate(500, rng=3)
    np.testing.assert_array_equal(x, DATA.inputs[states])
    np.testing.assert_allclose(mu.memory_map(x[:-1], m[:-1]), m[1:], atol=1e-15)


def test_a_periodic_chain_has_the_average_over_its_cycle():
    shift = np.roll(np.eye(3), 1, axis=1)
    data = rk.DataSequence(rk.MarkovChain(shift), inputs=[-1.0, 0.5, 2.0], targets=[0.0, 0.0, 0.0])
    memory = rk.MemoryMap(LAW)
    mu = rk.StationaryLaw(data, memory)
    cycle = memory.trajectory([-1.0, 0.5, 2.0] * 40)[-4:-1]
    for f in (lambda _, m: m, lambda x, m: x * np.exp(m)):
        assert mu.mean(f) == pytest.approx(f(np.array([-1.0, 0.5, 2.0]), cycle).mean(), abs=1e-13)
    sol = mu.solve_poisson(lambda _, m: m)
    assert sol.asymptotic_variance == pytest.approx(0, abs=1e-13)


def test_one_state_holds_the_fixed_point():
    mu = rk.StationaryLaw(rk.DataSequence(rk.MarkovChain([[1.0]]), [1.5], [0.0]), rk.MemoryMap(LAW))
    star = mu.memory_map.fixed_points(1.5)[0]
    assert mu.mean(lambda _, m: m) == pytest.approx(star, abs=1e-14)
    assert mu.mean(lambda _, m: np.sin(5 * m)) == pytest.approx(np.sin(5 * star), abs=1e-12)


def test_hidden_states_keep_their_own_memory():
    """Two states share an input; their mean memories differ, as a long path shows."""
    chain = rk.MarkovChain([[0.8, 0.2, 0.0], [0.0, 0.1, 0.9], [0.5, 0.0, 0.5]])
    data = rk.DataSequence(chain, inputs=[1.0, -1.0, -1.0], targets=[0.0, 1.0, -1.0])
    mu = rk.StationaryLaw(data, rk.MemoryMap(LAW))
    states, _, m = mu.simulate(100_000, rng=0)
    means = [
        mu.weights[mu.states == i] @ mu.memory[mu.states == i] / chain.stationary_distribution[i] for i in range(3)
    ]
    assert abs(means[1] - means[2]) > 0.05
    for i in range(3):
        assert means[i] == pytest.approx(m[states == i].mean(), abs=0.005)


def test_inputs_of_zero_and_vanishing_memory():
    zero = rk.DataSequence(CHAIN, inputs=[0.0, 0.0], targets=[0.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rk.AssumptionWarning)
        centred = rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), stats.uniform(-0.5, 1)))
    for data, memory in ((zero, rk.MemoryMap(LAW)), (DATA, centred)):
        mu = rk.StationaryLaw(data, memory)
        assert mu.mean(lambda _, m: m) == pytest.approx(0, abs=1e-14)
        assert mu.mean(lambda _, m: np.cos(m)) == pytest.approx(1, abs=1e-14)


def test_chains_without_one_law_are_refused():
    with pytest.raises(ValueError, match="one closed class"):
        rk.StationaryLaw(rk.DataSequence(rk.MarkovChain(np.eye(2)), [0.0, 1.0], [0.0, 1.0]), rk.MemoryMap(LAW))
    with pytest.warns(rk.AssumptionWarning, match="contraction factor"):
        expanding = rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), constant(1.5)))
    for inputs in ([0.0, 0.0], [0.02, -0.02]):
        with pytest.raises(ValueError, match="more than one invariant law"):
            rk.StationaryLaw(rk.DataSequence(CHAIN, inputs, targets=[0.0, 0.0]), expanding)


def test_a_memory_that_expands_somewhere_may_still_have_one_law():
    """q = 1.5, but inputs ±1 push memory out of where the map expands often enough."""
    with pytest.warns(rk.AssumptionWarning, match="contraction factor"):
        expanding = rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(0.7, 1), constant(1.5)))
    mu = rk.StationaryLaw(rk.DataSequence(CHAIN, [-1.0, 1.0], targets=[0.0, 0.0]), expanding)
    _, x, m = mu.simulate(200_000, rng=0)
    sol = mu.solve_poisson(lambda x, m: x * m)
    assert abs(np.mean(x * m) - sol.mean) < 4 * np.sqrt(sol.asymptotic_variance / 200_000)
    assert sol.residual < 1e-8


def test_interpolation_is_exact_on_polynomials_and_refuses_to_extrapolate(mu):
    f = lambda s, m: (1 + s) * (m**5 - 2 * m) + s  # noqa: E731
    interpolant = mu.interpolate(f(mu.states, mu.memory))
    s, m = np.array([0, 1, 1, 0]), np.array([-0.25, 0.0, 0.2, mu.memory[3]])
    np.testing.assert_allclose(interpolant(s, m), f(s, m), atol=1e-14)
    np.testing.assert_allclose(interpolant(0, [0.1, 0.2]), f(0, np.array([0.1, 0.2])), atol=1e-14)
    both = mu.interpolate(np.column_stack([f(mu.states, mu.memory), mu.memory]))
    np.testing.assert_allclose(both(s, m), np.column_stack([f(s, m), m]), atol=1e-14)
    weights = mu.interpolate(np.eye(len(mu.memory)))(s, m)  # one row for each point
    np.testing.assert_allclose(weights @ f(mu.states, mu.memory), f(s, m), atol=1e-14)
    assert (weights[:, mu.states == 0][s == 1] == 0).all()
    assert interpolant(s[:0], m[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"memory must be within \[-0.2"):
        interpolant([0], [0.5])
    with pytest.raises(ValueError, match="one value for each of"):
        mu.interpolate([1.0, 2.0])
    for s in ([2], [0, 2]):
        with pytest.raises(ValueError, match="states must be from 0 to 1"):
            interpolant(s, [0.1])
    with pytest.raises(TypeError, match="states must be integers"):
        interpolant([0.5], [0.1])


def test_the_law_of_a_given_sequence_is_empirical():
    x, y = DATA.simulate(300, rng=0)
    memory = rk.MemoryMap(LAW)
    mu = rk.StationaryLaw((x, y), memory)
    m = memory.trajectory(x)[:-1]
    assert isinstance(mu, EmpiricalLaw)
    np.testing.assert_array_equal(mu.memory, m)
    np.testing.assert_array_equal(mu.targets, y)
    assert mu.mean(lambda x, m: x * m) == pytest.approx(np.mean(x * m))
    xs, ms = mu.sample(50, rng=0)
    assert set(zip(xs, ms, strict=True)) <= set(zip(x, m, strict=True))
    for request in (
        lambda: mu.solve_poisson(lambda _, m: m),
        lambda: mu.simulate(3, rng=0),
        lambda: mu.interpolate(mu.memory),
        lambda: mu.transition_operator,
        lambda: mu.intervals,
        lambda: mu.states,
    ):
        with pytest.raises(TypeError, match="transition probabilities of a finite chain"):
            request()


def test_memory_starts_anew_in_each_of_several_records():
    x, y = DATA.simulate(300, rng=0)
    y[5] = np.nan
    memory = rk.MemoryMap(LAW)
    mu = rk.StationaryLaw([(x[:100], y[:100]), [x[100:], y[100:]]], memory)
    apart = [memory.trajectory(part)[:-1] for part in (x[:100], x[100:])]
    np.testing.assert_array_equal(mu.memory, np.concatenate(apart))
    np.testing.assert_array_equal(mu.inputs, x)
    np.testing.assert_array_equal(mu.targets, y)
    np.testing.assert_array_equal(mu.weights, np.full(300, 1 / 300))
    one = rk.StationaryLaw([x.tolist(), y.tolist()], memory)
    np.testing.assert_array_equal(one.memory, memory.trajectory(x)[:-1])


@pytest.mark.parametrize("data", [DATA, DATA.simulate(50, rng=0)], ids=["chain", "path"])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda mu: pickle.loads(pickle.dumps(mu))])
def test_a_law_can_be_copied_and_pickled(data, again):
    mu = rk.StationaryLaw(data, rk.MemoryMap(LAW))
    other = again(mu)
    assert type(other) is type(mu)
    assert isinstance(other, rk.StationaryLaw)
    np.testing.assert_array_equal(other.sample(10, rng=0), mu.sample(10, rng=0))
    assert other.mean(lambda x, m: x * m) == mu.mean(lambda x, m: x * m)


def test_long_paths_of_other_sequences_approach_the_law_of_their_chain(mu):
    """A chain hidden behind ``simulate`` gives the empirical law, within four standard errors."""

    class Source:
        def simulate(self, n, *, rng):
            return DATA.simulate(n, rng=rng)

    sequence = rk.StationaryLaw(Source(), mu.memory_map, n_steps=50_000, rng=1)
    assert len(sequence.memory) == 50_000
    for f in (lambda _, m: m, lambda x, m: x * m):
        sol = mu.solve_poisson(f)
        assert abs(sequence.mean(f) - sol.mean) < 4 * np.sqrt(sol.asymptotic_variance / 50_000)


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ("data", {}, TypeError, "data must be a DataSequence"),
        (([1.0, 2.0], [1.0]), {}, ValueError, "data must hold as many targets as inputs, not 1 and 2"),
        (([], []), {}, ValueError, "at least one step in each record"),
        ([([1.0], [1.0]), ([], [])], {}, ValueError, "at least one step in each record"),
        (([1.0, np.nan], [1.0, 1.0]), {}, ValueError, "no step can do without its input"),
        (([1.0], [1.0], [1.0]), {}, ValueError, "pair"),
        (([1.0], [1.0]), {"n_nodes": 5}, ValueError, "each step is a node"),
        (([1.0], [1.0]), {"n_steps": 5}, ValueError, "all of its steps are used"),
        (rk.Autoregression(0.5), {"n_steps": 0}, ValueError, "n_steps must be an integer of at least 1"),
        (DATA, {"n_steps": 5}, ValueError, "n_steps has no meaning for a finite chain"),
        ((np.ones((3, 2)), np.ones(3)), {}, ValueError, "x of data must have shape"),
        (DATA, {"n_nodes": 1}, ValueError, "n_nodes, if data is a chain, must be an integer of at least 2"),
        (rk.DataSequence(CHAIN, np.ones((2, 2)), [0.0, 1.0]), {}, ValueError, "data must have inputs of 1"),
    ],
)
def test_wrong_arguments_are_refused(data, options, error, message):
    with pytest.raises(error, match=message):
        rk.StationaryLaw(data, rk.MemoryMap(LAW), **options)


def test_wrong_functions_are_refused(mu):
    with pytest.raises(TypeError, match="memory_map must be a MemoryMap"):
        rk.StationaryLaw(DATA, LAW)
    with pytest.raises(ValueError, match="f must return one value"):
        mu.mean(lambda _x, _m: np.ones(3))
    with pytest.raises(ValueError, match="f must be finite"):
        mu.mean(lambda _, m: np.full(len(m), np.nan))


def test_inputs_beyond_the_quadrature_are_announced():
    data = rk.DataSequence(CHAIN, inputs=[-80.0, 1.0], targets=[0.0, 1.0])
    law = rk.InitialLaw(LAW.output, stats.logistic(0.7, 0.5), LAW.recurrent)
    with pytest.warns(RuntimeWarning, match="inputs as large as 80 in coordinate 0"):
        rk.StationaryLaw(data, rk.MemoryMap(law))
