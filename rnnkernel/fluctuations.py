"""The law of the error: how far a trained network of N units is from its kernel limit, before it is trained.

    Var(g^N_t − g_t)(z) ≈ N^{1−2β} V^G_t(z) + N^{−1} (V^S_t(z) + V^I_t(z)),    z = (x, m).

What disturbs the output at one time is unlearned in the same way whatever its cause.  With A f = ∫ K f dμ and its
eigenfunctions e_i, a disturbance δ that is τ old has the effect

    (a_τ δ)(z) = δ(z) − ∫ B_τ δ dμ,    B_τ = Σ_i (1 − e^{−αλ_i τ}) e_i(z) e_i,

and one step of learning at z' that is τ old, h_τ(z') = (e^{−ατA} K(z, ·))(z') = (a_τ K(·, z'))(z).  The three causes:

* V^G = E[C²] E_λ[(a_t σ)²], the initial output; antisymmetric initialisation removes it.
* V^S = α² ∫_0^t E_μ[D²] ds, correlated data: D is the martingale increment of the Poisson equation for f = r_s h_{t−s},
  where r_s = f* − g_s is what is still to be learned.
* V^I = Var_λ(ρ), finitely many units: kernel and memory map are averages of N units instead of λ.  One unit adds
  ρ = α ∫_0^t (a_{t−s}F)·(∫ r_s F dμ) ds + B ∫ w σ dμ, with its features F and the effect w of a memory error, one step
  later and ever after: w = P̂(∂_m f + ∂_mφ·w) = P̂ ∂_m u, where u − P̂u = f − μ(f), for f = α ∫_0^t r_s h_{t−s} ds.
"""

from dataclasses import dataclass

import numpy as np

from rnnkernel import _checks
from rnnkernel._coordinates import FeatureCoordinates
from rnnkernel._immutable import Immutable
from rnnkernel._quadrature import gauss_legendre
from rnnkernel._types import Array
from rnnkernel.flow import Modes
from rnnkernel.stationary import StationaryLaw

_ORDER = 16  # Gauss–Legendre nodes on each panel in time
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

    def std(self, *, n_units: int, beta: float, paired: bool = False) -> Array:
        """Return the standard deviation of a network's output around the limit.

        √(N^{1−2β} V^G + (V^S + V^I)/N); with ±C pairs √((V^S + 2V^I)/N), since both units of a pair err alike.

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
        return np.asarray(np.sqrt(start + (self.data + width) / n_units))

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
    mu: StationaryLaw, modes: Modes, coordinates: FeatureCoordinates, times: Array, x: Array, m: Array
) -> Fluctuations:
    """Compute the law of the error at points (x, m), inputs (n, d); see `KernelLimit.fluctuations`."""
    law = coordinates.kernel.law
    fourth = float(law.output.moment(4))
    if not np.isfinite(fourth):
        raise ValueError(f"law must have output weights with a finite fourth moment, but E[C⁴] is {fourth}")
    size = len(m) * law.quadrature.nodes.size
    blocks = np.array_split(np.arange(len(m)), 1 + size // _BLOCK)
    parts = [_Response(mu, modes, coordinates, x[rows], m[rows]) for rows in blocks]
    each = [np.hstack([part.variances(t) for part in parts]) for t in times.ravel()]
    V = np.reshape(each, (times.size, 3, len(m))).swapaxes(0, 1).reshape(3, *times.shape, len(m))
    return Fluctuations(modes.predict(times, coordinates(x, m)), *V)


class _Response:
    """What the output at some points answers to a disturbance, and what disturbs it.

    On the last axis, functions of z' ~ μ have the nodes of μ, and functions of a unit the quadrature nodes in W.  The
    features of a unit are F = (σ(u), x_1 σ'(u), …, x_d σ'(u)), u = W·x + m; all but the first come with a factor C.
    """

    def __init__(self, mu: StationaryLaw, modes: Modes, coordinates: FeatureCoordinates, x: Array, m: Array) -> None:
        self.mu, self.nodes, self.modes = mu, mu.collocation, modes
        self.kernel, self.law = coordinates.kernel, coordinates.kernel.law
        self.at_nodes = modes.eigenfunctions(coordinates.at_nodes)
        self.at_points = modes.eigenfunctions(coordinates(x, m))
        self.sections = self.kernel(x, m, mu.input_vectors, mu.memory)
        self.features = self._features(x, m)
        node_features = self._features(mu.input_vectors, mu.memory)
        self.node_values = node_features[:, 0]
        self.mode_features = np.tensordot(self.at_nodes.T * mu.weights, node_features, axes=1)
        self.target_features = np.tensordot(mu.targets * mu.weights, node_features, axes=1)

    def _features(self, x: Array, m: Array) -> Array:
        """F, shape (n, 1 + d, Q)."""
        activation = self.kernel.activation
        u = x @ self.law.quadrature.nodes.T + m[:, None]
        return np.concatenate([activation(u)[:, None], x[:, :, None] * activation.prime(u)[:, None]], axis=1)

    def variances(self, t: float) -> Array:
        """V^G, V^S and V^I at one time, shape (3, n_points)."""
        alpha = self.modes.learning_rate
        times, weights = _time_rule(t, alpha * self.modes.eigenvalues.max(initial=0.0))
        h, learned = self._kernel(t - times), self.modes.coefficients * self.modes.shares(times)
        forcing = (self.mu.targets - learned @ self.at_nodes.T)[:, None] * h
        residual = self.target_features - np.tensordot(learned, self.mode_features, axes=1)
        output, inputs = np.zeros((2, len(self.at_points), len(self.law.quadrature.weights)))
        for age, weight, each in zip(t - times, alpha * weights, residual, strict=True):
            answer = self._response(age) * each
            output += weight * answer[:, 0]
            inputs += weight * answer[:, 1:].sum(axis=1)
        u = self.nodes.solve(forcing.reshape(-1, len(self.mu.weights)).T).T.reshape(forcing.shape)
        memory = self.nodes.step(self.nodes.derivative(alpha * np.tensordot(weights, u, axes=1).T)).T
        return np.array(
            [
                self.law.output_square * self._response(t)[:, 0] ** 2 @ self.law.quadrature.weights,
                alpha**2 * weights @ self._martingale(h, forcing, u),
                self._variance_over_units(output, inputs, (memory * self.mu.weights) @ self.node_values),
            ]
        )

    def _kernel(self, ages: Array) -> Array:
        """h_τ = K(z, ·) − Σ_i λ_i (1 − e^{−αλ_i τ}) e_i(z) e_i, shape (n_ages, n_points, n_nodes)."""
        learned = self.modes.eigenvalues * self.modes.shares(ages)
        return np.asarray(self.sections - (self.at_points * learned[:, None]) @ self.at_nodes.T)

    def _response(self, age: float) -> Array:
        """(a_τ F)(z) = F(z) − ∫ B_τ F dμ, shape (n_points, 1 + d, Q)."""
        shares = self.at_points * self.modes.shares(age)
        return np.asarray(self.features - np.tensordot(shares, self.mode_features, axes=1))

    def _martingale(self, h: Array, f: Array, u: Array) -> Array:
        """E_μ[D²] for D = (Y_k − f*(s_k)) h(z_k) + u(z_{k+1}) − P̂u(z_k), where u − P̂u = f − μ(f).

        E_μ[h² Var(Y|z) + 2h Cov(Y, u(z_{k+1})|z)] + σ_f²,    σ_f² = E_μ[(f − μf)(2u − (f − μf))].
        """
        mu = self.mu
        covariance = mu.target_covariance(u.reshape(-1, len(mu.weights)).T).T.reshape(u.shape)
        centred = f - (f @ mu.weights)[..., None]
        return np.asarray((h * (h * mu.target_variances + 2 * covariance) + centred * (2 * u - centred)) @ mu.weights)

    def _variance_over_units(self, output: Array, inputs: Array, memory: Array) -> Array:
        """Var_λ of ρ = output(W) + C² inputs(W) + B memory(W), by conditioning on W.

        Var_W(output + E[C²] inputs + E[B|W] memory) + Var(C²) E[inputs²] + E[Var(B|W) memory²].
        """
        law = self.law
        W = law.quadrature.weights
        mean = output + law.output_square * inputs + law.recurrent_mean * memory
        var_C2 = law.output.moment(4) - law.output_square**2
        var_B = law.recurrent_square - law.recurrent_mean**2
        return np.asarray(((mean - (mean @ W)[:, None]) ** 2 + var_C2 * inputs**2 + var_B * memory**2) @ W)


def _time_rule(t: float, rate: float) -> tuple[Array, Array]:
    """Gauss–Legendre on [0, t], on panels that double from both ends, the shortest at most 4/rate long."""
    halvings = int(np.ceil(np.log2(max(rate * t / 4, 1.0))))
    ends = t * 2.0 ** -np.arange(1, halvings + 1)
    return gauss_legendre(np.unique(np.concatenate([[0.0, t], ends, t - ends])), _ORDER)
