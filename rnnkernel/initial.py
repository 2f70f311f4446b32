"""The law λ of a unit's parameters (C, W, B) before training: sampling, moments and quadrature.

C is independent of (W, B).  Expectations over W use a deterministic rule, chosen by the law and by the dimension d of
the input.  What limits it are the poles of tanh(W·x + m) at a distance π/2|x_i| from the real axis of W_i:

* d ≤ 3: the tensor product of one rule for each coordinate.  If W_i has a smooth density on the whole line and B is
  independent of W (or d = 3), that is the trapezoidal rule with 256, 96 or 40 nodes for d = 1, 2, 3.  A spacing h
  leaves an error near exp(−π²/h|x_i|): for a normal law of standard deviation s, 1e-13 up to s|x_i| = 4, 1.5 or 0.6.
* Otherwise composite Gauss–Legendre rules, 12 nodes on each of 20, 6 or 2 panels, with ends at the median and at 0 too:
  kinks of the density or of B(W) there cost no accuracy.
* d > 3, or a tensor product of more than 200 000 nodes: 4096 points of an unscrambled Sobol sequence, mapped through
  the quantile functions; about three digits.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnkernel import _checks
from rnnkernel._immutable import Immutable, cached
from rnnkernel._quadrature import Rule, atoms, gauss, gauss_legendre, rule, tensor_product
from rnnkernel._types import Array, Distribution, Rng

_NODES = {1: 256, 2: 96, 3: 40}
_MOST = 200_000


class Quadrature(NamedTuple):
    """Nodes and weights with E_λ[h(W)] ≈ Σ_q weights[q] h(nodes[q])."""

    nodes: Array
    weights: Array


class Particles(NamedTuple):
    """Units with weights: E_λ[h(C, W, B)] ≈ Σ_q weights[q] h(C_q, W_q, B_q) for h that are affine in B."""

    output: Array
    inputs: Array
    recurrent: Array
    weights: Array


class InitialLaw(Immutable):
    """The law λ of the initial parameters of one unit.

    Book: :doc:`network-that-remembers`.

    Parameters
    ----------
    output : frozen scipy.stats distribution
        Law of the output weight C, independent of the others.
    inputs : frozen distribution, or list of d of them
        Law of each coordinate of the input weights W; coordinates are independent.
    recurrent : frozen distribution, or callable
        Law of the recurrent weight B, independent of W; or B as a vectorised function of W, (n, d) -> (n,).
    n_inputs : int, optional
        The dimension d if `inputs` is one distribution for all coordinates; 1 if not given.

    Examples
    --------
    >>> from scipy import stats
    >>> law = InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))
    >>> C, W, B = law.sample(4, rng=0, paired=True)
    >>> W.shape, bool((C[:2] == -C[2:]).all()), bool((B[:2] == B[2:]).all())
    ((4, 1), True, True)
    """

    def __init__(
        self,
        output: Distribution,
        inputs: Distribution | Sequence[Distribution],
        recurrent: Distribution | Callable[[Array], Array],
        n_inputs: int | None = None,
    ) -> None:
        self.output = _checks.distribution("output", output)
        if isinstance(inputs, (list, tuple)):
            if not inputs:
                raise ValueError("inputs must hold at least one distribution, not none")
            self.inputs = tuple(_checks.distribution(f"inputs[{i}]", each) for i, each in enumerate(inputs))
            if n_inputs is not None and _checks.integer("n_inputs", n_inputs, least=1) != len(inputs):
                raise ValueError(
                    f"n_inputs must be the number of distributions in inputs, {len(inputs)}, not {n_inputs}"
                )
        else:
            count = 1 if n_inputs is None else _checks.integer("n_inputs", n_inputs, least=1)
            self.inputs = (_checks.distribution("inputs", inputs),) * count
        known = _checks.function("recurrent", recurrent, "input weights", 1) if _is_function(recurrent) else None
        self.recurrent: Any = known or _checks.distribution("recurrent", recurrent)

    @property
    def n_inputs(self) -> int:
        """The dimension d of an input."""
        return len(self.inputs)

    def sample(self, n_units: int, *, rng: Rng, paired: bool = False) -> tuple[Array, Array, Array]:
        """Draw the parameters of a network.

        Parameters
        ----------
        n_units : int
            The number of units N; even if `paired`.
        rng : int or numpy.random.Generator
            Source of randomness.
        paired : bool
            Antisymmetric initialisation: units i and i + N/2 share W and B and have opposite C, so the network
            starts at zero output.

        Returns
        -------
        C : ndarray, shape (N,)
        W : ndarray, shape (N, d)
        B : ndarray, shape (N,)
        """
        n_units = _checks.integer("n_units", n_units, least=1)
        if _checks.flag("paired", paired) and n_units % 2:
            raise ValueError(f"n_units must be even when paired=True, not {n_units}")
        generator = _checks.generator(rng)
        n = n_units // 2 if paired else n_units
        C = np.asarray(self.output.rvs(size=n, random_state=generator), dtype=float)
        W = np.column_stack([each.rvs(size=n, random_state=generator) for each in self.inputs]).astype(float)
        if _is_function(self.recurrent):
            B = self._recurrent_of(W)
        else:
            B = np.asarray(self.recurrent.rvs(size=n, random_state=generator), dtype=float)
        if paired:
            C, W, B = np.concatenate([C, -C]), np.concatenate([W, W]), np.concatenate([B, B])
        return C, W, B

    @cached
    def output_mean(self) -> float:
        """E[C]: the kernel limit needs it to be zero."""
        return float(self.output.mean())

    @cached
    def output_square(self) -> float:
        """E[C²], the weight of the input layer in the tangent kernel."""
        return float(self.output.moment(2))

    @cached
    def quadrature(self) -> Quadrature:
        """The rule for expectations over W, exact on constants."""
        if self._rules:
            return Quadrature(*tensor_product(self._rules))
        from scipy.stats import qmc

        uniform = qmc.Sobol(self.n_inputs, scramble=False).random_base2(12) + 0.5**13
        nodes = np.column_stack([each.ppf(u) for each, u in zip(self.inputs, uniform.T, strict=True)])
        return Quadrature(nodes, np.full(len(nodes), 1 / len(nodes)))

    @cached
    def input_reach(self) -> Array:
        """|x_i| up to which expectations of tanh(W·x + m) are right to about three digits, shape (d,)."""
        return np.array([each.reach for each in self._rules] or [np.inf] * self.n_inputs)

    @cached
    def _rules(self) -> list[Rule]:
        return self._rules_of(_NODES.get(self.n_inputs, 0))

    def _rules_of(self, n_nodes: int) -> list[Rule]:
        """One rule for each coordinate; none where a tensor product would have too many nodes."""
        if self.n_inputs > 3:
            return []
        smooth = self.n_inputs == 3 or not _is_function(self.recurrent)
        rules = [rule("inputs", each, n_nodes, _panels(n_nodes), smooth=smooth) for each in self.inputs]
        return rules if np.prod([len(each.weights) for each in rules]) <= _MOST else []

    @cached
    def recurrent_mean(self) -> Array:
        """E[B | W] at each quadrature node, shape (Q,)."""
        return self._recurrent_moment(1)

    @cached
    def recurrent_square(self) -> Array:
        """E[B² | W] at each quadrature node, shape (Q,)."""
        return self._recurrent_moment(2)

    @cached
    def recurrent_absolute_mean(self) -> float:
        """E|B|: times sup|σ'|, the contraction factor of memory."""
        if _is_function(self.recurrent):
            return float(self.quadrature.weights @ np.abs(self._recurrent_of(self.quadrature.nodes)))
        return _absolute_mean(self.recurrent)

    @cached
    def recurrent_bound(self) -> float:
        """sup|B|, possibly infinite; for B a function of W, the largest value at the quadrature nodes."""
        if _is_function(self.recurrent):
            return float(np.abs(self._recurrent_of(self.quadrature.nodes)).max())
        return float(np.abs(self.recurrent.support()).max())

    def _recurrent_moment(self, order: int) -> Array:
        if _is_function(self.recurrent):
            return self._recurrent_of(self.quadrature.nodes) ** order
        return np.full(len(self.quadrature.weights), float(self.recurrent.moment(order)))

    def _recurrent_of(self, W: Array) -> Array:
        B = _checks.array("recurrent", _checks.call("recurrent", self.recurrent, W), ndim=(0, 1, 2))
        if B.shape != (len(W),):
            raise ValueError(f"recurrent must map weights of shape {W.shape} to ({len(W)},), not to {B.shape}")
        return B


def is_centred(law: InitialLaw) -> bool:
    """Return whether E C = 0."""
    return bool(abs(law.output_mean) <= 1e-12 * np.sqrt(law.output_square))


def require_centred(law: InitialLaw) -> None:
    """Refuse E C ≠ 0."""
    if not is_centred(law):
        raise ValueError(
            f"law must have output weights of mean zero, but E[C] is {law.output_mean:g}: the initial output then "
            "grows as N^(1 - beta) and there is no limit. This is the assumption E C = 0 of the limit theorem"
        )


def particles(law: InitialLaw, refinement: int) -> Particles:
    """Return units that stand for the law, with B = E[B | W]; for d > 3 only C has more nodes for each refinement."""
    rules = law._rules_of((40, 64, 96)[refinement])
    W, shares = tensor_product(rules, negligible=1e-8) if rules else law.quadrature
    finest = rule("output", law.output, _NODES[1], _panels(_NODES[1]))
    C, weights = gauss(finest.nodes, finest.weights, 16 + 8 * refinement)
    B = law._recurrent_of(W) if _is_function(law.recurrent) else np.full(len(W), float(law.recurrent.mean()))
    tiled = np.repeat(C, len(W)), np.tile(W, (len(C), 1)), np.tile(B, len(C))
    return Particles(*tiled, np.outer(weights / weights.sum(), shares).ravel())


def _panels(n_nodes: int) -> int:
    """Return of how many panels a composite rule has about as many nodes; ends at zero and at the median add some."""
    return (n_nodes - 16) // 12


def _is_function(recurrent: Any) -> bool:
    return callable(recurrent) and not hasattr(recurrent, "rvs")


def warn_beyond_reach(law: InitialLaw, x: Array, steepness: float) -> None:
    """Warn if inputs (n, d) are larger than those for which the quadrature resolves an activation of W·x + m."""
    largest, reach = np.abs(x).max(axis=0, initial=0.0), law.input_reach / steepness
    if (largest > reach).any():
        i = int((largest / reach).argmax())
        activation = "tanh(W·x + m)" if steepness == 1 else f"an activation of slope {steepness:.3g}"
        warnings.warn(
            f"inputs as large as {largest[i]:.3g} in coordinate {i} outrun the quadrature over W, which resolves "
            f"{activation} to three digits up to {reach[i]:.3g}; give the inputs, or the law of W, a smaller scale",
            RuntimeWarning,
            stacklevel=4,
        )


def rule_error(law: InitialLaw, x: Array, steepness: float) -> float:
    """Return the relative error of expectations by the quadrature of a law at inputs (n, d), roughly."""
    if not law._rules:
        return 1e-3
    largest = np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)
    reach, rate = law.input_reach / steepness, np.array([each.rate for each in law._rules])
    return float(1e-3 * np.exp((rate * (1 - reach / largest)).max()))


def _absolute_mean(distribution: Distribution) -> float:
    """E|B| = E B + 2 ∫ P(B ≤ b) db over b < 0, panel by panel between quantiles: no scale is too small to be seen."""
    mean = float(distribution.mean())
    low, high = distribution.support()
    if low >= 0 or high <= 0:
        return abs(mean)
    if not hasattr(distribution, "pdf"):
        values = atoms("recurrent", distribution)
        return float(values.weights @ np.abs(values.nodes))
    levels = np.concatenate([10.0 ** -np.arange(40, 0, -1), np.arange(0.2, 1, 0.1), 1 - 10.0 ** -np.arange(2, 16)])
    below = distribution.ppf(levels)
    nodes, weights = gauss_legendre(np.unique(np.append(np.minimum(below[np.isfinite(below)], 0.0), 0.0)), 32)
    return mean + 2 * float(weights @ distribution.cdf(nodes))
