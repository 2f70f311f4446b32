"""What the first chapter says in its answers, at the settings that they are about."""

import numpy as np
from reference import DATA, LAW

import rnnkernel as rk


def test_sixty_four_times_the_units_an_eighth_of_the_distance():
    """The figure of a chain of two values: 10 and 640 units in pairs, mean square over 60 seeds and two situations."""
    points = {"x": [-1.0, 1.5], "memory": [-0.2, 0.4]}
    limit = rk.KernelLimit(DATA, LAW, learning_rate=1.0).predict([2.0], **points)[0]
    distances = {}
    for n_units in (10, 640):
        squares = []
        for seed in range(60):
            start = rk.RNN.sample(LAW, n_units=n_units, beta=0.75, rng=seed, paired=True)
            end = rk.train(start, DATA, time=2.0, learning_rate=1.0, rng=1000 + seed).network
            squares.append((end.predict(**points) - limit) ** 2)
        distances[n_units] = np.sqrt(np.mean(squares))
    ratio = distances[10] / distances[640]
    assert 8 / 1.5 < ratio < 8 * 1.5  # far from 64^¼ and from 64
