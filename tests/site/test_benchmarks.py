"""The benchmarks time the same work: their twins of the training in NumPy and C agree with the package."""

import shutil

import numpy as np
from benchmarks.peers import with_c, with_numpy, with_rnnkernel
from benchmarks.problem import Problem, disagreement

PROBLEM = Problem.of_size(30, 200)


def test_twins_agree_with_the_package():
    expected = with_rnnkernel(PROBLEM)
    twins = {"NumPy": with_numpy} | (with_c() if shutil.which("gcc") else {})
    errors = {name: disagreement(train(PROBLEM), expected) for name, train in twins.items()}
    assert max(errors.values()) < 1e-12, errors
    assert np.float64(1e-310) / 2 > 0  # fast C code leaves the arithmetic of this process as it was


def test_training_moves_every_weight():
    before, after = PROBLEM.weights, with_rnnkernel(PROBLEM)
    assert all((a != b).all() for a, b in zip(before, after, strict=True))


def test_disagreement_sees_one_wrong_weight():
    C, W, B, S = with_rnnkernel(PROBLEM)
    wrong = C.copy()
    wrong[0] += 1e-6
    assert disagreement((wrong, W, B, S), (C, W, B, S)) > 1e-7
