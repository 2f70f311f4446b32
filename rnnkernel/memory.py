"""Memory of an infinitely wide network: the map φ, and what it remembers of a sequence of inputs.

The hidden layer of the limit is the function w ↦ σ(w·x + m) of a unit's input weights, so all that it holds of the
past is one number, the memory m.  It moves by one random recursion,

    M_{k+1} = φ(x_k, M_k),    φ(x, m) = E_λ[B σ(W·x + m)].

|φ(x, m) − φ(x, m')| ≤ q |m − m'| with the contraction factor q = L E|B|, L = sup|σ'|.  If q < 1 memory forgets its
start at the rate q^k, and only one stationary solution exists, the random fixed point.
"""

import warnings
from typing import Any

import numpy as np

from rnnkernel import _checks, _normal
from rnnkernel._checks import AssumptionWarning
from rnnkernel._immutable import Immutable, cached
from rnnkernel._jit import jit, slices
from rnnkernel._types import Array
from rnnkernel.activations import Activation, preactivations
from rnnkernel.activations import activation as named_activation
from rnnkernel.initial import InitialLaw, warn_beyond_reach
from rnnkernel.sequences import steps_to_forget


class MemoryMap(Immutable):
    """The memory map φ(x, m) = E_λ[B σ(W·x + m)] of an initial law.

    Called with inputs (n_points,), or (n_points, d) if d > 1, and memories (n_points,), it returns the memories
    afterwards, (n_points,), or a float for one point with a scalar memory; one input or memory is repeated.

    Nothing here is random.  If W is normal and B independent of it, then φ(x, m) = E[B] E σ(a + s g) with a standard
    normal g, and panels in g give this to rounding for every x.  Otherwise expectations use the quadrature of the law.
    Book: :doc:`memory-is-a-function` and :doc:`random-fixed-point`.

    Parameters
    ----------
    law : InitialLaw
        Law of a unit's parameters.
    activation : str or Activation
        The activation σ.

    Warns
    -----
    AssumptionWarning
        If q ≥ 1, so that memory may not forget; or if memory started at zero stays at zero, because B is centred
        given W, or because σ is odd, W symmetric and B independent of W.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> phi = MemoryMap(law)
    >>> phi.contraction, round(phi.derivative(0.0, 0.0), 12)
    (0.5, 0.5)
    >>> phi([-1.0, 1.5], [-0.2, 0.4])
    array([-0.25206427,  0.29764237])
    >>> phi.trajectory([1.5, 1.5, -1.0]).round(6)
    array([ 0.      ,  0.227049,  0.268573, -0.128268])
    >>> history = [1.5, -1.0] * 40
    >>> bool(abs(phi.fixed_point(history) - phi.fixed_point(history, start=1.0)) < 1e-15)
    True
    >>> bool((phi.forgetting(history, start=-1.0, other=1.0) <= 2 * phi.contraction ** np.arange(81)).all())
    True
    """

    def __init__(self, law: InitialLaw, activation: str | Activation = "tanh") -> None:
        self.law: InitialLaw = _checks.kind("law", law, InitialLaw)
        self.activation = named_activation(activation)
        normal = _normal.normal(law) if hasattr(law.recurrent, "rvs") else None
        self._is_exact = normal is not None or not law.recurrent_mean.any()
        self._over_units = _OverNodes(law) if normal is None else _OverNormal(law, normal, self.activation)
        self._warn()

    @cached
    def contraction(self) -> float:
        """The contraction factor q = L E|B|, L = sup|σ'|: memory forgets its start if q < 1."""
        return self.activation.lipschitz * self.law.recurrent_absolute_mean

    @property
    def steps_to_forget(self) -> int:
        """The steps after which no more than e^{−30}, about 1e-13, of a start is left; 1000 if q ≥ 1."""
        return steps_to_forget(self.contraction, np.exp(-30)) if self.contraction < 1 else 1000

    def __call__(self, x: Any, memory: Any) -> Any:
        """φ(x, m) = E_λ[B σ(W·x + m)], point by point."""
        return self._at_points(self.activation.value, x, memory)

    def derivative(self, x: Any, memory: Any) -> Any:
        """∂φ/∂m (x, m) = E_λ[B σ'(W·x + m)], point by point: at most q in absolute value.

        Parameters
        ----------
        x : array_like, shape (n_points,) or (n_points, d)
            Inputs; one input is repeated.
        memory : array_like, shape (n_points,)
            Memories held when the inputs arrive; one memory is repeated.

        Returns
        -------
        ndarray, shape (n_points,)
            The slopes; a float for one point with a scalar memory.

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> round(MemoryMap(law).derivative(0.0, 0.0), 12)
        0.5
        """
        return self._at_points(self.activation.derivative, x, memory)

    def trajectory(self, x: Any, start: float = 0.0) -> Array:
        """Memory along a sequence of inputs: M_0 = start, M_{k+1} = φ(x_k, M_k).

        Parameters
        ----------
        x : array_like, shape (n,) or (n, d)
            The inputs x_0, …, x_{n−1} in order of time.
        start : float
            The memory held when the first input arrives.

        Returns
        -------
        ndarray, shape (n + 1,)
            The memory held when each input arrives, and after the last one.

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> MemoryMap(law).trajectory([1.5, 1.5, -1.0]).round(6)
        array([ 0.      , 0.227049, 0.268573, -0.128268])
        """
        x = _checks.sequence("x", x, self.law.n_inputs)
        memory = np.empty(len(x) + 1)
        memory[0] = _checks.held("start", start)
        if not self._is_exact:
            warn_beyond_reach(self.law, x, self.activation._steepness)
        self._over_units.follow(self.activation.value, x, memory)
        return memory

    def fixed_point(self, x: Any, start: float = 0.0) -> float:
        """Return the random fixed point M* of an input history: the memory that it leaves behind.

        M* = φ(x_{−1}, φ(x_{−2}, … φ(x_{−n}, start))), which differs from the fixed point of the infinite history by
        at most q^n |start − M*_{−n}|.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, d)
            The history, oldest input first.
        start : float
            The memory before the oldest input.

        Returns
        -------
        float

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> phi = MemoryMap(law)
        >>> history = [1.5, -1.0] * 40
        >>> bool(abs(phi.fixed_point(history) - phi.fixed_point(history, start=1.0)) < 1e-15)
        True
        """
        return float(self.trajectory(x, start)[-1])

    def forgetting(self, x: Any, start: float, other: float) -> Array:
        """|M_k − M'_k| for two memories that start apart and see the same inputs: at most q^k |M_0 − M'_0|.

        Parameters
        ----------
        x : array_like, shape (n,) or (n, d)
            The inputs in order of time.
        start : float
            The one start M_0.
        other : float
            The other start M'_0.

        Returns
        -------
        ndarray, shape (n + 1,)

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
        >>> phi = MemoryMap(law)
        >>> apart = phi.forgetting([-1.0, 1.5, 1.5], start=-1.0, other=1.0)
        >>> bool((apart <= 2 * phi.contraction ** np.arange(4)).all())
        True
        """
        other = _checks.held("other", other)
        return np.abs(self.trajectory(x, start) - self.trajectory(x, other))

    def finite_width_bound(self, n_units: int, x: Any = None, start: float = 0.0) -> float:
        """Bound on the root mean square distance between the memory of N units and its limit, at all times.

        sup_k ‖M^N_k − M_k‖_{L²} ≤ N^{−1/2} sup_{x,m} sd_λ(B σ(W·x + m)) / (1 − L sup|B|).

        Parameters
        ----------
        n_units : int
            The number of units N.
        x : array_like, shape (n,) or (n, d), optional
            The inputs that the network will see: the supremum then is over the points (x_k, M_k) of this sequence.
            If not given, sup|σ| (E B²)^{1/2} stands for it, which is larger than the standard deviation anywhere.
        start : float
            The memory M_0 that both start from, used with `x`.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If L sup|B| ≥ 1: a finite network may then fail to contract, and the bound does not exist.

        Examples
        --------
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 0.5))
        >>> phi = MemoryMap(law)
        >>> round(phi.finite_width_bound(400), 6), round(phi.finite_width_bound(400, x=[-1.0, 1.5]), 6)
        (0.028868, 0.019918)
        """
        n_units = _checks.integer("n_units", n_units, least=1)
        worst = self.activation.lipschitz * self.law.recurrent_bound
        if worst >= 1:
            raise ValueError(
                f"finite_width_bound needs L sup|B| < 1, but L sup|B| is {worst:g}: a finite network may then fail to "
                "contract, and the bound does not exist"
            )
        if x is None:
            second = self.law.quadrature.weights @ self.law.recurrent_square
            deviation = _sup(self.activation) * float(np.sqrt(second))
        else:
            x = _checks.sequence("x", x, self.law.n_inputs)
            if not len(x):
                raise ValueError("x must hold at least one input, not none")
            m = self.trajectory(x, start)
            square = self._over_units.mean_squares(self.activation, x, m[:-1])
            deviation = float(np.sqrt((square - m[1:] ** 2).max()))
        return deviation / float(np.sqrt(n_units)) / (1 - worst)

    def fixed_points(self, x: Any) -> Array:
        """All memories that a constant input keeps in place: the roots of m = φ(x, m), ascending.

        One if q < 1.  If q ≥ 1 there may be several; those with ∂φ/∂m < 1 (in absolute value) attract.

        Parameters
        ----------
        x : float or array_like, shape (d,)
            The input.

        Returns
        -------
        ndarray, shape (n_roots,)
            Roots closer to each other than a two-thousandth of their range may be missed.

        Examples
        --------
        >>> import warnings
        >>> from scipy import stats
        >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0, 1), recurrent=stats.uniform(1, 1))
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     MemoryMap(law).fixed_points(0.0).round(6)
        array([-1.287839, 0.      , 1.287839])
        """
        from scipy.optimize import brentq

        point = _checks.array("x", x, ndim=(0, 1)).ravel()
        if len(point) != self.law.n_inputs:
            raise ValueError(f"x must be one input of {self.law.n_inputs} coordinate(s), not of shape {np.shape(x)}")

        def gap(m: Any) -> Any:
            return self(point[None], m) - m

        reach = 1.0
        while not gap(reach) < 0 < gap(-reach):
            reach *= 2
            if reach > 1e6:
                raise ValueError(f"x: no bounded fixed point was found for input {_checks.described(x)}")
        grid = np.linspace(-2 * reach, 2 * reach, 2002)
        above = gap(grid) > 0
        left = np.flatnonzero(above[:-1] != above[1:])
        return np.array([brentq(gap, grid[i], grid[i + 1], xtol=1e-16) for i in left])

    def _at_points(self, function: Any, x: Any, memory: Any) -> Any:
        points, memories = _checks.points(x, memory, self.law.n_inputs)
        if not self._is_exact:
            warn_beyond_reach(self.law, points, self.activation._steepness)
        out = self._over_units.means(function, points, memories)
        return float(out[0]) if np.ndim(memory) == 0 and np.size(x) == self.law.n_inputs else out

    def _warn(self) -> None:
        if self.contraction >= 1:
            warnings.warn(
                f"the contraction factor q = L E|B| is {self.contraction:g}, not below 1: memory may never forget its "
                "start, and several stationary laws may exist (see MemoryMap.fixed_points)",
                AssumptionWarning,
                stacklevel=3,
            )
        probes = np.sin(np.arange(1.0, 3 * self.law.n_inputs + 1)).reshape(3, -1)  # inputs in general position
        scale = self.law.recurrent_absolute_mean
        if scale > 0 and np.abs(self.law.recurrent_mean).max() <= 1e-14 * scale:
            why = "E[B | W] = 0 for every W, so that φ(x, m) = 0 and memory vanishes"
        elif scale > 0 and np.abs(self(probes, 0.0)).max() <= 1e-14 * scale:
            why = "φ(x, 0) = 0 for every x, so that memory started at zero stays at zero"
        else:
            return
        warnings.warn(
            f"{why}: the limit is that of a feed-forward network. Give B, or W if σ is odd, a mean, or let B depend "
            "on W",
            AssumptionWarning,
            stacklevel=3,
        )


class _OverNodes:
    """Averages over λ by the quadrature of a law: of B f(W·x + m) and its square at points, and along inputs."""

    def __init__(self, law: InitialLaw) -> None:
        self._law = law
        self._nodes = law.quadrature.nodes.T.copy(order="C")
        self._first = law.quadrature.weights * law.recurrent_mean

    def means(self, function: Any, x: Array, m: Array) -> Array:
        out = np.empty(len(m))
        for part in slices(len(out), len(self._first)):
            expectations(function, self._nodes, self._first, x[part], m[part], out[part])
        return out

    def mean_squares(self, activation: Activation, x: Array, m: Array) -> Array:
        weights, out = self._law.quadrature.weights * self._law.recurrent_square, np.empty(len(m))
        for part in slices(len(out), len(weights)):
            out[part] = activation(x[part] @ self._nodes + m[part, None]) ** 2 @ weights
        return out

    def follow(self, function: Any, x: Array, memory: Array) -> None:
        for part in slices(len(x), len(self._first)):
            iterate(function, self._nodes, self._first, x[part], memory[part.start : part.stop + 1])


class _OverNormal:
    """The same for normal W and B independent of it."""

    def __init__(self, law: InitialLaw, normal: _normal.Normal, activation: Activation) -> None:
        self._law, self._normal, self._panels = law, normal, _normal.panels(activation)

    def means(self, function: Any, x: Array, m: Array) -> Array:
        a, s = self._normal.reduced(x)
        return float(self._law.recurrent.mean()) * _normal.means(function, self._panels, a + m, s)

    def mean_squares(self, activation: Activation, x: Array, m: Array) -> Array:
        a, s = self._normal.reduced(x)
        squares = _normal.means(activation.value, self._panels, a + m, s, squared=True)
        return float(self._law.recurrent.moment(2)) * squares

    def follow(self, function: Any, x: Array, memory: Array) -> None:
        _normal.follow(function, self._panels, *self._normal.reduced(x), self._law.recurrent.mean(), memory)


def _sup(activation: Activation) -> float:
    """sup|σ|, over arguments up to 10⁶."""
    size = np.abs(activation(np.concatenate([np.linspace(-20, 20, 2001), [-1e5, 1e5, -1e6, 1e6]])))
    if size.max() > 1.01 * size[:-2].max():
        raise ValueError(f"activation must be bounded for a bound without inputs, but {activation.name} is not")
    return float(size.max())


@jit(fastmath={"reassoc", "contract", "nsz"})
def _expectation(function: Any, nodes: Any, weights: Any, x: Any, m: Any, u: Any) -> Any:
    """Σ_q weights[q] function(nodes[:, q]·x + m); u is room for the arguments."""
    preactivations(nodes, x, m, u)
    total = 0.0
    for q in range(len(u)):
        total += weights[q] * function(u[q])
    return total


@jit
def expectations(function: Any, nodes: Any, weights: Any, x: Any, m: Any, out: Any) -> None:
    """Fill `out` with Σ_q weights[q] function(nodes[:, q]·x + m), point by point."""
    u = np.empty(len(weights))
    for k in range(len(out)):
        out[k] = _expectation(function, nodes, weights, x[k], m[k], u)


@jit
def iterate(function: Any, nodes: Any, weights: Any, x: Any, memory: Any) -> None:
    """Fill `memory` from its first entry on."""
    u = np.empty(len(weights))
    for k in range(len(x)):
        memory[k + 1] = _expectation(function, nodes, weights, x[k], memory[k], u)
