"""The law of the error: how far a trained network of N units is from its kernel limit, before it is trained.

    E g^N_t(z) ≈ g_t(z) + N^{2β−2} b_t(z) + N^{−1} b¹_t(z),    z = (x, m),
    Var g^N_t(z) ≈ N^{1−2β} V^G_t(z) + N^{−1} (V^S_t(z) + V^I_t(z) + V^F_t(z)) + N^{−2β} V^D_t(z).

On a finite chain all of it is exact.  On a record, V^S is an estimate, b, b¹, V^F and V^D are left out, and the limit
itself is uncertain: the record could have been another.  Its variance V^R joins the others.  `_response`, `_recorded`
and `_next_order` say how all are computed.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._coordinates import Coordinates
from rnnkernel._immutable import Immutable, cached
from rnnkernel._next_order import NextOrder, NextResponse
from rnnkernel._response import Response
from rnnkernel._types import Array
from rnnkernel.flow import Modes
from rnnkernel.initial import warn_beyond_reach
from rnnkernel.stationary import ChainLaw, StationaryLaw

_BLOCK = 2_000_000  # entries of the features of a block of points


@dataclass(eq=False, init=False)
class Fluctuations(Immutable):
    """Mean and variance of a trained network around its kernel limit, for any N and β; see `KernelLimit.fluctuations`.

    They hold for large N, for output weights with E C³ = 0, and without clipping.  What they leave out is of the orders
    N^{2β−3} and N^{−2} in the variance, N^{4β−4} and N^{2β−3} in the mean.
    Book: :doc:`fluctuations-while-learning` for V^S, :doc:`convergence-measured` for the other variances,
    :doc:`convergence-measured-in-depth` for `next_order`.

    Parameters
    ----------
    prediction : ndarray
        g_t; as its attribute, and so are those that follow.  Shapes are (n_points,) for one time given as a number.
    initial_output : ndarray
        V^G.
    data : ndarray
        V^S.
    finite_width : ndarray
        V^I.
    record : ndarray or float
        V^R.
    next_order : tuple of ndarray, or function without arguments that returns it, optional
        b, b¹, b¹ of pairs, V^F and V^D.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import DataSequence, InitialLaw, KernelLimit, MarkovChain
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> fluct = KernelLimit(data, law).fluctuations(2.0, x=[-1.0, -1.0, 1.5, 1.5], memory=[-0.2, 0.1, 0.1, 0.4])
    >>> np.sqrt([fluct.initial_output, fluct.data, fluct.finite_width]).round(4)
    array([[0.1125, 0.1281, 0.1204, 0.1368],
           [0.4816, 0.4428, 0.5436, 0.5545],
           [0.1108, 0.1205, 0.1068, 0.1056]])
    >>> fluct.next_order.drift.round(3)
    array([-0.012, -0.015,  0.   ,  0.002])
    >>> fluct.std(n_units=400, beta=0.75).round(4)
    array([0.0353, 0.0366, 0.0387, 0.0417])
    """

    prediction: Array
    """The limit g_t(z) itself, shape (n_times, n_points)."""
    initial_output: Array
    """V^G, the variance of N^{β−½} times the error from the initial output, shape (n_times, n_points)."""
    data: Array
    """V^S, the variance of √N times the error from correlated and noisy data, shape (n_times, n_points)."""
    finite_width: Array
    """V^I, the variance of √N times the error from finitely many independent units, shape (n_times, n_points)."""
    record: Array | float
    """V^R, the variance of the limit of a record around that of its source, (n_times, n_points); zero on a chain."""

    def __init__(
        self,
        prediction: Array,
        initial_output: Array,
        data: Array,
        finite_width: Array,
        record: Array | float = 0.0,
        next_order: Any = None,
    ) -> None:
        self.prediction, self.initial_output = prediction, initial_output
        self.data, self.finite_width, self.record = data, finite_width, record
        self._next_order = next_order

    @cached
    def next_order(self) -> NextOrder:
        """The corrections b, b¹, b¹ of pairs, V^F and V^D, computed on first use; zero on a record."""
        given = np.zeros((5, *np.shape(self.prediction))) if self._next_order is None else self._next_order
        return NextOrder(*(given() if callable(given) else given))

    def mean(self, *, n_units: float, beta: float, paired: bool = False) -> Array:
        """Return the mean of a network's output, g_t + N^{2β−2} b + b¹/N.

        Parameters
        ----------
        n_units : float
            The number of units N, at least one; these are formulas in N, which need not be whole.
        beta : float
            The exponent β of the output's scale N^{−β}, from ½ to 1.
        paired : bool
            Whether the network starts from ±C pairs.

        Returns
        -------
        ndarray, shape (n_times, n_points)
        """
        n_units, beta, paired = _start(n_units, beta, paired)
        bias = self.next_order.bias_of_pairs if paired else self.next_order.bias
        return np.asarray(self.prediction + n_units ** (2 * beta - 2) * self.next_order.drift + bias / n_units)

    def std(self, *, n_units: float, beta: float, paired: bool = False) -> Array:
        """Return the standard deviation of a network's output; arguments and shape are those of `mean`.

        √(N^{1−2β} V^G + (V^S + V^I + V^F)/N + N^{−2β} V^D + V^R); with ±C pairs √((V^S + 2V^I)/N + V^R), since both
        units of a pair err alike.  Where V^D < 0 is too large for so small an N, it is the first order, with a warning.
        """
        n_units, beta, paired = _start(n_units, beta, paired)
        if paired:
            return np.asarray(np.sqrt((self.data + 2 * self.finite_width) / n_units + self.record))
        start, after = n_units ** (1 - 2 * beta) * self.initial_output, self.next_order
        first = start + (self.data + self.finite_width) / n_units + self.record
        total = first + after.moving_features / n_units + n_units ** (-2 * beta) * after.random_start
        if (total < 0).any():
            warnings.warn(
                f"n_units is too small for the next order of the variance, which is below zero at N = {n_units:g}: the "
                "first order is given there",
                RuntimeWarning,
                stacklevel=2,
            )
        return np.asarray(np.sqrt(np.where(total < 0, first, total)))

    def band(self, *, n_units: float, beta: float, paired: bool = False, level: float = 0.95) -> tuple[Array, Array]:
        """Return the ends of a predictive band, the mean minus and plus a normal quantile times the standard deviation.

        The output of one network at one point lies in it with the probability `level`; all else is as for `mean`.
        """
        from scipy.special import ndtri

        level = _checks.number("level", level, above=0, most=1)
        mean = self.mean(n_units=n_units, beta=beta, paired=paired)
        half = ndtri((1 + level) / 2) * self.std(n_units=n_units, beta=beta, paired=paired)
        return mean - half, mean + half


def _start(n_units: float, beta: float, paired: bool) -> tuple[float, float, bool]:
    beta = _checks.number("beta", beta, least=0.5, most=1)
    return _checks.number("n_units", n_units, least=1), beta, _checks.flag("paired", paired)


def fluctuations(
    mu: StationaryLaw,
    modes: Modes,
    coordinates: Coordinates,
    times: Array,
    x: Array,
    m: Array,
    response: Callable[..., Response] = Response,
) -> Fluctuations:
    """Compute the law of the error at points (x, m), inputs (n, d); see `KernelLimit.fluctuations`."""
    fourth = float(coordinates.kernel.law.output.moment(4))
    if not np.isfinite(fourth):
        raise ValueError(f"law must have output weights with a finite fourth moment, but E[C⁴] is {fourth}")
    inputs = np.concatenate([mu.input_vectors, x])
    warn_beyond_reach(coordinates.kernel.law, inputs, coordinates.kernel.activation._steepness)
    first, after = (partial(each, mu, modes, coordinates) for each in (response, NextResponse))
    size = coordinates.kernel.law.quadrature.nodes.size
    variances = _at_all(first, "variances", 4, size, times, x, m)
    later = partial(_at_all, after, "corrections", 5, 50 * size, times, x, m) if isinstance(mu, ChainLaw) else None
    prediction = coordinates.combination(x, m, modes.learned(times)).T
    return Fluctuations(prediction, *variances, next_order=later)  # type: ignore[misc]


def _at_all(make: Any, name: str, count: int, size: int, times: Array, x: Array, m: Array) -> Array:
    """Call a method that returns `count` numbers for each point at all times, in blocks of points."""
    if not len(m):
        return np.empty((count, *times.shape, 0))
    blocks = np.array_split(np.arange(len(m)), max(1, min(len(m), 1 + size * len(m) // _BLOCK)))
    parts = [make(x[rows], m[rows]) for rows in blocks]
    each = np.array([np.hstack([getattr(part, name)(t) for part in parts]) for t in times.ravel()])
    each = each.reshape(times.size, count, len(m)).swapaxes(0, 1)
    return each.reshape(count, *times.shape, len(m))
