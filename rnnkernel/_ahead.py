"""Forecasts of several steps: what is forecast becomes the next input."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._types import Array

Feedback = Callable[[Array, Array], Any]  # from inputs (n,) or (n, d) and forecasts (n,) to the next inputs


def forecasts(
    x: Array,
    memory: Array,
    steps: int,
    feedback: Feedback | None,
    predict: Callable[[Array, Array], Array],
    move: Callable[[Array, Array], Array],
) -> Array:
    """Return what is forecast h = 0, …, steps − 1 steps after points (x, m), shape (n, steps).

    Each step predicts from the points, then moves them: memory by `move`, inputs by `feedback`.
    """
    out = np.empty((len(x), _checks.integer("steps", steps, least=1)))
    if feedback is not None:
        _checks.function("feedback", feedback, "the inputs and their forecasts", 2)
    for h in range(out.shape[1] if len(x) else 0):
        if h:
            memory, x = move(x, memory), _following(x, out[:, h - 1], feedback)
        out[:, h] = predict(x, memory)
    return out


def _following(x: Array, forecast: Array, feedback: Feedback | None) -> Array:
    if feedback is None:
        return np.column_stack([forecast, x[:, 1:]])
    given = _checks.call("feedback", feedback, x if x.shape[1] > 1 else x[:, 0], forecast)
    after = _checks.sequence("what feedback returns", given, x.shape[1])
    if len(after) != len(x):
        raise ValueError(f"feedback must return one input for each of {len(x)} points, not {len(after)}")
    return after
