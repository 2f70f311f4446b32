"""The tangent kernel: what one step of learning at one point changes at another.

    K((x, m), (x', m')) = E_λ[σ(u) σ(u')] + (x·x') E[C²] E_λ[σ'(u) σ'(u')],    u = W·x + m,  u' = W·x' + m'.

The first term comes from learning C, the second from learning W.  Learning B contributes nothing in the limit: its term
carries the factor q q' with q = (1/N) Σ C σ'(u), and E[C σ'(u)] = 0.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _checks, _hermite, _normal
from rnnkernel._immutable import Immutable, cached
from rnnkernel._jit import jit
from rnnkernel._types import Array
from rnnkernel.activations import Activation, preactivations
from rnnkernel.activations import activation as named_activation
from rnnkernel.initial import InitialLaw, warn_beyond_reach
from rnnkernel.network import RNN


class TangentKernel(Immutable):
    """The tangent kernel K of an initial law.

    Called with two sets of points x1, m1, x2, m2, as `RNN.predict` takes them, it returns their Gram matrix, (n1, n2):
    to rounding and for every x if W is normal, and otherwise by the quadrature of the law.  With Q quadrature nodes it
    is the inner product of Q (1 + d) features.  Book: :doc:`tangent-kernel`.

    Parameters
    ----------
    law : InitialLaw
        Law of a unit's parameters.
    activation : str or Activation
        The activation σ.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> kernel = TangentKernel(law)
    >>> kernel([-1.0, 1.5], [-0.2, 0.4], 1.5, 0.1).round(6)
    array([[-0.714975],
           [ 0.816705]])
    >>> features = kernel.features([-1.0, 1.5], [-0.2, 0.4])
    >>> bool(np.allclose(features @ features.T, kernel([-1.0, 1.5], [-0.2, 0.4], [-1.0, 1.5], [-0.2, 0.4])))
    True
    """

    def __init__(self, law: InitialLaw, activation: str | Activation = "tanh") -> None:
        self.law: InitialLaw = _checks.kind("law", law, InitialLaw)
        self.activation = named_activation(activation)
        normal = _normal.normal(law)
        self._units = None if normal is None else _hermite.Units(self.activation, normal, law.output_square)

    @property
    def n_features(self) -> int:
        """The number Q (1 + d) of features, with Q quadrature nodes."""
        return len(self.law.quadrature.weights) * (1 + self.law.n_inputs)

    @cached
    def _rule(self) -> tuple[Array, Array, Array]:
        """Quadrature nodes (d, Q), and the factors √w_q and √(w_q E[C²]) of features."""
        nodes, weights = self.law.quadrature
        return nodes.T.copy(order="C"), np.sqrt(weights), np.sqrt(weights * self.law.output_square)

    def __call__(self, x1: Any, m1: Any, x2: Any, m2: Any) -> Array:
        """Return the Gram matrix of K between two sets of points, shape (n1, n2)."""
        if self._units is None:
            return self._layers(x1, m1, ("x1", "m1")).gram(self._layers(x2, m2, ("x2", "m2")))
        d = self.law.n_inputs
        pairs = _checks.points(x1, m1, d, ("x1", "m1")), _checks.points(x2, m2, d, ("x2", "m2"))
        return _hermite.gram(self._units, *pairs)

    def features(self, x: Any, memory: Any) -> Array:
        """Return the features whose inner products are the kernel.

        √w_q σ(u_q), then x_i √(w_q E[C²]) σ'(u_q) for i = 1, …, d, with u_q = W_q·x + m at the quadrature nodes W_q.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n,)
            Memories; one memory is repeated.

        Returns
        -------
        ndarray, shape (n, Q (1 + d))

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> kernel = TangentKernel(law)
        >>> features = kernel.features([-1.0, 1.5], [-0.2, 0.4])
        >>> bool(np.allclose(features @ features.T, kernel([-1.0, 1.5], [-0.2, 0.4], [-1.0, 1.5], [-0.2, 0.4])))
        True
        """
        layers = self._layers(x, memory)
        return np.hstack([layers.values, *(each[:, None] * layers.slopes for each in layers.inputs.T)])

    def diagonal(self, x: Any, memory: Any) -> Array:
        """Return K((x, m), (x, m)) point by point.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n,)
            Memories; one memory is repeated.

        Returns
        -------
        ndarray, shape (n,)
        """
        if self._units is None:
            return self._layers(x, memory).diagonal()
        return _hermite.diagonal(self._units, *_checks.points(x, memory, self.law.n_inputs))

    def _layers(self, x: Any, memory: Any, names: tuple[str, str] = ("x", "memory")) -> "Layers":
        points = _checks.points(x, memory, self.law.n_inputs, names)
        warn_beyond_reach(self.law, points[0], self.activation._steepness)
        nodes, *scales = self._rule
        return _layers(self.activation, nodes, scales, *points)


class Layers(NamedTuple):
    """Inputs of points, and what they contribute to Gram matrices: √w_q σ(u_q) and √(w_q E[C²]) σ'(u_q)."""

    inputs: Array
    values: Array
    slopes: Array

    def gram(self, other: "Layers") -> Array:
        """Return K between these points and others."""
        outer = self.inputs @ other.inputs.T
        return np.asarray(self.values @ other.values.T + outer * (self.slopes @ other.slopes.T))

    def diagonal(self) -> Array:
        """Return K between each point and itself."""
        squares = np.einsum("nq,nq->n", self.slopes, self.slopes)
        return np.asarray(np.einsum("nq,nq->n", self.values, self.values) + (self.inputs**2).sum(axis=1) * squares)


def empirical_kernel(rnn: RNN, x1: Any, m1: Any, x2: Any, m2: Any) -> Array:
    """Return the tangent kernel K^N of a network at its present parameters, between two sets of points.

    K^N((x, m), (x', m')) = (1/N) Σ_i [σ(u_i) σ(u_i') + (x·x') (C^i)² σ'(u_i) σ'(u_i')],   u_i = W^i·x + m.

    One step of training at (x', m') changes the output at (x, m) by (α/N) e K^N, to first order.
    Book: :doc:`training-online`.

    Parameters
    ----------
    rnn : RNN
        The network.
    x1 : array_like, shape (n1,) or (n1, d)
    m1 : array_like, shape (n1,)
        Inputs and memories of the first points, as `RNN.predict` takes them.
    x2 : array_like, shape (n2,) or (n2, d)
    m2 : array_like, shape (n2,)
        Those of the second points.

    Returns
    -------
    ndarray, shape (n1, n2)

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> rnn = RNN.sample(law, n_units=100_000, beta=0.75, rng=0)
    >>> empirical_kernel(rnn, [-1.0, 1.5], [-0.2, 0.4], 1.5, 0.1).round(1)
    array([[-0.7],
           [ 0.8]])
    """
    _checks.kind("rnn", rnn, RNN)
    nodes = np.ascontiguousarray(rnn.inputs.T)
    scales = np.full(rnn.n_units, rnn.n_units**-0.5), rnn.output * rnn.n_units**-0.5
    first, second = (
        _layers(rnn.activation, nodes, scales, *_checks.points(x, m, rnn.n_inputs, names))
        for x, m, names in ((x1, m1, ("x1", "m1")), (x2, m2, ("x2", "m2")))
    )
    return first.gram(second)


def _layers(activation: Activation, nodes: Array, scales: Sequence[Array], x: Array, m: Array) -> Layers:
    values, slopes = np.empty((len(m), nodes.shape[1])), np.empty((len(m), nodes.shape[1]))
    _fill(activation.value, activation.derivative, nodes, *scales, x, m, values, slopes)
    return Layers(x, values, slopes)


@jit(fastmath={"contract"})
def _fill(
    value: Any, derivative: Any, nodes: Any, scale: Any, slope_scale: Any, x: Any, m: Any, values: Any, slopes: Any
) -> None:
    for k in range(len(m)):
        row, slope_row = values[k], slopes[k]
        preactivations(nodes, x[k], m[k], row)
        for q in range(len(scale)):
            u = row[q]
            row[q] = scale[q] * value(u)
            slope_row[q] = slope_scale[q] * derivative(u)
