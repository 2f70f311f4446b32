"""The evidence of the book was on trial as it stands; `make audit` does it in full."""

import subprocess
import sys

import pytest
from audit import bends, bounds, table
from reference import CHAIN


@pytest.mark.slow
def test_table_is_of_the_evidence_as_it_stands():
    assert not table.stale(), "run `make audit`, for a few of these with ONLY='label label'"


@pytest.mark.slow
@pytest.mark.verify
def test_each_function_is_asked_and_each_bound_is_as_tight_as_is_said():
    command = [sys.executable, "-m", "tests.audit", "--asked"]
    done = subprocess.run(command, cwd=table.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("value", "bent"),
    [
        (2.0, {2.2, 1.8, -2.0}),
        (3, {4, 2}),
        (True, {False}),
    ],
)
def test_numbers_are_bent_in_all_ways_that_mean_something(value, bent):
    assert {bends.bent(value, bend) for bend in bends.BENDS} == bent | {value}


def test_arrays_are_bent_in_all_ways_that_mean_something():
    P = CHAIN.transition
    assert (bends.bent(P, "reversed") == P[::-1]).all()
    assert (bends.bent(P, "transposed") == P.T).all()
    assert (bends.bent(P[0], "shifted") == P[0][[1, 0]]).all()
    assert "transposed" not in bends.meaningful(P[0])


def test_elements_of_an_answer_are_bent_one_by_one():
    answer = (1.0, [2.0])
    assert [part for part, _ in bends.parts(answer, None)] == ["0", "1"]
    assert bends.replaced(answer, None, "0", "negated") == (-1.0, [2.0])


def test_quotient_is_where_an_inequality_is_tightest(tmp_path):
    path = tmp_path / "test_module.py"
    path.write_text("import numpy as np\ndef test():\n    assert (np.array([1, 2, 0]) <= np.array([9, 3, 0])).all()\n")
    module = type(pytest)("test_module")
    module.__file__ = str(path)
    bounds.quotients(module)
    module.test()
    assert bounds.seen.pop("np.array([1, 2, 0]) <= np.array([9, 3, 0])") == 1.5
