"""The law of the error against thousands of trained networks: `make verify`.

Standard deviations are root mean squares over four points, as in the book's table.  What the prediction leaves out is
measured, too: its orders are N^(2β−3) in the variance and N^(4β−4) in the mean.
"""

from itertools import product

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

pytestmark = pytest.mark.verify

BETAS = [0.6, 0.75, 0.9]


def reference():
    return DATA, LAW, {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}


def hidden():
    """States 0 and 1 share an input; the target depends on the transition, and has noise."""
    chain = rk.MarkovChain([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    targets = [[1.0, 0.5, -1.0], [-1.0, 0.0, 0.3], [0.2, 0.8, -0.5]]
    data = rk.DataSequence(chain, inputs=[-1.0, -1.0, 1.0], targets=targets, noise=0.5)
    law = rk.InitialLaw(stats.norm(0, 1), stats.norm(0.5, 1), recurrent=lambda W: np.tanh(W[:, 0]))
    return data, law, {"x": [-1.0, -1.0, 1.0, 1.0], "memory": [-0.2, 0.1, 0.1, 0.4]}


def sticky():
    """Ten times as long in one state, and twice the learning rate."""
    chain = rk.MarkovChain([[0.975, 0.025], [0.075, 0.925]])
    return rk.DataSequence(chain, [-1.0, 1.0], targets=[[-1.0, 1.0]] * 2), LAW, reference()[2]


def zero():
    data, law, points = sticky()
    return rk.DataSequence(data.chain, data.inputs, targets=[0.0, 0.0]), law, points


SEED, RATE = {reference: 1, hidden: 2, sticky: 3, zero: 4}, {reference: 1.0, hidden: 1.0, sticky: 2.0, zero: 2.0}


def study(case, **options):
    data, law, points = case()
    limit = rk.KernelLimit(data, law, learning_rate=RATE[case])
    return rk.convergence_study(limit, times=2.0, rng=SEED[case], **points, **options)


def law_of_error(case):
    data, law, points = case()
    return rk.KernelLimit(data, law, learning_rate=RATE[case]).fluctuations(2.0, **points)


@pytest.mark.parametrize("case", [reference, hidden])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("n_units", "n_seeds", "within"), [(400, 4000, 0.06), (1600, 1500, 0.04)])
def test_standard_deviation(case, paired, n_units, n_seeds, within):
    measured = study(case, widths=[n_units], betas=BETAS, n_seeds=n_seeds, paired=paired)
    size, predicted = (np.sqrt((each[:, 0] ** 2).mean(axis=-1)) for each in (measured.std, measured.predicted))
    for row in zip(BETAS, predicted, size, size / predicted, strict=True):
        print(f"{case.__name__}, N = {n_units}, paired = {paired}, beta = %.2f: %.4f predicted, %.4f, ratio %.3f" % row)
    np.testing.assert_allclose(size / predicted, 1.0, atol=within)


@pytest.mark.parametrize("case", [reference, hidden])
def test_band_covers(case):
    """The 95 % band of one network at each of the four points, over 2000 networks."""
    measured = study(case, widths=[400], betas=[0.75], n_seeds=2000)
    fluct = law_of_error(case)
    low, high = fluct.band(n_units=400, beta=0.75, level=0.95)
    outputs = fluct.prediction + measured.errors[0, 0]
    covered = ((low < outputs) & (outputs < high)).mean(axis=0)
    print(f"{case.__name__}: covered {covered}")
    np.testing.assert_allclose(covered, 0.95, atol=0.02)


def test_pairs_have_rate_one_half():
    measured = study(reference, widths=[100, 400, 1600, 6400], betas=[0.6, 0.75], n_seeds=400, paired=True)
    for beta in measured.betas:
        exponent, interval = measured.rate(beta)
        print(f"beta = {beta}: exponent {exponent:.3f}, interval {interval}")
        assert abs(exponent + 0.5) < 0.03


@pytest.mark.parametrize("beta", [0.6, 0.75, 0.9])
def test_drift_of_the_kernel(beta):
    """The bias that frozen features remove, N^{2β−2}."""
    same = {"widths": [100, 400, 1600], "betas": [beta], "n_seeds": 300, "paired": True}
    moving, frozen = study(reference, **same), study(reference, **same, frozen=True)
    exponent, interval = rk.fit_rate(moving.widths, moving.errors[0] - frozen.errors[0], of="bias")
    print(f"beta = {beta}: exponent {exponent:.3f}, interval {interval}")
    assert abs(exponent - (2 * beta - 2)) < 0.03


def test_drift_of_skewed_units_is_of_first_order():
    """β = ¾ and E C³ ≠ 0, independent units: N^(β−1) times a constant, once higher orders no longer show."""
    data, _, points = reference()
    skewed = rk.InitialLaw(  # E C = 0, E C² = 1/3, E C³ = 2/9
        stats.rv_discrete(values=([-1 / 3, 1.0], [0.75, 0.25])), stats.norm(0.7, 1), stats.uniform(0, 1)
    )
    limit, widths, seeds = rk.KernelLimit(data, skewed), [200, 400, 800, 1600], {"n_seeds": 1200, "rng": 3}
    moving, frozen = (
        rk.convergence_study(limit, widths=widths, betas=[0.75], times=2.0, frozen=each, **seeds, **points)
        for each in (False, True)
    )
    rate = rk.fit_rate(widths, moving.errors[0] - frozen.errors[0], of="bias")
    assert rate.exponent == pytest.approx(-0.25, abs=0.03)
    assert rate.interval[1] - rate.interval[0] < 0.03


@pytest.mark.parametrize("case", [reference, sticky])
@pytest.mark.parametrize("paired", [False, True])
def test_mean_and_variance_to_the_next_order(case, paired):
    """For β ≤ ¾ and each point: variances within 3 % and two standard errors, means within four standard errors."""
    betas, widths, n_seeds = [0.5, 0.6, 0.75], [100, 200, 400], 20_000
    measured = study(case, widths=widths, betas=betas, n_seeds=n_seeds, paired=paired)
    fluct = law_of_error(case)
    for (i, beta), (j, n_units) in product(enumerate(betas), enumerate(widths)):
        which = {"n_units": n_units, "beta": beta, "paired": paired}
        std, bias = fluct.std(**which), fluct.mean(**which) - fluct.prediction
        ratio = (measured.std[i, j] / std) ** 2
        z = (measured.bias[i, j] - bias) / std * np.sqrt(n_seeds)
        print(
            f"{case.__name__}, N = {n_units}, beta = {beta}, paired = {paired}: variance {ratio}, mean {z} errors off"
        )
        np.testing.assert_allclose(ratio, 1.0, atol=0.03 + 2 * np.sqrt(2 / n_seeds))
        assert np.abs(z).max() < 4


def test_what_the_random_start_disturbs():
    """Y = 0: all of the error is what training leaves of the start, N^(1−2β) (V^G + V^D/N); at N = 50 no N^−2 shows."""
    n_units, n_seeds = 50, 100_000
    fluct = law_of_error(zero)
    measured = study(zero, widths=[n_units], betas=[0.5], n_seeds=n_seeds)
    found = n_units * (measured.std[0, 0] ** 2 - fluct.initial_output)
    error = n_units * fluct.std(n_units=n_units, beta=0.5) ** 2 * np.sqrt(2 / n_seeds)
    print(f"V^D {fluct.next_order.random_start}, measured {found} ± {error}")
    np.testing.assert_allclose(found, fluct.next_order.random_start, atol=4 * error.max())


@pytest.mark.parametrize("case", [reference, sticky])
def test_what_is_left_out_has_its_order(case):
    """β = 0.9, pairs, against their frozen twins: mean less drift, N^(4β−4), and variance, N^(2β−3)."""
    beta, widths = 0.9, [100, 400, 1600]
    same = {"widths": widths, "betas": [beta], "n_seeds": 4000, "paired": True}
    moving, frozen = (study(case, **same, frozen=each).errors[0] for each in (False, True))
    fluct = law_of_error(case)
    drift = np.array(widths)[:, None, None] ** (2 * beta - 2) * fluct.next_order.drift
    mean = rk.fit_rate(widths, moving - frozen - drift, of="bias")
    moving, frozen = ((each - each.mean(axis=1, keepdims=True)) ** 2 for each in (moving, frozen))
    variance = rk.fit_rate(widths, moving - frozen, of="bias")
    print(f"{case.__name__}: mean {mean}, variance {variance}")
    assert abs(mean.exponent - (4 * beta - 4)) < 0.15
    assert abs(variance.exponent - (2 * beta - 3)) < 0.15


@pytest.mark.parametrize(("case", "least"), [(reference, 50), (sticky, 200)])
def test_band_covers_from_some_width_on(case, least):
    """95 % ± 1 % for all ½ ≤ β ≤ 0.9, independent units and pairs, each point, and the error of 20 000 networks."""
    fluct = law_of_error(case)
    for paired in (False, True):
        measured = study(case, widths=[least], betas=[0.5, 0.75, 0.9], n_seeds=20_000, paired=paired)
        for errors, beta in zip(measured.errors[:, 0], measured.betas, strict=True):
            low, high = fluct.band(n_units=least, beta=beta, paired=paired)
            outputs = fluct.prediction + errors
            covered = ((low < outputs) & (outputs < high)).mean(axis=0)
            print(f"{case.__name__}, N = {least}, beta = {beta}, paired = {paired}: covered {covered}")
            np.testing.assert_allclose(covered, 0.95, atol=0.01 + 2 * np.sqrt(0.95 * 0.05 / 20_000))
