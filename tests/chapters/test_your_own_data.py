"""What the page on your own data shows, against the network and plain averages."""

import numpy as np
import pages

import rnnkernel as rk


def test_fifteen_lines():
    cell = next(each for each in pages.directives(pages.source("your-own-data")) if each.name == "code-cell")
    assert len([line for line in cell.body.splitlines() if line.strip()]) <= 15


def test_bands_of_a_short_record():
    """Other networks are in the narrow band; the limits of halves of the record are farther apart than it is wide."""
    page = pages.names("your-own-data", "law", "record", "where", "fresh", "cycles", "size")
    law, where, (x, y) = page["law"], page["where"], page["record"]
    low, high = page["cycles"].band(**page["size"])
    inside = []
    for seed in range(40):
        start = rk.RNN.sample(law, rng=seed, **page["size"])
        network = rk.train(start, (x, y), time=20.0, learning_rate=1.0, n_records=1).network
        outputs = network.predict(*where)
        inside.append((low < outputs) & (outputs < high))
    assert 0.85 < np.mean(inside) <= 1
    halves = [rk.KernelLimit((x[part], y[part]), law).predict(20.0, *where) for part in (slice(99), slice(99, 198))]
    apart = np.subtract(*halves)
    predicted = np.sqrt(4 * page["fresh"].record)  # two limits of n/2 steps each
    assert 0.3 < np.sqrt(np.mean((apart / predicted) ** 2)) < 3
    assert np.sqrt(np.mean(apart**2)) > 3 * np.mean(high - low)
