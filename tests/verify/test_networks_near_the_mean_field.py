"""The limit at β = 1, refined, and against networks of growing width: `make verify`."""

import numpy as np
import pytest
from reference import DATA, LAW
from scipy import stats

import rnnkernel as rk

pytestmark = pytest.mark.verify

CIRCLE = rk.MarkovChain([[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.9, 0.0, 0.1]])
NEXT = np.array([[-1.0, -1.0, 1.0]] * 3)
PLAIN = rk.DataSequence(CIRCLE, inputs=NEXT[0], targets=NEXT)
CASES = {
    "reference": (DATA, 2.0, {"x": [-1.0, -1.0, 1.5, 1.5], "memory": [-0.2, 0.1, 0.1, 0.4]}),
    "circle": (PLAIN, 20.0, {"x": [-1.0, -1.0, 1.0], "memory": [-0.3, 0.1, -0.2]}),
}


@pytest.mark.parametrize("case", CASES)
def test_refinement(case):
    """Stable to 1e-4 in all outputs and in the loss."""
    data, time, points = CASES[case]
    answers = [
        [*limit.predict(time, **points), limit.loss(time)]
        for limit in (rk.MeanField(data, LAW, refinement=r) for r in range(3))
    ]
    first, second = (np.abs(np.subtract(each, answers[2])).max() for each in answers[:2])
    print(f"{case}: {first:.1e} and {second:.1e} from the finest")
    assert second < 1e-4


def test_two_coordinates():
    """Inputs beside a constant, as in the chapter on neighbours, up to t = 3: a finer grid for W changes nothing."""
    data = rk.DataSequence(CIRCLE, np.column_stack([NEXT[0], np.ones(3)]), NEXT)
    law = rk.InitialLaw(stats.uniform(-1, 2), [stats.norm(1, 0.5), stats.norm(0, 0.5)], stats.uniform(0, 1.6))
    points = {"x": data.inputs, "memory": [-0.4, 0.2, -0.1]}
    coarse, fine = (rk.MeanField(data, law, "erf", 1.15, refinement=r).predict(3.0, **points) for r in (0, 1))
    np.testing.assert_allclose(coarse, fine, atol=1e-4)
    kernel = rk.KernelLimit(data, law, "erf", 1.15).predict(3.0, **points)
    assert np.abs(fine - kernel).max() > 0.02


@pytest.mark.parametrize("case", CASES)
def test_networks_approach_it_at_the_rate_one_half(case):
    data, time, points = CASES[case]
    widths, errors = [100, 200, 400, 800, 1600], []
    exact = rk.MeanField(data, LAW, refinement=1).predict(time, **points)
    for n in widths:
        rng = np.random.default_rng(n)
        outputs = []
        for _ in range(400):
            start = rk.RNN.sample(LAW, n_units=n, beta=1.0, rng=rng)
            run = rk.train(start, data, time=time, learning_rate=1.0, rng=rng, n_records=1)
            outputs.append(run.network.predict(**points))
        errors.append(np.array(outputs) - exact)
    exponent, interval = rk.fit_rate(widths, errors, of="error")
    bias = [np.abs(each.mean(axis=0)).max() for each in errors]
    print(f"{case}: exponent {exponent:.3f}, interval {interval}, bias {np.round(bias, 4)}")
    half = (interval[1] - interval[0]) / 2
    assert half < 0.05
    assert abs(exponent + 0.5) < 2 * half
    mean, error = errors[-1].mean(axis=0), errors[-1].std(axis=0, ddof=1) / 20
    assert (np.abs(mean) < 4 * error).all()
    far = rk.KernelLimit(data, LAW).predict(time, **points) - exact
    assert np.abs(far / error).max() > 8
