"""The mean of a correlated sequence, measured on the sequence itself, with its error."""

from typing import Any

import numpy as np

from rnnkernel import _checks


def mean_with_error(values: Any, lags: int) -> tuple[float, float]:
    """Return the mean of a stationary sequence and its standard error, with Bartlett's weights for the covariances.

    With c_l = (1/n) Σ_k (v_k − v̄)(v_{k+l} − v̄), the squared error is

        (1/n) (c_0 + 2 Σ_{l=1}^{lags} (1 − l/(lags + 1)) c_l),

    which is never negative.  Take `lags` beyond the dependence of the values, and far below their number.

    Parameters
    ----------
    values : array_like, shape (n,)
        The sequence, in the order of time.
    lags : int
        How many covariances to count; 0 for independent values.

    Returns
    -------
    mean, error : float
        v̄, and its standard error.

    Notes
    -----
    Book: :doc:`network-that-remembers`.

    Examples
    --------
    >>> mean_with_error([1.0, 2.0, 4.0, 1.0], lags=1)
    (2.0, 0.5)
    """
    v = _checks.array("values", values, ndim=1)
    lags = _checks.integer("lags", lags, least=0)
    n = len(v)
    if n <= lags:
        raise ValueError(f"values must hold more numbers than lags = {lags}, not {n}")
    mean = float(v.mean())
    centred = v - mean
    covariances = np.array([centred[lag:] @ centred[: n - lag] / n for lag in range(lags + 1)])
    weights = 2 * (1 - np.arange(lags + 1) / (lags + 1))
    weights[0] = 1
    return mean, float(np.sqrt(weights @ covariances / n))
