"""The law of the error against thousands of trained networks: `make verify`.

Standard deviations are root mean squares over four points, as in the book's table.  The prediction is for large N; what
is of the next order shows at N = 400.
"""

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


def study(case, **options):
    data, law, points = case()
    limit, rng = rk.KernelLimit(data, law), {reference: 1, hidden: 2}[case]
    return rk.convergence_study(limit, times=2.0, rng=rng, **points, **options)


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
    data, law, points = case()
    measured = study(case, widths=[400], betas=[0.75], n_seeds=2000)
    fluct = rk.KernelLimit(data, law).fluctuations(2.0, **points)
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
