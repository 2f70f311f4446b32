"""What the book and its tests want to know of a chapter's checks; runs in the chapter's kernel, after its last cell."""

from typing import Any

import numpy as np

import rnnkernel as rk
from rnnkernel._judging import allowed


def report(namespace: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each check in the chapter as data, whether some answer passed it and which wrong answers it accepts."""
    checks = {name: value for name, value in namespace.items() if isinstance(value, rk.Check)}
    passed = {name: check.passed for name, check in checks.items()}
    accepted = {
        name: [slip for slip, answer in wrong_answers(check.spec).items() if check(answer)]
        for name, check in checks.items()
    }
    return {
        name: {"passed": passed[name], "accepts": accepted[name], "spec": check.spec} for name, check in checks.items()
    }


def wrong_answers(spec: dict[str, Any]) -> dict[str, Any]:
    """Return answers that a check must refuse, by name."""
    values = spec["values"]
    if spec["kind"] == "truth":
        return {"the opposite": [not value for value in values]}
    if spec["kind"] == "words":
        return {"other words": ["none of these"] * len(values)}
    if spec["kind"] == "curve":
        bottom, top = spec["ylim"]
        return {"the bottom": [bottom] * len(spec["asked"]), "the top": [top] * len(spec["asked"])}
    expected = np.array(values)
    answers = {"beyond its tolerance": expected + 1.1 * np.array(allowed(spec, values))}
    if expected.any():
        answers |= {"its negative": -expected, "its double": 2 * expected, "20 % more": 1.2 * expected}
    if spec.get("spread"):  # of an answer that is random, only what lies beyond its spread is wrong
        answers = {
            name: each for name, each in answers.items() if (np.abs(each - expected) > allowed(spec, values)).any()
        }
    return answers
