"""The mean of a correlated sequence, measured on the sequence itself, with its error.

The *long-run variance* of a sequence, the limit of n times the variance of its mean, is the sum of all covariances.
Bartlett's weights make it a mean square of sums over lags + 1 successive values, which is never negative.
"""

from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._types import Array


def mean_with_error(values: Any, lags: int) -> tuple[float, float]:
    """Return the mean of a stationary sequence and its standard error, with Bartlett's weights for the covariances.

    With c_l = (1/n) Σ_k (v_k − v̄)(v_{k+l} − v̄), the squared error is

        (1/n) (c_0 + 2 Σ_{l=1}^{lags} (1 − l/(lags + 1)) c_l).

    Take `lags` beyond the dependence of the values, and far below their number.  Book: :doc:`network-that-remembers`.

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
    return float(v.mean()), float(np.sqrt(long_run_variance(v, lags, [n]) / n))


def long_run_variance(values: Array, lags: int, lengths: Any) -> Array:
    """Return Bartlett's estimate for sequences (…, n), which may be several records of the given lengths on end."""
    centred, width, squares = values - values.mean(axis=-1, keepdims=True), lags + 1, 0.0
    for part in np.split(centred, np.cumsum(lengths)[:-1], axis=-1):
        sums = np.cumsum(np.pad(part, [(0, 0)] * (part.ndim - 1) + [(width, lags)]), axis=-1)
        squares = squares + ((sums[..., width:] - sums[..., :-width]) ** 2).sum(axis=-1)
    return np.asarray(squares / (values.shape[-1] * width))


def lags_for(values: Array) -> int:
    """Return how many covariances to count for sequences (…, n), by the rule of Newey and West.

    lags + 1 ≈ 1.1447 ((s₁/s₀)² n)^{1/3}, where s_p = Σ_{|l| ≤ m} |l|^p c_l with m = 4 (n/100)^{2/9}, of all together:
    then the bias s₁/(lags + 1) of Bartlett's estimate and its standard deviation are in balance.
    """
    v, n = values - values.mean(axis=-1, keepdims=True), values.shape[-1]
    if not v.any():
        return 0
    lags = np.arange(min(1 + int(4 * (n / 100) ** (2 / 9)), n))
    c = np.array([(v[..., lag:] * v[..., : n - lag]).sum() for lag in lags]) * np.where(lags, 2, 1)
    width = 1.1447 * ((lags @ c / max(c.sum(), 1e-3 * c[0])) ** 2 * n) ** (1 / 3)
    return int(max(min(np.ceil(width), n // 2), 1)) - 1
