"""The law of the error: how far a trained network of N units is from its kernel limit, before it is trained.

    Var(g^N_t − g_t)(z) ≈ N^{1−2β} V^G_t(z) + N^{−1} (V^S_t(z) + V^I_t(z)),    z = (x, m).

On a finite chain all of it is exact.  On a record, V^S is an estimate, and the limit itself is uncertain: the record
could have been another.  Its variance V^R joins the others.  `_response` and `_recorded` say how all are computed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnkernel import _checks
from rnnkernel._coordinates import FeatureCoordinates
from rnnkernel._immutable import Immutable
from rnnkernel._response import Response
from rnnkernel._types import Array
from rnnkernel.flow import Modes
from rnnkernel.stationary import StationaryLaw

_BLOCK = 2_000_000  # entries of the features of a block of points


@dataclass(frozen=True, eq=False)
class Fluctuations(Immutable):
    """Variances of a trained network around its kernel limit, for any N and β; made by `KernelLimit.fluctuations`.

    They hold for large N, for output weights with E C³ = 0, and without clipping.

    Notes
    -----
    Shapes are (n_points,) for one time given as a number.  Book: :doc:`fluctuations-while-learning` for V^S,
    :doc:`convergence-measured` for the rest.

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
    >>> fluct.std(n_units=400, beta=0.75).round(4)
    array([0.0353, 0.0367, 0.0386, 0.0416])
    """

    prediction: Array
    """The limit g_t(z) itself, shape (n_times, n_points)."""
    initial_output: Array
    """V^G, the variance of N^{β−½} times the error from the initial output, shape (n_times, n_points)."""
    data: Array
    """V^S, the variance of √N times the error from correlated and noisy data, shape (n_times, n_points)."""
    finite_width: Array
    """V^I, the variance of √N times the error from finitely many independent units, shape (n_times, n_points)."""
    record: Array | float = 0.0
    """V^R, the variance of the limit of a record around that of its source, (n_times, n_points); zero on a chain."""

    def std(self, *, n_units: int, beta: float, paired: bool = False) -> Array:
        """Return the standard deviation of a network's output around the limit.

        √(N^{1−2β} V^G + (V^S + V^I)/N + V^R); with ±C pairs √((V^S + 2V^I)/N + V^R): both units of a pair err alike.

        Parameters
        ----------
        n_units : int
            The number of units N, even if `paired`.
        beta : float
            The exponent β of the output's scale N^{−β}, from ½ to 1.
        paired : bool
            Whether the network starts from ±C pairs.

        Returns
        -------
        ndarray, shape (n_times, n_points)
        """
        n_units = _checks.integer("n_units", n_units, least=1)
        beta = _checks.number("beta", beta, least=0.5, most=1)
        if _checks.flag("paired", paired) and n_units % 2:
            raise ValueError(f"n_units must be even when paired=True, not {n_units}")
        start = 0.0 if paired else n_units ** (1 - 2 * beta) * self.initial_output
        width = (1 + paired) * self.finite_width
        return np.asarray(np.sqrt(start + (self.data + width) / n_units + self.record))

    def band(self, *, n_units: int, beta: float, paired: bool = False, level: float = 0.95) -> tuple[Array, Array]:
        """Return a predictive band: the limit, plus and minus a normal quantile times the standard deviation.

        It leaves out the drift of the kernel, a bias of order N^{2β−2}.

        Parameters
        ----------
        n_units : int
            The number of units N, even if `paired`.
        beta : float
            The exponent β of the output's scale N^{−β}, from ½ to 1.
        paired : bool
            Whether the network starts from ±C pairs.
        level : float
            The probability that the output of one network at one point is within the band, between 0 and 1.

        Returns
        -------
        lower : ndarray, shape (n_times, n_points)
        upper : ndarray, shape (n_times, n_points)

        Examples
        --------
        >>> one = Fluctuations(np.array([0.5]), np.array([0.0]), np.array([4.0]), np.array([0.0]))
        >>> np.round(one.band(n_units=400, beta=0.75), 3)
        array([[0.304],
               [0.696]])
        """
        from scipy.special import ndtri

        level = _checks.number("level", level, above=0, most=1)
        half = ndtri((1 + level) / 2) * self.std(n_units=n_units, beta=beta, paired=paired)
        return self.prediction - half, self.prediction + half


def fluctuations(
    mu: StationaryLaw,
    modes: Modes,
    coordinates: FeatureCoordinates,
    times: Array,
    x: Array,
    m: Array,
    response: Callable[..., Response] = Response,
) -> Fluctuations:
    """Compute the law of the error at points (x, m), inputs (n, d); see `KernelLimit.fluctuations`."""
    law = coordinates.kernel.law
    fourth = float(law.output.moment(4))
    if not np.isfinite(fourth):
        raise ValueError(f"law must have output weights with a finite fourth moment, but E[C⁴] is {fourth}")
    size = len(m) * law.quadrature.nodes.size
    blocks = np.array_split(np.arange(len(m)), 1 + size // _BLOCK)
    parts = [response(mu, modes, coordinates, x[rows], m[rows]) for rows in blocks]
    each = [np.hstack([part.variances(t) for part in parts]) for t in times.ravel()]
    V = np.reshape(each, (times.size, 4, len(m))).swapaxes(0, 1).reshape(4, *times.shape, len(m))
    return Fluctuations(modes.predict(times, coordinates(x, m)), *V)
