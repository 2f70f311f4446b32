"""Wrong answers: what a function returns, bent in a way that has a meaning for its type."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import rnnkernel as rk

NUMBERS = int | float | np.ndarray | np.generic
ROUNDING = 1e-14  # of the largest entry
WEIGHTS = ("output", "inputs", "recurrent")

SCALES: dict[str, Callable[[Any], Any]] = {
    "times 1.1": lambda a: 1.1 * a,
    "times 0.9": lambda a: 0.9 * a,
    "negated": lambda a: -a,
}
ORDERS: dict[str, Callable[[Any], Any]] = {
    "reversed": lambda a: np.flip(a, _axis(a)),
    "shifted": lambda a: np.roll(a, 1, _axis(a)),
}
TRANSPOSED: dict[str, Callable[[Any], Any]] = {"transposed": lambda a: a.T}
OFF_BY_ONE: dict[str, Callable[[Any], Any]] = {"plus 1": lambda a: a + 1, "minus 1": lambda a: a - 1}
INVERTED: dict[str, Callable[[Any], Any]] = {"inverted": lambda a: ~a if isinstance(a, np.ndarray) else not a}
BENDS = SCALES | ORDERS | TRANSPOSED | OFF_BY_ONE | INVERTED


def meaningful(value: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the bends that have a meaning for a number, an array, or a function with such values."""
    if callable(value):
        return SCALES
    if not isinstance(value, NUMBERS):
        return {}
    array = np.asarray(value)
    found = dict({"b": INVERTED, "i": OFF_BY_ONE, "u": OFF_BY_ONE, "f": SCALES, "c": SCALES}.get(array.dtype.kind, {}))
    if found and array.size > 1:
        found |= ORDERS
    if found and array.ndim == 2 and array.shape[0] == array.shape[1] > 1:
        found |= TRANSPOSED
    return found


def bent(value: Any, bend: str) -> Any:
    """Return a value bent, or as it is if the bend has no meaning for it."""
    if bend not in meaningful(value):
        return value
    if callable(value):
        return lambda *args, **options: bent(value(*args, **options), bend)
    answer = BENDS[bend](value)
    return answer if isinstance(value, np.ndarray) else type(value)(answer)


def parts(value: Any, before: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an answer consists of: itself, its elements, or the changes of a network's weights."""
    if isinstance(value, rk.TrainingRun):
        value = value.network
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        yield from zip(map(str, names), value, strict=True)
    elif isinstance(value, rk.RNN) and isinstance(before, rk.RNN):
        yield from ((name, getattr(value, name) - getattr(before, name)) for name in WEIGHTS)
    elif isinstance(value, NUMBERS) or _is_function(value):
        yield "", value


def replaced(value: Any, before: Any, part: str, bend: str) -> Any:
    """Return an answer with one of its parts bent."""
    if isinstance(value, rk.TrainingRun):
        return _with(value, network=replaced(value.network, before, part, bend))
    if isinstance(value, tuple):
        names = list(map(str, getattr(value, "_fields", range(len(value)))))
        elements = [bent(each, bend) if name == part else each for name, each in zip(names, value, strict=True)]
        return type(value)(*elements) if hasattr(value, "_fields") else tuple(elements)
    if isinstance(value, rk.RNN) and isinstance(before, rk.RNN):
        start = getattr(before, part)
        rnn = _with(value, **{part: start + bent(getattr(value, part) - start, bend)})
        vars(rnn).pop("_columns", None)
        return rnn
    return bent(value, bend)


def _with(value: Any, **changed: Any) -> Any:
    """Return a copy of an object with some attributes changed, which objects of the package do not allow."""
    copied = object.__new__(type(value))
    vars(copied).update({**vars(value), **changed})
    return copied


def same(one: Any, other: Any) -> bool:
    """Return whether two answers differ by rounding at most: a symmetric matrix does not feel a transpose."""
    if one is other:
        return True
    if isinstance(one, tuple):
        return all(map(same, one, other))
    if isinstance(one, NUMBERS):
        a, b = np.asarray(one), np.asarray(other)
        if a.shape != b.shape or a.dtype.kind not in "fc":
            return np.array_equal(a, b)
        size = np.abs(a, where=np.isfinite(a), out=np.zeros(a.shape)).max(initial=0.0)
        return np.allclose(a, b, rtol=0.0, atol=ROUNDING * size, equal_nan=True)
    return False


def _axis(array: Any) -> int | None:
    """Return the first axis along which there is an order."""
    return next((i for i, n in enumerate(np.shape(array)) if n > 1), None)


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type) and not type(value).__module__.startswith("rnnkernel")
