"""What a trained network's output at some points answers to a disturbance, to first order.

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

import numpy as np

from rnnkernel._coordinates import Coordinates
from rnnkernel._quadrature import gauss_legendre
from rnnkernel._types import Array
from rnnkernel.flow import Modes
from rnnkernel.stationary import StationaryLaw

ORDER = 16  # Gauss–Legendre nodes on each panel in time


class Response:
    """What the output at some points answers to a disturbance, and what disturbs it.

    On the last axis, functions of z' ~ μ have the nodes of μ, and functions of a unit the quadrature nodes in W.  The
    features of a unit are F = (σ(u), x_1 σ'(u), …, x_d σ'(u)), u = W·x + m; all but the first come with a factor C.
    """

    def __init__(self, mu: StationaryLaw, modes: Modes, coordinates: Coordinates, x: Array, m: Array) -> None:
        self.mu, self.modes = mu, modes
        self.kernel, self.law = coordinates.kernel, coordinates.kernel.law
        self.at_nodes = coordinates.at_nodes @ modes.functions
        self.at_points = coordinates.combination(x, m, modes.functions)
        self.sections = self.kernel(x, m, mu.input_vectors, mu.memory)
        self.features = self._features(x, m)
        node_features = self._features(mu.input_vectors, mu.memory)
        self.node_values = node_features[:, 0]
        self.mode_features = np.tensordot(self.at_nodes.T * modes.weights, node_features, axes=1)
        self.target_features = np.tensordot(modes.targets * modes.weights, node_features, axes=1)

    def _features(self, x: Array, m: Array) -> Array:
        """F, shape (n, 1 + d, Q)."""
        activation = self.kernel.activation
        u = x @ self.law.quadrature.nodes.T + m[:, None]
        return np.concatenate([activation(u)[:, None], x[:, :, None] * activation.prime(u)[:, None]], axis=1)

    def variances(self, t: float) -> Array:
        """V^G, V^S, V^I and V^R at one time, shape (4, n_points)."""
        alpha = self.modes.learning_rate
        times, weights = time_rule(t, alpha * self.modes.eigenvalues.max(initial=0.0), ORDER)
        learned = self.modes.coefficients * self.modes.shares(times)
        residual = self.target_features - np.tensordot(learned, self.mode_features, axes=1)
        output, inputs = np.zeros((2, len(self.at_points), len(self.law.quadrature.weights)))
        for age, weight, each in zip(t - times, alpha * weights, residual, strict=True):
            answer = self._response(age) * each
            output += weight * answer[:, 0]
            inputs += weight * answer[:, 1:].sum(axis=1)
        data, record, memory = self._disturbances(learned, t - times, weights)
        return np.array(
            [
                self.law.output_square * self._response(t)[:, 0] ** 2 @ self.law.quadrature.weights,
                alpha**2 * data,
                self._variance_over_units(output, inputs, alpha * (memory * self.mu.weights) @ self.node_values),
                alpha**2 * record,
            ]
        )

    def _disturbances(self, learned: Array, ages: Array, weights: Array) -> tuple[Array, Array, Array]:
        """Return ∫ E_μ[D²] ds, nothing for the record, and w/α, for what is learned in each mode at times s."""
        h, nodes = self._kernel(ages, self.sections, self.at_nodes), self.mu.collocation
        forcing = (self.modes.targets - learned @ self.at_nodes.T)[:, None] * h
        u = nodes.solve(forcing.reshape(-1, len(self.mu.weights)).T).T.reshape(forcing.shape)
        memory = nodes.step(nodes.derivative(np.tensordot(weights, u, axes=1).T)).T
        return weights @ self._martingale(h, forcing, u), np.zeros(len(memory)), memory

    def _kernel(self, ages: Array, sections: Array, at_nodes: Array) -> Array:
        """h_τ = K(z, ·) − Σ_i λ_i (1 − e^{−αλ_i τ}) e_i(z) e_i, shape (n_ages, n_points, n_nodes)."""
        learned = self.modes.eigenvalues * self.modes.shares(ages)
        return np.asarray(sections - (self.at_points * learned[:, None]) @ at_nodes.T)

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


def time_rule(t: float, rate: float, order: int) -> tuple[Array, Array]:
    """Gauss–Legendre on [0, t], on panels that double from both ends, the shortest at most 4/rate long."""
    halvings = int(np.ceil(np.log2(max(rate * t / 4, 1.0))))
    ends = t * 2.0 ** -np.arange(1, halvings + 1)
    return gauss_legendre(np.unique(np.concatenate([[0.0, t], ends, t - ends])), order)
