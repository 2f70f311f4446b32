"""What the tests want to know of a chapter's exercises; runs in the chapter's kernel, after its last cell."""

from typing import Any

import numpy as np

import rnnkernel as rk


def report(namespace: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return, for each check in the chapter, whether some answer passed it and which wrong answers it accepts."""
    checks = {name: value for name, value in namespace.items() if isinstance(value, rk.Check)}
    passed = {name: check.passed for name, check in checks.items()}
    accepted = {
        name: [slip for slip, answer in wrong_answers(check).items() if check(answer)] for name, check in checks.items()
    }
    return {name: {"passed": passed[name], "accepts": accepted[name]} for name in checks}


def wrong_answers(check: rk.Check) -> dict[str, Any]:
    """Return answers that a check must refuse, by name."""
    expected = check.expected
    if expected.dtype.kind == "b":
        return {"the opposite": ~expected}
    if expected.dtype.kind == "U":
        return {"other words": np.full(expected.shape, "none of these")}
    size = np.abs(expected).max()
    answers = {"beyond its tolerance": expected + 10 * (check.atol + check.rtol * size)}
    if size:
        answers |= {"its negative": -expected, "its double": 2 * expected, "20 % more": 1.2 * expected}
    return answers
