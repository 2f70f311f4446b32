"""Checks of what users pass in: every message names the argument, what was given, what is allowed."""

import operator
from typing import Any

import numpy as np

from rnnkernel._types import Array


class AssumptionWarning(UserWarning):
    """An assumption of the limit theorem does not hold; the message says which, and what may fail.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", AssumptionWarning)  # to go beyond the theorem, knowingly
    """


def number(
    name: str,
    value: Any,
    *,
    above: float = -np.inf,
    below: float = np.inf,
    least: float = -np.inf,
    most: float = np.inf,
) -> float:
    """Return `value` as a float with ``above < value < below``, ``least <= value <= most``; finite in any case."""
    if isinstance(value, (bool, np.bool_)) or not np.isscalar(value) or isinstance(value, (str, bytes, complex)):
        raise TypeError(f"{name} must be a real number, not {value!r}")
    given = float(value)
    if not np.isfinite(given) or not above < given < below or not least <= given <= most:
        bounds = [f"greater than {above:g}"] if above > -np.inf else []
        bounds += [f"at least {least:g}"] if least > -np.inf else []
        bounds += [f"less than {below:g}"] if below < np.inf else []
        bounds += [f"at most {most:g}"] if most < np.inf else []
        raise ValueError(f"{name} must be {' and '.join(bounds) or 'finite'}, not {value!r}")
    return given


def integer(name: str, value: Any, *, least: int) -> int:
    """Return `value` as an int that is at least `least`; floats are refused, even whole ones."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    try:
        given = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if given < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {given}")
    return given


def array(name: str, value: Any, *, ndim: int | tuple[int, ...]) -> Array:
    """Return `value` as a new float64 array with one of the allowed numbers of dimensions, all finite."""
    try:
        given = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers, not {value!r}") from None
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if given.ndim not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise ValueError(f"{name} must have {wanted} dimension(s), not {given.ndim} (shape {given.shape})")
    if not np.isfinite(given).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
        raise ValueError(f"{name} must be finite, but {name}{list(where)} is {given[where]}")
    return given


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
    return str(value)


def points(x: Any, memory: Any, n_inputs: int) -> tuple[Array, Array]:
    """Return points (x, m) as arrays (n_points, d) and (n_points,).

    For d = 1, x is (n_points,) or a scalar; for d > 1 it is (n_points, d), or (d,) for one point.  A single
    x or memory is repeated to match the other.
    """
    xs = array("x", x, ndim=(0, 1, 2))
    ms = np.atleast_1d(array("memory", memory, ndim=(0, 1)))
    if n_inputs == 1 and xs.ndim < 2:
        xs = xs.reshape(-1, 1)
    elif xs.ndim < 2:
        xs = xs.reshape(1, -1)
    if xs.shape[1] != n_inputs:
        raise ValueError(f"x must have {n_inputs} coordinate(s) per point, not {xs.shape[1]} (shape {np.shape(x)})")
    n = max(len(xs), len(ms)) if len(xs) and len(ms) else 0
    if len(xs) not in (1, n) or len(ms) not in (1, n):
        raise ValueError(f"x and memory must have the same number of points, not {len(xs)} and {len(ms)}")
    return np.repeat(xs, n, axis=0) if len(xs) != n else xs, np.repeat(ms, n) if len(ms) != n else ms


def sequence(name: str, value: Any, n_inputs: int) -> Array:
    """Return a sequence of inputs, (n,) when d = 1 or (n, d), as an array (n, d)."""
    x = array(name, value, ndim=(1, 2))
    if x.ndim == 1 and n_inputs == 1:
        return x[:, None]
    if x.ndim == 1 or x.shape[1] != n_inputs:
        raise ValueError(f"{name} must have shape (n, {n_inputs}), not {x.shape}")
    return x
