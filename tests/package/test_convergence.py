"""Studies of convergence: what is computed, where it runs, and small versions of what they measure.

The long statistics are in `verify/test_error_law.py`.
"""

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

POINTS = {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}


def study(**options):
    given = {"widths": [20, 60], "betas": [0.6, 0.75], "n_seeds": 5, "times": 2.0, "rng": 7} | POINTS | options
    return rk.convergence_study(rk.KernelLimit(DATA, LAW), **given)


def root_mean_square(errors, axes):
    return np.sqrt((errors**2).mean(axis=axes))


@pytest.fixture(scope="module")
def reference():
    return study()


def test_errors_are_those_of_trained_networks(reference):
    limit = rk.KernelLimit(DATA, LAW)
    entropy = int(np.random.default_rng(7).integers(2**63))
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(60, 3)))
    rnn = rk.RNN.sample(LAW, n_units=60, beta=0.75, rng=rng)
    trained = rk.train(rnn, DATA.simulate(120, rng=rng), learning_rate=1.0).network
    expected = trained.predict(**POINTS) - limit.predict(2.0, **POINTS)
    np.testing.assert_allclose(reference.errors[1, 1, 3], expected, rtol=1e-12)
    np.testing.assert_allclose(reference.std, reference.errors.std(axis=2, ddof=1))
    np.testing.assert_allclose(reference.bias, reference.errors.mean(axis=2))
    predicted = limit.fluctuations(2.0, **POINTS).std(n_units=60, beta=0.75)
    np.testing.assert_allclose(reference.predicted[1, 1], predicted)


def test_times_are_points_on_one_run(reference):
    longer = study(times=[0.0, 0.5, 2.0])
    assert longer.errors.shape == (2, 2, 5, 3, 4)
    np.testing.assert_allclose(longer.errors[:, :, :, 2], reference.errors, rtol=1e-9, atol=1e-12)
    paired = study(times=[0.0, 0.5], paired=True)
    np.testing.assert_allclose(paired.errors[:, :, :, 0], 0.0, atol=1e-13)  # ±C pairs start at zero
    assert np.abs(paired.errors[:, :, :, 1]).min() > 0


def test_seeds_do_not_depend_on_the_rest_of_the_study(reference):
    part = study(widths=[60], betas=[0.75], n_seeds=3)
    assert (part.errors[0, 0] == reference.errors[1, 1, :3]).all()
    assert (study(rng=np.random.default_rng(7)).errors == reference.errors).all()
    assert (study(rng=8).errors != reference.errors).all()


@pytest.mark.slow
def test_workers_do_not_change_a_bit(reference):
    for n_workers in (1, 2):
        with ThreadPoolExecutor(n_workers) as executor:
            assert (study(executor=executor).errors == reference.errors).all()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert (study(executor=executor).errors == reference.errors).all()


@pytest.mark.slow
def test_dask_cluster(reference):
    """The executor of a cluster's client takes the place of threads: no other change."""
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        assert (study(executor=client.get_executor()).errors == reference.errors).all()
        assert len(client.scheduler_info()["workers"]) == 2


def test_failure_drops_the_tasks_that_wait():
    class Failing(Executor):
        def __init__(self):
            self.given = []

        def submit(self, *_):
            self.given.append(Future())
            if len(self.given) == 4:
                self.given[0].set_exception(MemoryError("worker"))
            return self.given[-1]

    failing = Failing()
    with pytest.raises(MemoryError, match="worker"):
        study(executor=failing)
    assert len(failing.given) == 4
    assert all(each.cancelled() for each in failing.given[1:])


def test_progress_bar_counts_networks(capfd):
    study(progress=True)
    assert "20/20" in capfd.readouterr().err
    study()
    assert not capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("n_inputs", [1, 2])
def test_frozen_features_are_the_linearised_network(n_inputs):
    """Gradient descent in c and w, step by step, against what a study does."""
    corners = np.array([[-1.0, 0.5], [1.5, -0.3]])[:, :n_inputs]
    data = rk.DataSequence(DATA.chain, inputs=corners, targets=DATA.targets, noise=0.1)
    law = rk.InitialLaw(stats.norm(0, 1), stats.norm(0.7, 1), stats.uniform(0, 1), n_inputs=n_inputs)
    x, m, N, beta, alpha = corners, np.array([-0.2, 0.3]), 30, 0.7, 0.8
    options = {"widths": [N], "betas": [beta], "n_seeds": 2, "rng": 1, "frozen": True}
    limit = rk.KernelLimit(data, law, learning_rate=alpha)
    measured = rk.convergence_study(limit, times=[0.0, 0.5, 1.5], x=x, memory=m, **options)

    rng = np.random.default_rng(np.random.SeedSequence(int(np.random.default_rng(1).integers(2**63)), spawn_key=(N, 1)))
    C, W, B = law.sample(N, rng=rng)
    c, w, S = np.zeros(N), np.zeros((N, n_inputs)), np.zeros(N)

    def parts(at, memory):
        u = W @ at + memory
        return np.tanh(u), C / np.cosh(u) ** 2

    def output(at, memory):
        S, slope = parts(at, memory)
        return N**-beta * ((C + c) @ S + slope @ (w @ at))

    found = [[output(*point) for point in zip(x, m, strict=True)]]
    for k, (now, y) in enumerate(zip(*data.simulate(45, rng=rng), strict=True)):
        S_next, slope = parts(now, B @ S / N)
        move = alpha / N ** (2 - 2 * beta) * N**-beta * (y - output(now, B @ S / N))
        c, w, S = c + move * S_next, w + move * np.outer(slope, now), S_next
        if k in (14, 44):
            found.append([output(*point) for point in zip(x, m, strict=True)])
    expected = np.array(found) - limit.predict([0.0, 0.5, 1.5], x, m)
    np.testing.assert_allclose(measured.errors[0, 0, 1], expected, rtol=1e-10)


def test_rate_of_known_errors():
    """Sizes 3 N^−0.7 (mean) and N^−0.4 (standard deviation), at points that depend on each other."""
    widths = np.array([50, 100, 400, 3200])
    rng = np.random.default_rng(3)
    covered = np.zeros(3)
    for _ in range(400):
        noise = rng.standard_normal((4, 60, 1)) * [1.0, 0.5, -2.0] + 0.3 * rng.standard_t(8, size=(4, 60, 3))
        size = widths[:, None, None] ** -0.4
        for i, (errors, of, exponent) in enumerate(
            [
                (noise * size + 5.0, "std", -0.4),
                (3.0 * widths[:, None, None] ** -0.7 + 1e-2 * noise * widths[:, None, None] ** -0.7, "bias", -0.7),
                (noise * size, "error", -0.4),
            ]
        ):
            _, (low, high) = rk.fit_rate(widths, errors, of=of)
            covered[i] += low < exponent < high
    # 95 % of 400 is 380 ± 4.4; intervals from 60 seeds are a little narrow
    assert (covered >= 362).all()
    assert (covered <= 396).all()


@pytest.mark.parametrize(("n_seeds", "share"), [(10, 0.81), (40, 0.91)])
def test_few_seeds_make_the_interval_too_narrow(n_seeds, share):
    """As its documentation says."""
    widths, rng, n_runs = np.array([100, 400, 1600]), np.random.default_rng(n_seeds), 1500
    covered = 0
    for _ in range(n_runs):
        low, high = rk.fit_rate(widths, rng.standard_normal((3, n_seeds)) / widths[:, None] ** 0.5).interval
        covered += low < -0.5 < high
    assert covered / n_runs == pytest.approx(share, abs=0.005 + 4 * np.sqrt(share * (1 - share) / n_runs))


def test_rate_is_exact_without_scatter():
    errors = np.array([100.0, 400.0, 900.0])[:, None] ** -0.6 * np.array([1.0, -1.0, 2.0, 0.5])
    for of in ("std", "bias", "error"):
        exponent, (low, high) = rk.fit_rate([100, 400, 900], errors, of=of)
        np.testing.assert_allclose([exponent, (low + high) / 2], -0.6)
        assert high > low


def test_pairs_have_rate_one_half():
    measured = study(widths=[50, 100, 200, 400], betas=[0.6, 0.75], n_seeds=400, paired=True)
    for beta in measured.betas:
        np.testing.assert_allclose(measured.predicted_rate(beta), -0.5)
        exponent, (low, high) = measured.rate(beta, level=0.999)
        assert low < -0.5 < high
        assert high - low < 0.16
        assert abs(exponent + 0.5) < 0.05


def test_independent_units_have_the_rate_of_their_initial_output():
    measured = study(widths=[50, 100, 200, 400], betas=[0.55, 0.9], n_seeds=300)
    assert -0.2 < measured.predicted_rate(0.55) < -0.05
    for beta in measured.betas:
        _, (low, high) = measured.rate(beta, level=0.999)
        assert low < measured.predicted_rate(beta) < high


def test_drift_is_what_frozen_features_remove():
    """A bias of order N^{2β−2}: the difference of two studies that share their draws."""
    same = {"widths": [100, 200, 400], "betas": [0.6, 0.75, 0.9], "n_seeds": 100, "paired": True}
    moving, frozen = study(**same), study(**same, frozen=True)
    for i, beta in enumerate(moving.betas):
        exponent, _ = rk.fit_rate(moving.widths, moving.errors[i] - frozen.errors[i], of="bias")
        assert abs(exponent - (2 * beta - 2)) < 0.05


def test_truncation_is_of_the_next_order():
    """Full back-propagation through time changes each network by less than its own error, and less and less."""
    same = {"widths": [100, 400], "betas": [0.75], "n_seeds": 20}
    short, full = study(**same), study(**same, truncation=12)
    change = root_mean_square(full.errors - short.errors, (0, 2, 3))
    assert (change < 0.1 * root_mean_square(short.errors, (0, 2, 3))).all()
    assert (change > 0).all()
    assert rk.fit_rate(short.widths, (full.errors - short.errors)[0], of="error").exponent < -0.4


@pytest.mark.parametrize("paired", [False, True])
def test_error_law_in_small(paired):
    """Measured standard deviations at N = 400, root mean square over the points, against the predicted ones.

    A sample variance of n seeds has a relative standard deviation of √(2/n) at most; what is of the next order in N
    was measured in `verify/test_error_law.py`: at most 2 % of a standard deviation.
    """
    n_seeds = 500
    measured = study(widths=[400], betas=[0.6, 0.75, 0.9], n_seeds=n_seeds, paired=paired)
    ratio = root_mean_square(measured.std, (1, 2)) / root_mean_square(measured.predicted, (1, 2))
    np.testing.assert_allclose(ratio, 1.0, atol=3.5 / np.sqrt(2 * n_seeds) + 0.02)


def test_wrong_arguments(reference):
    with pytest.raises(ValueError, match="beta must be one of"):
        reference.rate(0.7)
    with pytest.raises(ValueError, match=r"widths\[1\] must be an integer of at least 1"):
        study(widths=[20, 0])
    with pytest.raises(ValueError, match=r"widths must be even when paired=True, not \(21,\)"):
        study(widths=[21], paired=True)
    with pytest.raises(ValueError, match="n_seeds must be an integer of at least 2"):
        study(n_seeds=1)
    with pytest.raises(ValueError, match="times must be ascending"):
        study(times=[2.0, 1.0])
    with pytest.raises(ValueError, match="truncation must be 1 if features are frozen, not 5"):
        study(frozen=True, truncation=5)
    with pytest.raises(ValueError, match="at least two different widths"):
        study(widths=[20]).rate(0.75)
    with pytest.raises(ValueError, match="errors must have shape"):
        rk.fit_rate([10, 20], np.zeros((2, 1)))
    limit = rk.KernelLimit(DATA.simulate(50, rng=0), LAW)
    with pytest.raises(TypeError, match="limit must be that of a finite chain"):
        rk.convergence_study(limit, widths=[20], betas=[0.75], n_seeds=2, times=1.0, rng=0, **POINTS)
    with pytest.raises(TypeError, match="limit must be a KernelLimit, not DataSequence"):
        rk.convergence_study(DATA, widths=[20], betas=[0.75], n_seeds=2, times=1.0, rng=0, **POINTS)
