"""Faults are small and real, and they are planted where they should be."""

import ast
import os

import pytest
from mutants import faults, plant

import rnnkernel as rk


@pytest.fixture(scope="module")
def chosen():
    """The faults of the package, which are found in seconds."""
    return faults.chosen()


def every(code):
    """The faults of a function whose source is given, as text."""
    return {(kind, after) for _, kind, _, after in faults._sites(ast.parse(code).body[0])}


@pytest.mark.parametrize(
    ("code", "kind", "after"),
    [
        ("a + b", "sign", "a - b"),
        ("-a", "sign", "a"),
        ("a * b", "factor", "a / b"),
        ("a ** 2", "factor", "a"),
        ("a / n", "missing 1/N", "a"),
        ("a.T @ b", "transposition", "a"),
        ("A @ b", "transposition", "A.T @ b"),
        ("a[1:]", "index", "a[2:]"),
        ("a.sum(axis=0)", "index", "axis=1"),
        ("a if b else c", "branch", "a if not b else c"),
        ("a.max()", "factor", "a.min()"),
    ],
)
def test_faults(code, kind, after):
    found = every(f"def f():\n    return {code}")
    assert any(each_kind == kind and after in each for each_kind, each in found), found


@pytest.mark.parametrize(
    "code", ['"""a + b"""', "raise ValueError(a + b)", 'x = f"{a + b}"', "x: a[1] = c", "if a < 0:\n        raise b"]
)
def test_no_faults_in_what_computes_nothing(code):
    assert not every(f"def f():\n    {code}")


@pytest.mark.slow
def test_a_file_gets_the_fault_and_no_other(chosen):
    """Of each function there is one fault; its code differs from that of the function, and keeps its place."""
    assert len({(fault.file, fault.function) for fault in chosen}) == len(chosen) >= 80
    bound = next(fault for fault in chosen if fault.function == "PoissonSolution.bound")
    original = rk.PoissonSolution.bound.__code__
    assert bound.code.co_firstlineno == original.co_firstlineno
    assert bound.code.co_code != original.co_code or bound.code.co_consts != original.co_consts


@pytest.mark.slow
@pytest.mark.parametrize("function", ["Network.scale", "evaluate"])
def test_a_planted_fault_changes_answers(function, chosen):
    """Those of a property, and those of a compiled loop whose code is at hand already."""
    rnn = rk.RNN([1.0, -0.5], [0.5, 1.0], [0.2, 0.4], beta=0.75)
    right = rnn.predict(1.0, 0.1)[0]
    fault = next(each for each in chosen if (each.file, each.function) == ("network.py", function))
    pid = os.fork()
    if not pid:
        code = 1
        try:
            plant.plant(fault)
            code = int(rnn.predict(1.0, 0.1)[0] == right)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert rnn.predict(1.0, 0.1)[0] == right
