"""Ergodic sequences beyond the finite chain, each with the rate at which it forgets.

All of them are random recursions s_{k+1} = step(s_k, noise), observed through inputs x_k and targets y_k.  Where the
law of the noise is known, `StationaryLaw` computes the law in which they settle; elsewhere it simulates.  There are two
ways to forget a start, and neither implies the other:

* *contraction*: two copies driven by the same noise approach each other, |s_k − s'_k| ≤ q^k |s_0 − s'_0|;
* *mixing*: the law of s_k approaches the stationary law in total variation, at the rate ρ^k.

Two calls of ``simulate`` with the same seed and different starts are two such copies.
"""

from collections.abc import Callable, Sequence
from math import comb
from typing import Any

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import cached
from rnnkernel._jit import jit, spans
from rnnkernel._types import Array, Distribution
from rnnkernel.chains import DataSequence, MarkovChain, StateSequence

_DEFAULT_BURN_IN = 1000
_BLOCK = 1_000_000  # steps of a burn-in that are held at a time
_LONG, _CUMULANTS = 0.999, 12  # a memory so long is not run in, and what its law is known by


class _Recursion(StateSequence):
    """What all recursions share."""

    n_inputs: int = 1  #: the dimension d of an input
    _period: float | None = None  # of the state, if it is an angle
    _next: Callable[[Array, Array], Array]  # the states after a step, from states (n,) or (n, k), noise (n, n_laws)
    _path: Callable[[int, np.random.Generator, Any], Array]  # n states from the first on

    def __init__(self, targets: Callable[[Array, Array], Array] | None, noise: float) -> None:
        self.targets = (
            None if targets is None else _checks.function("targets", targets, "the states and the next states", 2)
        )
        self.noise = _checks.number("noise", noise, least=0, most=1e100)

    @property
    def _laws(self) -> tuple[Distribution, ...] | None:
        """The laws of the independent numbers that drive a step, or None if they are not known."""
        raise NotImplementedError

    @property
    def _origin(self) -> Any:
        """A state from which all others are reached."""
        return 0.0

    def _after(self, burn_in: int, n: int, generator: np.random.Generator, first: Any) -> Array:
        """Return n states after a burn-in, of which a block at a time is held."""
        while burn_in and burn_in + n > _BLOCK:
            size = min(burn_in, _BLOCK)
            first, burn_in = self._path(size + 1, generator, first)[-1], burn_in - size
        return self._path(burn_in + n, generator, first)[burn_in:]

    def _inputs(self, states: Array) -> Array:
        return states

    def _targets(self, states: Array, after: Array) -> Array:
        if self.targets is None:
            x = self._inputs(after)
            return x if x.ndim == 1 else x[:, 0]
        y = _checks.array("targets", _checks.call("targets", self.targets, states, after), ndim=(0, 1, 2))
        if y.shape != (len(states),):
            raise ValueError(f"targets must return one number per step, ({len(states)},), not shape {y.shape}")
        return y


class Autoregression(_Recursion):
    """The autoregression X_{k+1} = a X_k + (1 − a) ξ_{k+1} with independent ξ.

    X stays in the range of ξ, and two copies with the same noise approach each other by the factor a in every step.
    The stationary law is that of (1 − a) Σ_j a^j ξ_j.  For a fair coin ξ = ±1 this is a Bernoulli convolution: uniform
    on [−1, 1] for a = ½, and for a < ½ spread over a Cantor set, the middle-thirds set for a = ⅓.

    A stationary start is the sum (1 − a) Σ a^j ξ_j up to terms below 2⁻⁵³.  For a > 0.999 it is drawn from the law of
    this sum, whose cumulants are κ_r(ξ) (1 − a)^r/(1 − a^r), if twelve of them tell it: unless ξ is very skewed.  Book:
    :doc:`hidden-states-and-a-continuum`.

    Parameters
    ----------
    contraction : float
        The factor a, 0 ≤ a < 1.
    innovation : frozen scipy.stats distribution, optional
        Law of ξ, with a finite variance; a fair coin ±1 if not given.
    targets : callable, optional
        Vectorised function of (x_k, x_{k+1}), arrays (n,), with values (n,); the next input if not given.
    noise : float
        Standard deviation of Gaussian noise added to the targets.

    Examples
    --------
    >>> sequence = Autoregression(0.5)
    >>> sequence.contraction, sequence.mean, round(sequence.variance, 12)
    (0.5, 0.0, 0.333333333333)
    >>> x, y = sequence.simulate(1000, rng=0)
    >>> bool((y[:-1] == x[1:]).all()), float(np.abs(x).max()) <= 1
    (True, True)
    """

    def __init__(
        self,
        contraction: float,
        *,
        innovation: Distribution | None = None,
        targets: Callable[[Array, Array], Array] | None = None,
        noise: float = 0.0,
    ) -> None:
        super().__init__(targets, noise)
        self.contraction = _checks.number("contraction", contraction, least=0, below=1)
        self.innovation = None if innovation is None else _checks.distribution("innovation", innovation)

    @property
    def mean(self) -> float:
        """The stationary mean E[ξ]."""
        return 0.0 if self.innovation is None else float(self.innovation.mean())

    @property
    def variance(self) -> float:
        """The stationary variance Var(ξ) (1 − a)/(1 + a)."""
        xi_variance = 1.0 if self.innovation is None else float(self.innovation.var())
        return xi_variance * (1 - self.contraction) / (1 + self.contraction)

    @property
    def _origin(self) -> float:
        return self.mean

    @property
    def _laws(self) -> tuple[Distribution, ...]:
        from scipy.stats import rv_discrete

        return (rv_discrete(values=([-1.0, 1.0], [0.5, 0.5])) if self.innovation is None else self.innovation,)

    def _next(self, states: Array, noise: Array) -> Array:
        return self.contraction * states + (1 - self.contraction) * noise[:, 0]

    def _states(self, n: int, generator: np.random.Generator, start: Any) -> Array:
        if start is not None:
            return self._after(0, n, generator, _checks.number("start", start))
        if self.contraction > _LONG and self._cumulants is not None:
            first = self.mean + self.variance**0.5 * _quantile(self._cumulants, generator.random())
            return self._after(0, n, generator, first)
        return self._after(steps_to_forget(self.contraction), n, generator, self.mean)

    def _path(self, n: int, generator: np.random.Generator, first: Any) -> Array:
        states, xi = np.empty(n), self._innovations(n, generator)
        states[0] = first
        for part in spans(n, 1):
            _autoregress(self.contraction, xi[part], states[part])
        return states

    @cached
    def _cumulants(self) -> Array | None:
        """Cumulants of the stationary law in standard units, divided by r!, or None if they do not tell it."""
        from scipy.special import factorial

        r, xi, a = np.arange(_CUMULANTS + 1), self.innovation, self.contraction
        moments = 1.0 - r % 2  # of the coin
        if xi is not None:
            mean, sd = xi.mean(), xi.std()
            moments = np.array([xi.expect(lambda v, r=r: ((v - mean) / sd) ** r) for r in r])
        kappa = np.zeros(len(r))
        for n in r[1:]:
            kappa[n] = moments[n] - sum(comb(n - 1, k - 1) * kappa[k] * moments[n - k] for k in range(1, n))
        kappa[1:] *= (1 - a * a) ** (r[1:] / 2) / -np.expm1(r[1:] * np.log(a))  # from ξ to the sum, both standardised
        kappa /= factorial(r)
        last = np.abs(kappa[-2:]) * (r[-2:] / np.e) ** (r[-2:] / 2)  # the largest |κ_r t^r/r!| e^{−t²/2}
        return kappa if last.max() < 1e-13 else None

    def _innovations(self, n: int, generator: np.random.Generator) -> Array:
        if self.innovation is None:
            return np.where(generator.random(n) < 0.5, -1.0, 1.0)
        return np.asarray(self.innovation.rvs(size=n, random_state=generator), dtype=float)


class GaussianAutoregression(_Recursion):
    """The autoregression X_{k+1} = Σ_{i=1}^p a_i X_{k+1−i} + s η_{k+1} with independent η ~ N(0, 1).

    The state is (X_k, …, X_{k−p+1}), the input X_k alone.  The stationary law is normal with mean zero, and a
    stationary start is exact.  `StationaryLaw` computes for p ≤ 2 and |a_1| + |a_2| < 1, and else simulates; what its
    nodes do not resolve it refuses, and simulates with `n_steps`.

    Parameters
    ----------
    coefficients : array_like, shape (p,)
        The coefficients a_1, …, a_p.
    scale : float
        The standard deviation s of an innovation.
    targets : callable, optional
        Vectorised function of states and next states, arrays (n, p), with values (n,); the next input if not given.
    noise : float
        Standard deviation of Gaussian noise added to the targets.

    Attributes
    ----------
    contraction : float
        The spectral radius of x ↦ Ax, the state without innovations: the rate at which a start is forgotten.
    covariance : ndarray, shape (p, p)
        That of the state in the stationary law, Σ = AΣAᵀ + s² e_1 e_1ᵀ.

    Raises
    ------
    ValueError
        If the spectral radius is not below one: there is no stationary law.

    Notes
    -----
    Book: :doc:`hidden-states-and-a-continuum`.

    Examples
    --------
    >>> sequence = GaussianAutoregression([1.2, -0.5])
    >>> sequence.covariance.round(4)
    array([[3.7037, 2.963 ],
           [2.963 , 3.7037]])
    >>> x, y = sequence.simulate(1000, rng=0)
    >>> bool((y[:-1] == x[1:]).all())
    True
    """

    def __init__(
        self,
        coefficients: Any,
        *,
        scale: float = 1.0,
        targets: Callable[[Array, Array], Array] | None = None,
        noise: float = 0.0,
    ) -> None:
        from scipy.linalg import solve_discrete_lyapunov

        super().__init__(targets, noise)
        self.coefficients = _checks.array("coefficients", coefficients, ndim=1)
        p = len(self.coefficients)
        if not p:
            raise ValueError("coefficients must hold at least one number, not none")
        self.scale = _checks.number("scale", scale, above=0, most=1e100)
        A = np.vstack([self.coefficients, np.eye(p - 1, p)])
        self.contraction = float(np.abs(np.linalg.eigvals(A)).max())
        if self.contraction >= 1:
            raise ValueError(
                f"coefficients must be those of a stationary sequence, but the spectral radius is {self.contraction:g}"
            )
        self.covariance = solve_discrete_lyapunov(A, self.scale**2 * np.eye(p, 1) @ np.eye(1, p))

    @property
    def _origin(self) -> Array:
        return np.zeros(len(self.coefficients))

    @property
    def _laws(self) -> tuple[Distribution, ...] | None:
        from scipy.stats import norm

        computed = len(self.coefficients) < 3 and np.abs(self.coefficients).sum() < 1
        return (norm(0.0, self.scale),) if computed else None

    def _next(self, states: Array, noise: Array) -> Array:
        return np.column_stack([states @ self.coefficients + noise[:, 0], states[:, :-1]])

    def _states(self, n: int, generator: np.random.Generator, start: Any) -> Array:
        p = len(self.coefficients)
        if start is None:
            first = np.linalg.cholesky(self.covariance) @ generator.standard_normal(p)
        else:
            first = np.atleast_1d(_checks.array("start", start, ndim=(0, 1)))
            if len(first) != p:
                raise ValueError(f"start must hold {p} values, the newest first, not {len(first)}")
        values = np.append(first[::-1], self.scale * generator.standard_normal(max(n - 1, 0)))
        for part in spans(len(values), p, lag=p):
            _regress(self.coefficients, values[part])
        return np.lib.stride_tricks.sliding_window_view(values, p)[:n, ::-1]

    def _inputs(self, states: Array) -> Array:
        return states[:, 0]


class NoisyRotation(_Recursion):
    """A rotation of the circle by a fixed turn and a Gaussian jitter, θ_{k+1} = θ_k + ω + s η_{k+1} mod 2π.

    The input is the point (cos θ, sin θ).  The stationary law is uniform.  Each step multiplies the Fourier mode
    e^{inθ} by e^{inω − n²s²/2}: the law of θ_k mixes at the rate ρ^k, ρ = e^{−s²/2}.  Yet two copies with the same
    noise never approach each other.  Book: :doc:`hidden-states-and-a-continuum`.

    Parameters
    ----------
    turn : float
        The turn ω in radians.
    jitter : float
        Standard deviation s of the turn, in radians.  Without jitter nothing is forgotten, and `mixing_rate` is 1.
    targets : callable, optional
        Vectorised function of (θ_k, θ_{k+1}), arrays (n,), with values (n,); cos θ_{k+1} if not given.
    noise : float
        Standard deviation of Gaussian noise added to the targets.

    Examples
    --------
    >>> rotation = NoisyRotation(0.5, 0.2)
    >>> round(rotation.mixing_rate, 12), rotation.simulate(3, rng=0, start=0.0)[0][0]
    (0.980198673307, array([1., 0.]))
    """

    n_inputs = 2
    _period = 2 * np.pi

    def __init__(
        self,
        turn: float,
        jitter: float,
        *,
        targets: Callable[[Array, Array], Array] | None = None,
        noise: float = 0.0,
    ) -> None:
        super().__init__(targets, noise)
        self.turn = _checks.number("turn", turn)
        self.jitter = _checks.number("jitter", jitter, least=0, most=1e100)

    @property
    def mixing_rate(self) -> float:
        """ρ = e^{−s²/2}, the modulus of the second eigenvalue of the transition operator."""
        return float(np.exp(-(self.jitter**2) / 2))

    @property
    def _laws(self) -> tuple[Distribution, ...]:
        from scipy.stats import norm, rv_discrete

        return (norm(0.0, self.jitter) if self.jitter else rv_discrete(values=([0.0], [1.0])),)

    def _next(self, states: Array, noise: Array) -> Array:
        return (states + self.turn + noise[:, 0]) % (2 * np.pi)

    def _states(self, n: int, generator: np.random.Generator, start: Any) -> Array:
        first = 2 * np.pi * generator.random() if start is None else _checks.number("start", start)
        turns = self.turn + self.jitter * generator.standard_normal(n)
        turns[0] = first
        return np.cumsum(turns) % (2 * np.pi)

    def _inputs(self, states: Array) -> Array:
        return np.column_stack([np.cos(states), np.sin(states)])


class RandomRecursion(_Recursion):
    """Data from a step function of your own, s_{k+1} = step(s_k, u_{k+1}) with u uniform on [0, 1), or of a given law.

    If the law of u is given, and `step` is smooth in the state, `StationaryLaw` computes instead of simulating.
    Book: :doc:`hidden-states-and-a-continuum`.

    Parameters
    ----------
    step : callable
        ``step(state, u) -> state``.  The state is a number or an array, as `start` is; u is a number, or an array of
        independent numbers if `innovation` is a list.  A function compiled with ``numba.njit`` runs compiled, any other
        in Python.
    start : float or array_like, shape (n_state,)
        The state before the burn-in.  A simulation without a start of its own first takes 1000 steps from here;
        if `contraction` is given, as many as forget this state to the last bit.
    inputs : callable, optional
        Vectorised function from states, (n,) or (n, n_state), to inputs, (n,) or (n, d); the state itself if not
        given.  What it leaves out is hidden.
    targets : callable, optional
        Vectorised function of the states and the next states with values (n,); the (first coordinate of the) next
        input if not given.
    noise : float
        Standard deviation of Gaussian noise added to the targets.
    contraction : float, optional
        The factor q < 1 by which a step brings two states closer on average, if you know one.
    innovation : frozen scipy.stats distribution, or list of them, optional
        Law of u, or of each of its numbers; uniform if not given.

    Examples
    --------
    >>> tent = RandomRecursion(lambda s, u: s / 2 if u < 0.5 else 1 - s / 2, start=0.3, contraction=0.5)
    >>> x, y = tent.simulate(1000, rng=0)
    >>> tent.n_inputs, bool((y[:-1] == x[1:]).all())
    (1, True)
    """

    def __init__(
        self,
        step: Callable[[Any, Any], Any],
        start: Any,
        *,
        inputs: Callable[[Array], Array] | None = None,
        targets: Callable[[Array, Array], Array] | None = None,
        noise: float = 0.0,
        contraction: float | None = None,
        innovation: Distribution | Sequence[Distribution] | None = None,
    ) -> None:
        super().__init__(targets, noise)
        self.step = _checks.function("step", step, "a state and a uniform number", 2)
        self.start = _checks.array("start", start, ndim=(0, 1))
        if not self.start.size:
            raise ValueError("start must hold at least one number, not none")
        self.inputs = None if inputs is None else _checks.function("inputs", inputs, "the states", 1)
        q = None if contraction is None else _checks.number("contraction", contraction, least=0, below=1)
        self.contraction, self.burn_in = q, _DEFAULT_BURN_IN if q is None else steps_to_forget(q)
        self.innovation = tuple(innovation) if isinstance(innovation, list) else innovation
        for each in self._laws or ():
            if not hasattr(each, "rvs") or not hasattr(each, "ppf"):
                raise TypeError(f"innovation must hold frozen scipy.stats distributions, not {_checks.described(each)}")
        first = self._inputs(self.start[None])
        self.n_inputs = 1 if first.ndim == 1 else int(first.shape[1])

    def _states(self, n: int, generator: np.random.Generator, start: Any) -> Array:
        burn_in, first = self.burn_in, self.start
        if start is not None:
            burn_in, first = 0, _checks.array("start", start, ndim=self.start.ndim)
            if first.shape != self.start.shape:
                raise ValueError(f"start must have shape {self.start.shape}, not {first.shape}")
        return self._after(burn_in, n, generator, first)

    def _path(self, n: int, generator: np.random.Generator, first: Any) -> Array:
        states = np.empty((n, *self.start.shape))
        states[0] = first
        noise = self._noise(n, generator)
        for part in spans(n, 1 + self.start.size):
            self._run(_iterate, noise[part], states[part])
        if not np.isfinite(states).all():
            k = int(np.argwhere(~np.isfinite(states))[0, 0])
            raise FloatingPointError(f"step returned {states[k]} from the state {states[k - 1]}: not a finite state")
        return states

    @property
    def _origin(self) -> Array:
        return self.start

    @property
    def _laws(self) -> tuple[Distribution, ...] | None:
        given = self.innovation
        return given if given is None or isinstance(given, tuple) else (given,)

    def _noise(self, n: int, generator: np.random.Generator) -> Array:
        if self.innovation is None:
            return generator.random(n)
        drawn = [np.asarray(each.rvs(size=n, random_state=generator), dtype=float) for each in self._laws or ()]
        return np.column_stack(drawn) if isinstance(self.innovation, tuple) else drawn[0]

    def _next(self, states: Array, noise: Array) -> Array:
        after = states.copy()
        self._run(_each, noise if isinstance(self.innovation, tuple) else noise[:, 0], after)
        return after

    def _run(self, loop: Any, noise: Array, states: Array) -> None:
        compiled = hasattr(self.step, "py_func")
        _checks.call("step", loop if compiled else getattr(loop, "py_func", loop), self.step, noise, states)

    def _inputs(self, states: Array) -> Array:
        if self.inputs is None:
            return states
        x = _checks.array("inputs", _checks.call("inputs", self.inputs, states), ndim=(0, 1, 2))
        if x.ndim not in (1, 2) or len(x) != len(states):
            raise ValueError(
                f"inputs must return one input per state, ({len(states)},) or ({len(states)}, d), not {x.shape}"
            )
        return x


def even_process(stop: float = 0.5, *, noise: float = 0.0) -> DataSequence:
    """Return the even process: inputs −1 and 1 in which every run of ones has even length.

    Three states, two inputs.  State 0 has the input −1; states 1 and 2, first and second of a pair, share the input 1.
    From 0 and from 2 the chain moves to 0 with probability p, to 1 otherwise; from 1 always to 2.  The inputs alone
    are not Markov of any order: what comes next depends on the parity of the present run.  The target is the next
    input.  Book: :doc:`hidden-states-and-a-continuum`.

    Parameters
    ----------
    stop : float
        The probability p that no pair follows when one is complete, 0 < p < 1.
    noise : float
        Standard deviation of Gaussian noise added to the targets.

    Returns
    -------
    DataSequence
        Its chain has π = (p, 1 − p, 1 − p)/(2 − p) and the eigenvalues 1, 0, −(1 − p): its spectral gap is p.

    Examples
    --------
    >>> data = even_process(0.5)
    >>> data.simulate(11, rng=3, start=0)[0]
    array([-1., -1.,  1.,  1., -1., -1., -1., -1.,  1.,  1., -1.])
    """
    p = _checks.number("stop", stop, above=0, below=1)
    inputs = np.array([-1.0, 1.0, 1.0])
    chain = MarkovChain([[p, 1 - p, 0], [0, 0, 1], [p, 1 - p, 0]])
    return DataSequence(chain, inputs=inputs, targets=np.tile(inputs, (3, 1)), noise=noise)


def _quantile(cumulants: Array, u: float) -> float:
    """Return z with F(z) = u, F(z) = ½ − (1/π) ∫_0^∞ Im(e^{Σ c_r (it)^r − itz})/t dt, by midpoints."""
    from scipy.optimize import brentq

    t = 0.25 * (np.arange(36) + 0.5)  # for |z| ≤ 9, to rounding: e^{−9²/2} is left out, and what is 2π/0.25 away
    log_phi = np.polynomial.polynomial.polyval(1j * t, cumulants)

    def excess(z: float) -> float:
        return float(0.5 - 0.25 / np.pi * (np.exp(log_phi - 1j * t * z).imag / t).sum() - u)

    u = min(max(u, 1e-14), 1 - 1e-14)
    return float(brentq(excess, -9.0, 9.0, xtol=1e-14))


def steps_to_forget(contraction: float, left: float = 2**-53) -> int:
    """Return the least J with contraction^J ≤ `left`."""
    return 1 if contraction == 0 else int(np.ceil(np.log(left) / np.log(contraction)))


@jit
def _autoregress(a: Any, xi: Any, out: Any) -> None:
    """Fill `out` with x_{k+1} = a x_k + (1 − a) ξ_{k+1}, from x already in out[0]; the first ξ is not used."""
    for k in range(1, len(out)):
        out[k] = a * out[k - 1] + (1 - a) * xi[k]


@jit
def _regress(a: Any, out: Any) -> None:
    """Turn the innovations after the first len(a) values into values."""
    for k in range(len(a), len(out)):
        for i in range(len(a)):
            out[k] += a[i] * out[k - 1 - i]


@jit
def _iterate(step: Any, uniforms: Any, out: Any) -> None:
    """Fill `out` with s_{k+1} = step(s_k, u_{k+1}), from the state already in out[0]; the first u is not used."""
    for k in range(1, len(out)):
        out[k] = step(out[k - 1], uniforms[k])


@jit
def _each(step: Any, noise: Any, states: Any) -> None:
    """Put step(s_k, u_k) in the place of each state."""
    for k in range(len(states)):
        states[k] = step(states[k], noise[k])
