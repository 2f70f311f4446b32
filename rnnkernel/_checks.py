"""Checks of what users pass in: every message names the argument, what was given, what is allowed."""

import inspect
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from rnnkernel._types import Array, Distribution, Rng, Source

_MOST = 10**15  # of a count: far beyond any memory, and exact as a float
_LARGEST = 1e100  # of inputs and memories: their products are numbers
_LONG = 60  # characters of a value that a message repeats
_ADVICE = 300  # characters of another library's message that are passed on


class AssumptionWarning(UserWarning):
    """An assumption of the limit theorem does not hold; the message says which, and what may fail.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", AssumptionWarning)  # to go beyond the theorem, knowingly
    """


def described(value: Any) -> str:
    """Say in a few words what a value is; data are never written out."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_LONG:
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        text = repr(value[:_LONG] if isinstance(value, (str, bytes)) else value)
        return text if len(text) <= _LONG + 3 else f"a {type(value).__name__} that is too long to show"
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"a {kind} of shape {shape} and type {getattr(value, 'dtype', 'unknown')}"
    return f"a {kind} of length {len(value)}" if isinstance(value, (list, tuple, dict, set)) else f"a {kind}"


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
    if isinstance(value, (bool, np.timedelta64)) or not isinstance(value, (Real, Decimal)):
        raise TypeError(f"{name} must be a real number, not {described(value)}")
    try:
        given = float(value)
    except OverflowError:
        given = np.inf
    if not np.isfinite(given) or not above < given < below or not least <= given <= most:
        bounds = [f"greater than {above:g}"] if above > -np.inf else []
        bounds += [f"at least {least:g}"] if least > -np.inf else []
        bounds += [f"less than {below:g}"] if below < np.inf else []
        bounds += [f"at most {most:g}"] if most < np.inf else []
        raise ValueError(f"{name} must be {' and '.join(bounds) or 'finite'}, not {described(value)}")
    return given


def held(name: str, value: Any) -> float:
    """Return `value` as a memory, which `points` takes."""
    return number(name, value, least=-_LARGEST, most=_LARGEST)


def integer(name: str, value: Any, *, least: int, most: int = _MOST) -> int:
    """Return `value` as an int from `least` to `most`; floats are refused, even whole ones."""
    try:
        given = operator.index(value)
    except TypeError:
        given = None
    if given is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, not {described(value)}")
    if not least <= given <= most:
        allowed = f"of at least {least}" if given < least else f"of at most {most}"
        raise ValueError(f"{name} must be an integer {allowed}, not {described(given)}")
    return given


def kind(name: str, value: Any, wanted: type) -> Any:
    """Return `value` if it is of a class."""
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__ in ("InitialLaw", "RNN") else "a"
        raise TypeError(f"{name} must be {article} {wanted.__name__}, not {type(value).__name__}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {described(value)}")
    return bool(value)


def said(name: str, value: Callable[..., Any], *given: Any) -> bool:
    """Return what a function of the user's answers: True, False or, for False, nothing."""
    answer = call(name, value, *given)
    return answer is not None and flag(f"what {name} returns", answer)


def generator(rng: Any) -> np.random.Generator:
    """Return the generator of a seed; what NumPy itself cannot take is refused before it tries."""
    if not isinstance(rng, (np.random.Generator, np.random.BitGenerator, np.random.SeedSequence, type(None))):
        rng = integer("rng, if it is no numpy.random.Generator,", rng, least=0, most=2**4096)
    return np.random.default_rng(rng)


def array(name: str, value: Any, *, ndim: int | tuple[int, ...], missing: bool = False) -> Array:
    """Return `value` as a new float64 array with one of the allowed numbers of dimensions, all finite.

    Numbers are taken from any array-like of real numbers.  Masked entries, complex numbers, dates, records and strings
    are refused, although NumPy would make numbers of some of them.  If entries may be `missing`, NaN is one that is.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked entries, but {int(np.sum(value.mask))} of them are")
    given = _numbers(name, value)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if given.ndim not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise ValueError(f"{name} must have {wanted} dimension(s), not {given.ndim} (shape {given.shape})")
    wrong = np.isinf(given) if missing else ~np.isfinite(given)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"{name} must be finite, but {name}{list(where)} is {given[where]}")
    return given


def _numbers(name: str, value: Any) -> Array:
    try:
        given = np.asarray(value)
    except Exception as error:  # whatever a library says of its own array, such as a tensor on another device
        raise TypeError(f"{name} must be an array of real numbers, not {described(value)}: {_advice(error)}") from None
    real = given.dtype.kind == "O" and all(isinstance(each, (Real, Decimal)) for each in given.flat)
    if not real and given.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, not {described(value)} (entries: {given.dtype})")
    try:
        with np.errstate(over="ignore"):
            return np.array(given, dtype=float, order="C")
    except OverflowError:
        raise ValueError(f"{name} must be finite, but an entry is beyond the largest double") from None


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {described(value)}")
    return value


def pair(name: str, value: Any) -> tuple[Any, Any]:
    """Return `value` if it is a tuple or list of two."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a pair, not {described(value)}")
    return value[0], value[1]


def text(name: str, value: Any) -> str:
    """Return `value` if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {described(value)}")
    return value


def named(name: str, value: Any) -> Mapping[str, Any]:
    """Return `value`, a dict whose keys are strings; an empty one for None."""
    if value is not None and not (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        raise TypeError(f"{name} must be a dict with strings as keys, not {described(value)}")
    return value or {}


def path(name: str, value: Any) -> Path:
    """Return `value` as a path."""
    if not isinstance(value, (str, PathLike)):
        raise TypeError(f"{name} must be a path, not {described(value)}")
    return Path(value)


def function(name: str, value: Any, what: str, n: int) -> Any:
    """Return `value` if it can be called with n arguments."""
    if not callable(value):
        raise TypeError(f"{name} must be a function of {what}, not {described(value)}")
    try:
        fits = value.nin == n if isinstance(value, np.ufunc) else inspect.signature(value).bind(*range(n)) is not None
    except TypeError:
        fits = False
    except ValueError:  # it has no signature: the call will tell
        fits = True
    if not fits:
        kind = getattr(value, "__name__", type(value).__name__)
        raise TypeError(f"{name} must be a function of {what}, but {kind} does not take {n} argument(s)")
    return value


def call(name: str, value: Callable[..., Any], *given: Any) -> Any:
    """Call a function of the user's; what it says of what it was given bears its name."""
    try:
        return value(*given)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} fails: {_advice(error)}") from error


def _advice(error: Exception) -> str:
    """Return the first words of what another library says."""
    return " ".join(str(error).split())[:_ADVICE]


def distribution(name: str, value: Any) -> Distribution:
    """Return `value` if it is a frozen distribution of SciPy's with a finite variance."""
    if not all(hasattr(value, method) for method in ("rvs", "mean", "moment", "support", "ppf")):
        raise TypeError(
            f"{name} must be a frozen scipy.stats distribution such as stats.norm(0, 1), not {described(value)}"
        )
    if not np.isfinite(value.var()):
        raise ValueError(f"{name} must have a finite variance, not {value.var()}")
    return value


def simulated(data: Source, n: int, rng: Rng) -> tuple[Any, Any]:
    """Return what ``data.simulate`` gives for n steps, which must be as many."""
    generator(rng)
    x, y = pair("data.simulate(n, rng=)", data.simulate(n, rng=rng))
    if np.shape(x)[:1] != (n,) or np.shape(y) != (n,):
        raise ValueError(f"data.simulate(n, rng=) must return {n} inputs and targets, not {np.shape(x)}, {np.shape(y)}")
    return x, y


def records(data: Any, n_inputs: int) -> list[tuple[Array, Array]]:
    """Return what is given as a pair (x, y), or as a list of such pairs: inputs (n, d) and targets (n,) of each.

    A target may be missing.  An input may not: memory could not move on.
    """
    found = []
    for i, each in enumerate(data if is_several(data) else [data]):
        name = f"data[{i}]" if is_several(data) else "data"
        if len(each) != 2:
            raise ValueError(f"{name} must be a pair (x, y), not of length {len(each)}")
        y = array(f"y of {name}", each[1], ndim=1, missing=True)
        try:
            x = sequence(f"x of {name}", each[0], n_inputs)
        except ValueError as error:
            if "is nan" not in str(error):
                raise
            advice = "no step can do without its input; fill it in, or cut the record there into several"
            raise ValueError(f"{error}: {advice}") from None
        if len(x) != len(y):
            raise ValueError(f"{name} must hold as many targets as inputs, not {len(y)} and {len(x)}")
        found.append((x, y))
    return found


def is_several(data: Any) -> bool:
    """Return whether a list holds several records, pairs (x, y), and is not itself one."""
    return len(data) > 0 and all(
        isinstance(each, (tuple, list)) and len(each) == 2 and hasattr(each[1], "__len__") for each in data
    )


def integers(name: str, value: Any, *, ndim: int | tuple[int, ...] = 1) -> Any:
    """Return `value` as an array of integers; whole floats are refused."""
    given = array(name, value, ndim=ndim)
    if np.asarray(value).dtype.kind not in "iu" and given.size:
        raise TypeError(f"{name} must be integers, not {described(value)}")
    return given.astype(np.int64)


def points(x: Any, memory: Any, n_inputs: int, names: tuple[str, str] = ("x", "memory")) -> tuple[Array, Array]:
    """Return points (x, m) as arrays (n_points, d) and (n_points,).

    For d = 1, x is (n_points,) or a scalar; for d > 1 it is (n_points, d), or (d,) for one point.  A single
    x or memory is repeated to match the other.
    """
    xs = array(names[0], x, ndim=(0, 1, 2))
    ms = np.atleast_1d(array(names[1], memory, ndim=(0, 1)))
    if n_inputs == 1 and xs.ndim < 2:
        xs = xs.reshape(-1, 1)
    elif xs.ndim < 2:
        xs = xs.reshape(1, -1)
    if xs.shape[1] != n_inputs:
        raise ValueError(
            f"{names[0]} must have {n_inputs} coordinate(s) per point, not {xs.shape[1]} (shape {np.shape(x)})"
        )
    if any(np.abs(each).max(initial=0.0) > _LARGEST for each in (xs, ms)):
        raise ValueError(f"{names[0]} and {names[1]} must be at most {_LARGEST:g} in absolute value")
    n = max(len(xs), len(ms)) if len(xs) and len(ms) else 0
    if len(xs) not in (1, n) or len(ms) not in (1, n):
        raise ValueError(f"{names[0]} and {names[1]} must have the same number of points, not {len(xs)} and {len(ms)}")
    return np.repeat(xs, n, axis=0) if len(xs) != n else xs, np.repeat(ms, n) if len(ms) != n else ms


def sequence(name: str, value: Any, n_inputs: int) -> Array:
    """Return a sequence of inputs, (n,) when d = 1 or (n, d), as an array (n, d)."""
    x = array(name, value, ndim=(1, 2))
    if x.ndim == 1 and n_inputs == 1:
        return x[:, None]
    if x.ndim == 1 or x.shape[1] != n_inputs:
        raise ValueError(f"{name} must have shape (n, {n_inputs}), not {x.shape}: so many numbers law or rnn reads")
    return x
