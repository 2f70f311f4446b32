"""The law of the error around the limit of a record: exact in what follows from the record, estimated in the rest."""

import numpy as np
import pytest
from reference import DATA, LAW
from scipy.linalg import expm
from test_fluctuations import HIDDEN, UNITS, M, X, all_units

import rnnkernel as rk
from rnnkernel.averages import lags_for

POINTS = [-1.0, 0.8, 0.3], [0.1, -0.2, 0.4]


def bartlett(v, lags, lengths):
    """Σ_{|l| ≤ lags} (1 − |l|/(lags + 1)) c_l, one product after the other."""
    record, total = np.repeat(np.arange(len(lengths)), lengths), 0.0
    v = v - np.mean(v)
    for k in range(len(v)):
        for j in range(len(v)):
            if record[k] == record[j] and abs(k - j) <= lags:
                total += (1 - abs(k - j) / (lags + 1)) * v[k] * v[j]
    return total / len(v)


def limit_of_units(records, units, t, x, m):
    """The limit of records for finitely many units, rows (chance, C², W, B), in the space of all features."""
    chance, C2, W, B = units.T

    def features(inputs, memory):
        u = np.outer(inputs, W) + np.array(memory)[:, None]
        return np.hstack([np.sqrt(chance) * np.tanh(u), inputs[:, None] * np.sqrt(chance * C2) / np.cosh(u) ** 2])

    rows, targets = [], np.concatenate([y for _, y in records])
    for inputs, _ in records:
        memory = [0.0]
        for each in inputs[:-1]:
            memory.append(np.tanh(each * W + memory[-1]) @ (chance * B))
        rows.append(features(inputs, memory))
    F, known = np.vstack(rows), np.isfinite(targets)
    S, b = F[known].T @ F[known] / len(F), F[known].T @ targets[known] / len(F)
    n = len(b)
    propagator = expm(t * np.block([[-S, b[:, None]], [np.zeros((1, n + 1))]]))
    return features(np.array(x), m) @ propagator[:n, n]


@pytest.fixture(scope="module")
def records():
    """Two short records, one target of which is missing."""
    first, second = (HIDDEN.simulate(n, rng=n) for n in (25, 15))
    first[1][7] = np.nan
    return [first, second]


def test_finite_width_is_the_variance_of_the_derivative_in_the_initial_law(records):
    """Memory is followed along the very record, so this is exact."""
    eps, units, expected = 1e-4, all_units(UNITS), np.zeros(3)
    for i, chance in enumerate(units[:, 0]):
        g = []
        for step in (eps, -eps):
            moved = units.copy()
            moved[:, 0] *= 1 - step
            moved[i, 0] += step
            g.append(limit_of_units(records, moved, 1.5, *POINTS))
        expected += chance * ((g[0] - g[1]) / (2 * eps)) ** 2
    limit = rk.KernelLimit(records, UNITS)
    for in_cycles in (False, True):
        found = limit.fluctuations(1.5, *POINTS, in_cycles=in_cycles).finite_width
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_variance_of_the_limit_is_that_of_what_each_step_adds_to_it(records):
    """(1/n) Γ of n ∂g_t/∂w_k, with the weight w_k = 1/n of step k in the law of the record."""
    limit, lags, eps = rk.KernelLimit(records, UNITS, learning_rate=1.3), 3, 1e-5
    mu = limit.stationary
    known = np.flatnonzero(np.isfinite(mu.targets))
    x, m = np.append(mu.inputs[known], POINTS[0]), np.append(mu.memory[known], POINTS[1])
    gram = limit.kernel(x, m, mu.inputs[known], mu.memory[known])
    adds = np.zeros((3, 40))
    for j, k in enumerate(known):
        w = np.full((2, 39), 1 / 40)
        w[:, j] += eps, -eps
        above, below = (rk.gradient_flow(gram, mu.targets[known], 1.5, each, 1.3)[39:] for each in w)
        adds[:, k] = (above - below) / (2 * eps)
    expected = [bartlett(each, lags, [25, 15]) / 40 for each in adds]
    np.testing.assert_allclose(limit.fluctuations(1.5, *POINTS, lags=lags).record, expected, rtol=1e-5)


def test_variance_of_the_data_is_the_integral_of_long_run_variances(records):
    """v^s_k = (e^{−αsA} y)_k (e^{−α(t−s)A} K(z, ·))_k, where A = Gram matrix/n; zero where there is no target."""
    alpha, t, lags = 1.3, 1.5, 4
    limit = rk.KernelLimit(records, UNITS, learning_rate=alpha)
    mu = limit.stationary
    known = np.isfinite(mu.targets)
    points = mu.inputs[known], mu.memory[known]
    A, sections = limit.kernel(*points, *points) / 40, limit.kernel(*POINTS, *points)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    expected = np.zeros(3)
    for s, weight in zip(t * (1 + nodes) / 2, t * weights / 2, strict=True):
        v = np.zeros((3, 40))
        v[:, known] = expm(-alpha * s * A) @ mu.targets[known] * (sections @ expm(-alpha * (t - s) * A))
        expected += weight * alpha**2 * np.array([bartlett(each, lags, [25, 15]) for each in v])
    np.testing.assert_allclose(limit.fluctuations(t, *POINTS, lags=lags).data, expected, rtol=1e-6)


@pytest.mark.parametrize(("data", "law", "where"), [(DATA, LAW, (X, M)), (HIDDEN, UNITS, POINTS)])
def test_a_long_record_tells_the_law_of_its_chain(data, law, where):
    """Bartlett's estimate has the relative variance 4(lags + 1)/3n, and a far smaller bias at these lags."""
    n, lags = 20_000, 30
    exact = rk.KernelLimit(data, law).fluctuations(2.0, *where)
    found = rk.KernelLimit(data.simulate(n, rng=3), law).fluctuations(2.0, *where, lags=lags)
    within = 4 * np.sqrt(4 * (lags + 1) / 3 / n)
    np.testing.assert_allclose(found.data, exact.data, rtol=within)
    np.testing.assert_allclose(found.finite_width, exact.finite_width, rtol=within)
    np.testing.assert_allclose(found.initial_output, exact.initial_output, rtol=within)
    assert (found.record < 4 * found.data / n).all()


@pytest.mark.slow
def test_the_error_of_a_network_has_the_size_that_a_record_predicts():
    """Networks that learn from fresh data, around the limits of records: mean square of errors in units of `std`."""
    n_records, n_networks, squares = 40, 6, []
    for seed in range(n_records):
        limit = rk.KernelLimit(DATA.simulate(2000, rng=seed), LAW)
        law = limit.fluctuations(2.0, X, M)
        for k in range(n_networks):
            rnn = rk.RNN.sample(LAW, n_units=400, beta=0.75, rng=np.random.default_rng([0, seed, k]))
            run = rk.train(rnn, DATA, time=2.0, learning_rate=1.0, rng=np.random.default_rng([1, seed, k]))
            squares.append(((run.network.predict(X, M) - law.prediction) / law.std(n_units=400, beta=0.75)) ** 2)
    share = np.mean(law.record / law.std(n_units=400, beta=0.75) ** 2)  # what networks of a record have in common
    error = np.sqrt(2 * (share**2 / n_records + (1 - share**2) / (n_records * n_networks)))
    assert np.mean(squares) == pytest.approx(1.0, abs=4 * error)
    assert 4 * error < 0.5


def test_a_network_that_reads_the_record_in_cycles_sees_no_fresh_data(records):
    limit = rk.KernelLimit(records, UNITS)
    cycles, fresh = (limit.fluctuations([1.0, 2.0], *POINTS, in_cycles=each) for each in (True, False))
    assert not cycles.data.any()
    assert not cycles.record.any()
    np.testing.assert_array_equal(cycles.initial_output, fresh.initial_output)
    assert (fresh.data > 0).all()
    assert (fresh.record > 0).all()


def test_std_holds_the_variance_of_the_limit(records):
    law = rk.KernelLimit(records, UNITS).fluctuations(2.0, *POINTS)
    per_unit = law.data + 2 * law.finite_width
    np.testing.assert_allclose(
        law.std(n_units=100, beta=0.75, paired=True), np.sqrt(per_unit / 100 + law.record), rtol=1e-12
    )


def test_lags_balance_bias_and_variance():
    """For an autoregression s₁/s₀ = 2ρ/(1 − ρ²); c_l is known to about 1/√n, and s₁ to 0.03 of itself."""
    n, rho = 200_000, 0.6
    x, _ = rk.Autoregression(rho).simulate(n, rng=0)
    exact = 1.1447 * ((2 * rho / (1 - rho**2)) ** 2 * n) ** (1 / 3)
    assert lags_for(x) + 1 == pytest.approx(exact, rel=4 * 0.03 * 2 / 3)
    assert lags_for(np.random.default_rng(0).standard_normal((3, n))) < exact / 3
    assert lags_for(np.stack([1e-9 * x, x])) == lags_for(x)
    assert lags_for(np.zeros((2, 50))) == 0
    assert all(0 <= lags_for(np.arange(float(n))) <= n // 2 for n in (1, 2, 3, 10, 50))


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (DATA, {"lags": 3}, ValueError, "lags and in_cycles have no meaning for a finite chain"),
        (DATA, {"in_cycles": True}, ValueError, "lags and in_cycles have no meaning for a finite chain"),
        (DATA.simulate(20, rng=0), {"lags": 20}, ValueError, "lags must be an integer of at most 19"),
        (DATA.simulate(20, rng=0), {"lags": 1.0}, TypeError, "lags must be an integer"),
        (DATA.simulate(20, rng=0), {"in_cycles": 1}, TypeError, "in_cycles must be True or False"),
    ],
)
def test_wrong_arguments_are_refused(data, options, error, message):
    with pytest.raises(error, match=message):
        rk.KernelLimit(data, LAW).fluctuations(1.0, X, M, **options)
