"""The band that a record gives, over many records of known chains and networks that learn from fresh data.

It is computed from the record alone, and 95 % is what it should cover at each point: the limit that it is centred on,
and the variances that it adds up, are those of the record.
"""

import numpy as np
import pytest
from test_error_law import hidden, reference

import rnnkernel as rk

pytestmark = pytest.mark.verify


@pytest.mark.parametrize("case", [reference, hidden])
@pytest.mark.parametrize("paired", [False, True])
def test_band_of_a_record_covers(case, paired):
    """n = 2000, N = 400, t = 2."""
    data, law, points = case()
    n_records, n_networks, network = 250, 16, {"n_units": 400, "beta": 0.75, "paired": paired}
    inside, estimated = np.empty((n_records, n_networks, 4)), []
    for seed in range(n_records):
        fluct = rk.KernelLimit(data.simulate(2000, rng=np.random.default_rng([0, seed])), law).fluctuations(
            2.0, **points
        )
        low, high = fluct.band(**network)
        estimated.append((fluct.data, fluct.finite_width, fluct.record))
        for k in range(n_networks):
            rnn = rk.RNN.sample(law, rng=np.random.default_rng([1, seed, k]), **network)
            run = rk.train(rnn, data, time=2.0, learning_rate=1.0, rng=np.random.default_rng([2, seed, k]), n_records=1)
            outputs = run.network.predict(**points)
            inside[seed, k] = (low < outputs) & (outputs < high)
    exact = rk.KernelLimit(data, law).fluctuations(2.0, **points)
    covered, spread = inside.mean(axis=(0, 1)), inside.mean(axis=(1, 2)).std()
    print(f"{case.__name__}, paired = {paired}: covered {covered}, from record to record ± {spread:.3f}")
    for name, each in zip(("data", "finite_width"), np.swapaxes(estimated, 0, 1), strict=False):
        ratio = each / getattr(exact, name)
        print(f"  {name}: estimate/exact {ratio.mean(axis=0)}, standard deviation {ratio.std(axis=0)}")
    np.testing.assert_allclose(covered, 0.95, atol=0.03)


@pytest.mark.parametrize("case", [reference, hidden])
def test_the_limit_of_a_record_varies_as_it_says(case):
    """n = 2000 and 600 records: V^R against the mean square distance to the limit of the chain."""
    data, law, points = case()
    exact, gaps, predicted = rk.KernelLimit(data, law).predict(2.0, **points), [], []
    for seed in range(600):
        limit = rk.KernelLimit(data.simulate(2000, rng=np.random.default_rng([3, seed])), law)
        gaps.append(limit.predict(2.0, **points) - exact)
        predicted.append(limit.fluctuations(2.0, **points).record)
    ratio = np.mean(np.square(gaps), axis=0) / np.mean(predicted, axis=0)
    print(f"{case.__name__}: measured/predicted {ratio}")
    np.testing.assert_allclose(ratio, 1.0, atol=4 * np.sqrt(2 / 600))
