"""The limit of a trained network, solved: ∂_t g_t = α ∫ (y − g_t(x', m')) K(·, (x', m')) μ(dx', dy, dm'), g_0 = 0."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rnnkernel import _ahead, _checks
from rnnkernel._coordinates import Coordinates, Kernel, coordinates
from rnnkernel._immutable import Immutable, cached
from rnnkernel._recorded import RecordResponse
from rnnkernel._response import Response
from rnnkernel._types import Array, Rng
from rnnkernel.activations import Activation
from rnnkernel.flow import Modes, check_times
from rnnkernel.fluctuations import Fluctuations, fluctuations
from rnnkernel.initial import InitialLaw, require_centred
from rnnkernel.kernel import TangentKernel
from rnnkernel.memory import MemoryMap
from rnnkernel.stationary import EmpiricalLaw, StationaryLaw

_EXACT, _EMPIRICAL = 1e-14, 1e-10  # share of the kernel's trace that may be left out, on a chain and on a sequence
_MODES = 2000  # that are sought without being asked for
_LONGEST = 1e10  # for the law of the error, in units of the fastest mode: later its variances lose their digits
_BYTES = 1 << 30  # of their values at all points


class KernelLimit(Immutable):
    """The kernel limit g_t of a recurrent network trained online: the output of infinitely many units at time t = k/N.

    Mode i of the kernel is learned at the rate αλ_i towards E[Y | x, m]:

        g_t = Σ_i (1 − e^{−αλ_i t}) ⟨E[Y|·], e_i⟩_μ e_i,    ∫ K e_i dμ = λ_i e_i.

    If E C ≠ 0 the output of a network diverges as its width grows, and there is no limit: a ValueError.  A
    RuntimeWarning comes before the work if values of `n_modes` modes fill more than 1 GiB, and after it if so many
    modes do not suffice for the tolerance.  Book: :doc:`limit-equation`.

    Parameters
    ----------
    data : DataSequence, recursion, pair of arrays (x, y), list of pairs, object with ``simulate``, or StationaryLaw
        What the network learns from, as for `StationaryLaw`; or its law μ, already computed, with the memory map of
        `law` and `activation`.  A step of a sequence whose target is NaN counts in time, and nothing is learned there.
    law : InitialLaw
        Law of a unit's initial parameters, with E C = 0.
    activation : str or Activation
        The activation σ.
    learning_rate : float
        The rate α.
    kernel : callable, optional
        A kernel K of one's own in place of the tangent kernel of `law`: a function of (x1, m1, x2, m2) that returns the
        Gram matrix of two sets of points, symmetric and positive semi-definite.
    tolerance : float, optional
        The share of ∫ K(z, z) dμ that the modes may leave out: 1e-14 on a chain, 1e-10 on a sequence if not given.  By
        the quadrature of a law that is not normal, never less than the error of that.
    n_modes : int, optional
        How many modes there may be: if not given 2000, and fewer where their values would fill more than 1 GiB.
    n_nodes : int or tuple of int, optional
    n_steps : int, optional
    rng : int or numpy.random.Generator
        As for `StationaryLaw`.

    Attributes
    ----------
    memory_map, stationary, kernel
        The memory map φ, the invariant law μ, and the kernel K.
    eigenvalues : ndarray, shape (n_modes,)
        Eigenvalues of f ↦ ∫ K f dμ, descending, as far as they are known: in absolute value more than 1e-13 of the
        largest K(z, z) on a chain, 1e-9 of it on a sequence.  Negative ones say that a chain has too few nodes.
    coefficients : ndarray, shape (n_modes,)
        ⟨E[Y|·], e_i⟩_μ, the part of the target in each mode; eigenfunctions have the sign that makes it positive.
    left_in_trace : float
        The share of ∫ K(z, z) dμ that the modes leave out.

    Examples
    --------
    >>> from scipy import stats
    >>> from rnnkernel import DataSequence, MarkovChain
    >>> chain = MarkovChain([[0.9, 0.1], [0.3, 0.7]])
    >>> data = DataSequence(chain, inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> limit = KernelLimit(data, law)
    >>> limit.predict(2.0, x=[-1.0, -1.0, 1.5, 1.5], memory=[-0.2, 0.1, 0.1, 0.4])
    array([-0.53875958, -0.50483118,  0.60759641,  0.61103762])
    >>> limit.eigenvalues[:3]
    array([0.66967179, 0.01350081, 0.00262029])
    >>> round(limit.loss(2.0), 12), round(limit.loss_floor(0.1), 6), round(limit.irreducible_loss, 6)
    (0.395319461809, 0.3761, 0.375)
    >>> limit.forecast(2.0, [-1.0, 1.5], steps=3).round(3)
    array([[-0.52 , -0.4  , -0.348],
           [ 0.582,  0.422,  0.36 ]])
    """

    def __init__(
        self,
        data: Any,
        law: InitialLaw,
        activation: str | Activation = "tanh",
        learning_rate: float = 1.0,
        *,
        kernel: Kernel | None = None,
        tolerance: float | None = None,
        n_modes: int | None = None,
        n_nodes: int | tuple[int, ...] | None = None,
        n_steps: int | None = None,
        rng: Rng = 0,
    ) -> None:
        tangent = TangentKernel(law, activation)
        require_centred(law)
        self.law = law
        self.learning_rate = _checks.number("learning_rate", learning_rate, above=0)
        if isinstance(data, StationaryLaw):
            _require_its_own(data.memory_map, tangent, n_nodes, n_steps)
            self.stationary = data
        else:
            phi = MemoryMap(law, activation)
            self.stationary = StationaryLaw(data, phi, n_nodes=n_nodes, n_steps=n_steps, rng=rng)
        mu = self.stationary
        self.memory_map = mu.memory_map
        self.kernel: Any = tangent if kernel is None else _checks.function("kernel", kernel, "two sets of points", 4)
        usual = _EMPIRICAL if isinstance(mu, EmpiricalLaw) else _EXACT
        self._coordinates = self._found(usual, tolerance, n_modes)
        self.left_in_trace = self._coordinates.left
        L, least = self._coordinates.at_nodes, 10 * usual * self._coordinates.scale
        known = np.isfinite(mu.targets)  # nothing is learned where a sequence has no target
        weights, targets = mu.weights * known, np.where(known, mu.targets, 0.0)
        self._modes = Modes(L, weights, targets, self.learning_rate, least)
        self.eigenvalues, self.coefficients = self._modes.eigenvalues, self._modes.coefficients
        self._second_moment = float(weights @ (targets**2 + mu.target_variances))
        self._known = float(weights.sum()) if not known.all() else 1.0

    @cached
    def left_in_norm(self) -> float:
        """The operator norm on L²(μ) of what the modes leave out of K.

        No eigenvalue is off by more, nor is g_t in L²(μ) by more than αt times that times the size of the targets.
        From 500 points if there are more: on average too large.
        """
        mu = self.stationary
        return self._coordinates.norm_left(mu.input_vectors, mu.memory, mu.weights)

    def predict(self, times: Any, x: Any, memory: Any) -> Array:
        """Return g_t(x, m), the output of the infinitely wide network at points as for `RNN.predict`.

        Times t = k/N ≥ 0 have shape (n_times,), the answer (n_times, n_points); one time (n_points,).
        """
        return self._coordinates.combination(*self._points(x, memory), self._modes.learned(check_times(times))).T

    def loss(self, times: Any) -> Any:
        """Return ½ E(Y − g_t(X, M))² under μ, with the noise of the target; on a sequence, where there is one.

        ½ [E Y² − Σ_i ⟨E[Y|·], e_i⟩² (1 − e^{−2αλ_i t})], shape (n_times,); a float for one time given as a number.
        """
        t = check_times(times)
        learned = self._modes.integral(2 * t) @ self._modes.projections**2
        loss = (self._second_moment - learned) / 2 / self._known
        return loss if t.ndim else float(loss)

    def loss_floor(self, eigenvalue: float = 0.0) -> float:
        """Return the loss that is left when every mode with an eigenvalue above the given ε is learned; all if ε = 0.

        ½ [E Y² − Σ_{λ_i > ε} ⟨E[Y|·], e_i⟩²], of which `irreducible_loss` can never be learned.
        """
        least = _checks.number("eigenvalue", eigenvalue)
        learned = (self.coefficients**2)[self.eigenvalues > least].sum()
        return float((self._second_moment - learned) / 2 / self._known)

    @property
    def irreducible_loss(self) -> float:
        """½ E Var(Y | X, M), where it is known: if states are told apart by their inputs or mean targets.

        NaN where states share an input but not a mean target, since then it depends on how well memory tells them
        apart, where a recursion is seen through a function of its state, and for a sequence.
        """
        mu = self.stationary
        return float(mu.weights @ mu.target_variances / 2) if mu.shows_states else float("nan")

    def mode_shares(self, times: Any) -> Array:
        """Return how much of each mode is learned, 1 − e^{−αλ_i t}, shape (n_times, n_modes), or (n_modes,)."""
        return self._modes.shares(check_times(times))

    def eigenfunctions(self, x: Any, memory: Any) -> Array:
        """Return the eigenfunctions e_i of f ↦ ∫ K f dμ at points as for `predict`, orthonormal in L²(μ).

        Shape (n_points, n_modes).  Those of an eigenvalue λ_i are accurate to about 1e-16 λ_1/λ_i.
        """
        return self._coordinates.combination(*self._points(x, memory), self._modes.functions)

    def forecast(
        self,
        time: float,
        x: Any,
        steps: int | None = None,
        *,
        start: float = 0.0,
        feedback: _ahead.Feedback | None = None,
    ) -> Array:
        """Return predictions g_t(x_k, M_k) along a sequence of inputs, with learning stopped at `time`.

        Memory M_0 is `start`; all else is as for `RNN.forecast`, with shape (n,), or (n, steps) in closed loop.
        """
        t = _checks.number("time", time, least=0, most=1e300)
        memory = self.memory_map.trajectory(x, start)[:-1]
        points, learned = _checks.sequence("x", x, self.law.n_inputs), self._modes.learned(np.asarray(t))
        predict = partial(self._coordinates.combination, vectors=learned)
        if steps is None:
            return predict(points, memory)
        return _ahead.forecasts(points, memory, steps, feedback, predict, self.memory_map)

    def fluctuations(
        self, times: Any, x: Any, memory: Any, *, lags: int | None = None, in_cycles: bool = False
    ) -> Fluctuations:
        """Return the law of the error: mean and variance of a trained network of N units, for any N and β.

        Var g^N_t ≈ N^{1−2β} V^G_t + (V^S_t + V^I_t)/N, from the initial output, from correlated data, and from finitely
        many units; on a chain also the drift of the mean, and what is of the next order.  Arguments as for `predict`.

        On a sequence they are those of networks that learn from fresh data of its source.  V^S is an estimate, by
        Bartlett's sum of as many covariances of (y_k − g_s(z_k)) h(z_k) along the sequence as `lags`, or as the rule of
        Newey and West has, and V^R/n joins the others: so much does the limit itself vary with the sequence.  With
        `in_cycles` networks read the given sequence itself, in cycles, and see no fresh data: then V^S = V^R = 0, and
        the order of the data costs n/N.  A kernel of one's own, which is not that of networks, is a TypeError.
        Times are at most 1e10/(αλ_1): later the variances lose their digits.
        """
        own = isinstance(self.kernel, TangentKernel) and self.kernel.law == self.law
        if not own or self.kernel.activation != self.memory_map.activation:
            raise TypeError("fluctuations need the tangent kernel of the law of the limit, not a kernel of one's own")
        longest = _LONGEST / (self.learning_rate * self.eigenvalues.max(initial=1e-9))
        mu, t = self.stationary, check_times(times, longest)
        response: Callable[..., Response] = Response
        if isinstance(mu, EmpiricalLaw):
            if lags is not None:
                lags = _checks.integer("lags", lags, least=0, most=len(mu.memory) - 1)
            response = partial(RecordResponse, lags=lags, in_cycles=_checks.flag("in_cycles", in_cycles))
        elif lags is not None or in_cycles:
            raise ValueError("lags and in_cycles have no meaning for a finite chain, of which all is known")
        return fluctuations(mu, self._modes, self._coordinates, t, *self._points(x, memory), response)

    def _found(self, usual: float, tolerance: float | None, n_modes: int | None) -> Coordinates:
        mu, n = self.stationary, len(self.stationary.memory)
        share = usual if tolerance is None else _checks.number("tolerance", tolerance, least=0, below=1)
        most = min(_MODES, _BYTES // (8 * n)) if n_modes is None else _checks.integer("n_modes", n_modes, least=1)
        size, warn = 8 * n * min(n, most), partial(warnings.warn, category=RuntimeWarning, stacklevel=3)
        if size > _BYTES:
            warn(f"n_modes: the values of up to {min(n, most)} modes at {n} points fill {size / 2**30:.1f} GiB")
        found = coordinates(self.kernel, mu.input_vectors, mu.memory, share, most)
        if found.left > share and found.at_nodes.shape[1] == most and (n_modes is None or tolerance is not None):
            warn(
                f"{most} modes leave {found.left:.2g} of the kernel's trace out, not {share:.2g}: n_modes allows more "
                "modes, and tolerance accepts this"
            )
        return found

    def _points(self, x: Any, memory: Any) -> tuple[Array, Array]:
        return _checks.points(x, memory, self.law.n_inputs)


def _require_its_own(phi: MemoryMap, tangent: TangentKernel, n_nodes: Any, n_steps: int | None) -> None:
    """Refuse a stationary law of other networks than those of the tangent kernel."""
    if phi.law != tangent.law or phi.activation != tangent.activation:
        raise ValueError(
            "law and activation must be those of the memory map that data was computed with: data.memory_map.law and "
            f"data.memory_map.activation, which is {phi.activation!r}"
        )
    if n_nodes is not None or n_steps is not None:
        raise ValueError("n_nodes and n_steps have no meaning if data is a StationaryLaw, which has its nodes already")
