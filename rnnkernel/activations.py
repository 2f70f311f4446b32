"""The activation function σ of a unit, its derivative σ' and its Lipschitz constant L = sup|σ'|.

A derivative is written with the same call as its value.  Both are inlined into the loops that use them, where the
compiler sees that they share the one expensive evaluation.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from types import FunctionType
from typing import Any

import numba
import numpy as np

from rnnkernel import _checks, _math
from rnnkernel._jit import jit
from rnnkernel._types import Array

_inlined = jit(fastmath={"contract"}, forceinline=True)
_TWO_OVER_ROOT_PI = 2 / sqrt(pi)
_H = 1e-4  # of differences


@dataclass(frozen=True)
class Activation:
    """A bounded and smooth activation function: σ, σ' and L = sup|σ'|.

    Calling it evaluates σ elementwise on arrays, and `prime` evaluates σ'.  Compiled loops take `value` and
    `derivative`.  Book: :doc:`network-that-remembers`.

    Parameters
    ----------
    name : str
        What messages and figures call it.
    value, derivative : callable
        σ and σ', each from a float to a float: compiled with ``numba.njit``, or plain functions that numba can compile.
    lipschitz : float
        L = sup|σ'|, positive.

    Raises
    ------
    ValueError
        If differences of σ contradict σ', or σ' exceeds L, somewhere on [−8, 8].

    Warns
    -----
    AssumptionWarning
        If σ' jumps, as that of max(u, 0) does: the theory and the quadrature need a smooth σ.

    Examples
    --------
    >>> arctan = Activation("arctan", lambda u: np.arctan(u), lambda u: 1 / (1 + u * u), lipschitz=1.0)
    >>> arctan([0.0, 1.0]).round(6), arctan.prime([0.0, 1.0])
    (array([0.      , 0.785398]), array([1. , 0.5]))
    """

    name: str
    value: Callable[[float], float]
    derivative: Callable[[float], float]
    lipschitz: float

    def __post_init__(self) -> None:
        _checks.text("name", self.name)
        object.__setattr__(self, "lipschitz", _checks.number("lipschitz", self.lipschitz, above=0))
        for field in ("value", "derivative"):
            object.__setattr__(self, field, _compiled(field, getattr(self, field)))
        if getattr(self.value, "py_func", self.value).__module__ != _math.__name__:
            _verify(self)

    def __call__(self, u: Any) -> Array:
        """σ(u), elementwise."""
        return _elementwise(self.value, u)

    def prime(self, u: Any) -> Array:
        """σ'(u), elementwise."""
        return _elementwise(self.derivative, u)

    @property
    def _steepness(self) -> float:
        """How much steeper than tanh it is for a quadrature: those built in are as smooth as tanh."""
        return 1.0 if self in BUILT_IN.values() else max(1.0, self.lipschitz)

    def __repr__(self) -> str:
        return f"Activation({self.name!r}, lipschitz={self.lipschitz:.6g})"


def activation(given: str | Activation) -> Activation:
    """Return the activation called "tanh", "logistic" or "erf", or the user's own `Activation` as it is.

    Parameters
    ----------
    given : str or Activation
        A name, or an activation.

    Returns
    -------
    Activation
        tanh u with L = 1; logistic 1/(1 + e^{−u}) with L = 1/4; erf u = 2/√π ∫₀ᵘ e^{−t²} dt with L = 2/√π.

    Raises
    ------
    ValueError
        If there is no activation of that name.

    Examples
    --------
    >>> activation("logistic")
    Activation('logistic', lipschitz=0.25)
    """
    if isinstance(given, Activation):
        return given
    if not isinstance(given, str):
        raise TypeError(f"activation must be a name or an Activation, not {_checks.described(given)}")
    return BUILT_IN[_checks.choice("activation", given, tuple(BUILT_IN))]


def _compiled(field: str, function: Any) -> Any:
    if isinstance(function, FunctionType):
        return numba.njit(error_model="numpy")(function)
    if not isinstance(function, numba.core.dispatcher.Dispatcher):
        raise TypeError(
            f"{field} must be a Python function or one compiled with numba.njit, not {_checks.described(function)}"
        )
    return function


def _verify(activation: Activation) -> None:
    """Compare σ' with differences of σ and with L, and look for jumps of σ'; all in Python, since compiling is slow."""

    def at(field: str, u: Any) -> Array:
        function = getattr(activation, field)
        try:
            values = [float(getattr(function, "py_func", function)(float(each))) for each in u]
        except Exception as error:
            raise type(error)(f"{field} fails for arguments from -8 to 8: {error}") from error
        return _checks.array(field, values, ndim=1)

    L = activation.lipschitz
    u = np.linspace(-8, 8, 158)  # without 0, where kinks are likely
    coarse, fine = ((at("value", u + h) - at("value", u - h)) / (2 * h) for h in (_H, _H / 2))
    slope, expected = at("derivative", u), (4 * fine - coarse) / 3
    off = np.abs(slope - expected) - 1e-10 * np.abs(at("value", u))
    i = int(off.argmax())
    if off[i] > 1e-5 * max(L, abs(expected[i])):
        raise ValueError(
            f"derivative must be that of value, but at {u[i]:.3g} it is {slope[i]:.6g}, not {expected[i]:.6g}"
        )
    grid = np.append(u, 0.0)
    size = np.abs(at("derivative", grid))
    if size.max() > L * (1 + 1e-9):
        where = grid[size.argmax()]
        raise ValueError(f"lipschitz must be at least {size.max():.6g}, the slope of value at {where:.3g}, not {L:.6g}")
    i = int(np.abs(np.diff(slope)).argmax())
    low, high = u[i], u[i + 1]
    for _ in range(30):
        middle = (low + high) / 2
        ends = at("derivative", (low, middle, high))
        low, high = (low, middle) if abs(ends[1] - ends[0]) > abs(ends[2] - ends[1]) else (middle, high)
    if abs(np.diff(at("derivative", (low, high)))[0]) > 0.01 * L:
        warnings.warn(
            f"derivative of {activation.name} jumps at {low:.3g}: the theory assumes a smooth activation, and "
            "expectations have few digits",
            _checks.AssumptionWarning,
            stacklevel=4,
        )


def _elementwise(function: Callable[[float], float], u: Any) -> Array:
    given = _checks.array("u", u, ndim=tuple(range(9)))
    out = np.empty(given.size)
    _map(function, given.ravel(), out)
    return out.reshape(given.shape)


@jit(fastmath={"reassoc", "contract"}, forceinline=True)
def preactivations(W: Any, x: Any, m: Any, u: Any) -> None:
    """Fill u with the arguments of σ: u^i = W^i·x + m, the rows of W being coordinates."""
    for i in range(len(u)):
        u[i] = m
    for a in range(len(W)):
        for i in range(len(u)):
            u[i] += W[a, i] * x[a]


@jit
def _map(function: Any, u: Any, out: Any) -> None:
    for i in range(len(u)):
        out[i] = function(u[i])


@_inlined
def _tanh_prime(u: Any) -> Any:
    return 1.0 - _math.tanh(u) ** 2


@_inlined
def _logistic_prime(u: Any) -> Any:
    return _math.logistic(u) * (1.0 - _math.logistic(u))


@_inlined
def _erf_prime(u: Any) -> Any:
    return _TWO_OVER_ROOT_PI * _math.exp(-u * u)


BUILT_IN = {
    "tanh": Activation("tanh", _math.tanh, _tanh_prime, lipschitz=1.0),
    "logistic": Activation("logistic", _math.logistic, _logistic_prime, lipschitz=0.25),
    "erf": Activation("erf", _math.erf, _erf_prime, lipschitz=_TWO_OVER_ROOT_PI),
}
