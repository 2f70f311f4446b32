"""The limit of a network that reads symbols, for p outputs and a loss ℓ(y, f) = Ψ(f) − y·f + Ψ*(y).

Independent output weights make the tangent kernel K ⊗ 1: one kernel for all outputs, and none between two of them,

    ∂_t g_t(z) = α ∫ K(z, z') [y − ∇Ψ(g_t(z'))] μ(dz', dy),    g_0 = 0,    z = (x, m).

For symbols x ≠ x' the weights W_x and W_x' are independent, so that with h_x(m) = E σ(W_x + m)

    K((x, m), (x', m')) = h_x(m) h_x'(m') + 1{x = x'} (Cov[σ(u), σ(u')] + E[C²] E[σ'(u) σ'(u')]),
    u = W_x + m,  u' = W_x + m',    φ(x, m) = E[B] h_x(m):

all is in integrals over one weight.  The features are one that all symbols share, and a few for each symbol.
"""

from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import Immutable
from rnnkernel._types import Array
from rnnkernel.activations import Activation
from rnnkernel.chains import DataSequence
from rnnkernel.flow import check_times
from rnnkernel.initial import InitialLaw, require_centred
from rnnkernel.kernel import TangentKernel
from rnnkernel.stationary import StationaryLaw
from rnnkernel.symbols import LOSSES, pairs, points, symbols, trajectory

_NODES = 24  # of memory for each symbol
_ROUGH = 1e-7  # features that are smaller, relative to the largest, are left out: 1e-14 of the kernel
_MOST = 1e6  # units of the fastest mode's time that a flow is followed
_ACCURACY = {"rtol": 1e-8, "atol": 1e-10, "method": "DOP853"}


class SymbolLimit(Immutable):
    """The output g_t of infinitely many units that learn symbols online, solved in time with error control.

    A sequence is represented by a quadrature of its points in memory for each symbol, exact on polynomials of degree
    below 24, so that the cost does not grow with its length.  Book: :doc:`a-network-that-writes`.

    Parameters
    ----------
    data : tuple (x, y), or StationaryLaw
        Symbols and targets, as for `train_symbols`; memory starts at 0.  Or the law of a chain whose inputs are the
        unit vectors: its next state then is the target.
    law : InitialLaw
        Law of a unit, with E C = 0 and B independent of W.
    activation : str or Activation
    learning_rate : float
    loss : "cross-entropy" or "squared"
        σ, α and ℓ.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1), n_inputs=3)
    >>> limit = SymbolLimit(([0, 1, 2], [1, 2, 0]), law)
    >>> limit.loss([0.0, 50.0]).round(3)
    array([1.099, 0.121])
    >>> limit.predict(50.0, [0, 1, 2], memory=0.3).argmax(axis=1)
    array([1, 2, 0])
    """

    def __init__(
        self,
        data: Any,
        law: InitialLaw,
        activation: str | Activation = "tanh",
        learning_rate: float = 1.0,
        *,
        loss: str = "cross-entropy",
    ) -> None:
        require_centred(_checks.kind("law", law, InitialLaw))
        if not hasattr(law.recurrent, "mean"):
            raise ValueError("law must have recurrent weights independent of the input weights, not a function of them")
        self.law = law
        self.learning_rate = _checks.number("learning_rate", learning_rate, above=0)
        self._squared = _checks.choice("loss", loss, LOSSES) == "squared"
        each = [InitialLaw(law.output, W, law.recurrent) for W in law.inputs]
        self._kernels = [TangentKernel(one, activation) for one in each]
        self._roots = [np.sqrt(one.quadrature.weights) for one in each]
        self._nodes = np.concatenate([one.quadrature.nodes[:, 0] for one in each])
        self._weights = np.concatenate([one.quadrature.weights for one in each]) * float(law.recurrent.mean())
        self._starts = np.cumsum([0, *map(len, self._roots)])
        nodes = self._of_chain(data) if isinstance(data, StationaryLaw) else self._of_record(data, loss)
        self._x, self._m, self._w, self._targets, square = nodes
        self._constant = square / 2 if self._squared else 0.0
        self._bases = [self._basis(s) for s in range(law.n_inputs)]
        self._first = np.cumsum([1, *(basis.shape[1] for basis in self._bases)])
        self._L = self._coordinates(self._x, self._m)
        fastest = float(np.abs(self._w[:, None] * self._L**2).sum())  # no mode is faster, and no step much longer
        self._longest = _MOST / (self.learning_rate * max(fastest, 1e-9))

    def trajectory(self, x: Any) -> Array:
        """Memories M_0 = 0, M_{k+1} = φ(x_k, M_k) along symbols x (n,), shape (n + 1,)."""
        x = symbols("x", x, self.law.n_inputs)
        return trajectory(self._kernels[0].activation, self._nodes, self._weights, self._starts, 1, x, 0.0)

    def next_memory(self, x: Any, memory: Any) -> Array:
        """φ(x, m) = E[B] E σ(W_x + m), the memory after symbol x, shape (n_points,); arguments as for `predict`."""
        x, m = points(x, memory, self.law.n_inputs)
        return np.asarray(self._coordinates(x, m)[:, 0] * self.law.recurrent.mean())

    def predict(self, times: Any, x: Any, memory: Any) -> Array:
        """Return g_t(x, m), shape (n_times, n_points, p); arguments as for `KernelLimit.predict`, x being symbols."""
        L = self._coordinates(*points(x, memory, self.law.n_inputs))
        return np.asarray(L @ self._solve(check_times(times, self._longest)))

    def forecast(self, time: float, x: Any) -> Array:
        """Return g_t(x_k, M_k) along symbols x (n,), M_0 = 0, with learning stopped at `time`; shape (n, p)."""
        time = _checks.number("time", time, least=0, most=self._longest)
        return np.asarray(self.predict(time, x, self.trajectory(x)[:-1]))

    def loss(self, times: Any) -> Any:
        """Return E ℓ(Y, g_t(X, M)) under the law of the data, in nats for the cross-entropy; a float for one time."""
        from scipy.special import logsumexp

        g = self._L @ self._solve(check_times(times, self._longest))
        potential = (g**2).sum(axis=-1) / 2 if self._squared else logsumexp(g, axis=-1)
        loss: Any = potential @ self._w - (g * self._targets).sum(axis=(-2, -1)) + self._constant
        return loss if loss.ndim else float(loss)

    def _solve(self, t: Array) -> Array:
        """Coordinates c_t of the solution at times in any order, shape (…, r, p): c' = α Lᵀ(targets − w ∇Ψ(Lc))."""
        from scipy.integrate import solve_ivp
        from scipy.special import softmax

        L, w, shape = self._L, self._w[:, None], (self._L.shape[1], self._targets.shape[1])

        def velocity(_: float, c: Array) -> Array:
            g = L @ c.reshape(shape)
            pull = self._targets - w * (g if self._squared else softmax(g, axis=1))
            return np.asarray(self.learning_rate * (L.T @ pull).ravel())

        when, place = np.unique(t, return_inverse=True)
        end = when.max(initial=0.0) or 1.0  # the solver wants an interval
        found = solve_ivp(velocity, (0.0, end), np.zeros(np.prod(shape)), t_eval=when, **_ACCURACY)
        return np.transpose(found.y)[place].reshape(*t.shape, *shape)  # `y` is a list if no time was asked for

    def _of_record(self, data: Any, loss: str) -> tuple[Any, Array, Array, Array, float]:
        """Return nodes, weights and targets that integrate polynomials in m exactly for each symbol, and E|y|²."""
        d, shape = self.law.n_inputs, np.shape(_checks.pair("data", data)[1])
        x, rows, table = pairs(data, d, shape[1] if len(shape) > 1 else d, loss)
        memory = self.trajectory(x)[:-1]
        found = []
        for s in np.unique(x):
            here = x == s
            moments = np.column_stack([np.ones(here.sum()), table[rows[here]]]) / len(x)
            m, sums = _quadrature(memory[here], moments)
            found.append((np.full(len(m), s), m, sums))
        letters, m, sums = (np.concatenate(each) for each in zip(*found, strict=True))
        return letters, m, sums[:, 0], sums[:, 1:], (table[rows] ** 2).sum() / len(x)

    def _of_chain(self, mu: StationaryLaw) -> tuple[Any, Array, Array, Array, float]:
        known = isinstance(mu.data, DataSequence) and np.array_equal(mu.data.input_vectors, np.eye(self.law.n_inputs))
        phi = mu.memory_map
        if not known or phi.law != self.law or phi.activation != self._kernels[0].activation:
            raise ValueError("data must have the unit vectors as inputs, and the memory map of law and activation")
        return mu.states, mu.memory, mu.weights, mu.weights[:, None] * mu.data.chain.transition[mu.states], 1.0

    def _features(self, s: int, m: Array) -> tuple[Array, Array]:
        """h_s(m), and the features of symbol s alone: centred values, and slopes."""
        root, features = self._roots[s], self._kernels[s].features(1.0, m)
        shared = features[:, : len(root)] @ root
        features[:, : len(root)] -= shared[:, None] * root
        return shared, features

    def _basis(self, s: int) -> Array:
        """Directions that hold nearly all features of symbol s at its nodes, as columns."""
        features = self._features(s, self._m[self._x == s])[1]
        _, sizes, directions = np.linalg.svd(features, full_matrices=False)
        return np.asarray(directions[sizes > _ROUGH * sizes.max(initial=0.0)].T)

    def _coordinates(self, x: Any, m: Array) -> Array:
        L = np.zeros((len(x), self._first[-1]))
        for s in np.unique(x):
            block = slice(self._first[s], self._first[s + 1])
            here = np.flatnonzero(x == s)
            for rows in np.array_split(here, 1 + len(here) // 4000):
                L[rows, 0], features = self._features(s, m[rows])
                L[rows, block] = features @ self._bases[s]
        return L


def _quadrature(m: Array, moments: Array) -> tuple[Array, Any]:
    """Nodes, and what stands at each of them for Σ_k moments[k] f(m_k): exact for f of degree below `_NODES`."""
    from numpy.polynomial import chebyshev

    distinct, place = np.unique(m, return_inverse=True)
    if len(distinct) <= _NODES:
        sums = np.zeros((len(distinct), moments.shape[1]))
        np.add.at(sums, place, moments)
        return distinct, sums
    points = chebyshev.chebpts1(_NODES)
    middle, half = (m.max() + m.min()) / 2, (m.max() - m.min()) / 2
    along = chebyshev.chebvander((m - middle) / half, _NODES - 1).T @ moments
    return middle + half * points, np.linalg.solve(chebyshev.chebvander(points, _NODES - 1).T, along)
