"""Rules for integrals: over intervals, and over the law of one random number."""

from typing import NamedTuple

import numpy as np

from rnnkernel._types import Array, Distribution

_ORDER = 12  # Gauss–Legendre nodes on each panel of a law
_TAIL = 1e-17


class Rule(NamedTuple):
    """A rule for the law of one number, and |x| up to which it resolves tanh(W x + m) to about three digits.

    At |x| below its reach it errs by 1e-3 exp(rate (1 − reach/|x|)).
    """

    nodes: Array
    weights: Array
    reach: float
    rate: float = 7.0


def gauss_legendre(edges: Array, order: int) -> tuple[Array, Array]:
    """Return nodes and weights of the Gauss–Legendre rule of an order on each panel between neighbouring edges."""
    x, w = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def gauss(nodes: Array, weights: Array, order: int) -> tuple[Array, Array]:
    """Return the Gauss rule of an order for a discrete law, which is left as it is if it has no more nodes.

    In orthonormal polynomials of the law, multiplication by the variable is a matrix: the rule is its eigenvalues, and
    the squares of the first entries of its eigenvectors.
    """
    if order >= len(nodes):
        return nodes, weights
    t = (nodes - nodes.min()) / np.ptp(nodes) * 2 - 1
    basis, _ = np.linalg.qr(np.sqrt(weights)[:, None] * np.polynomial.legendre.legvander(t, order - 1))
    found, vectors = np.linalg.eigh(basis.T @ (nodes[:, None] * basis))
    return found, weights.sum() * vectors[0] ** 2


def combinations(each: list[Array]) -> Array:
    """Return all combinations of values, one from each array, shape (n, n_arrays)."""
    return np.stack(np.meshgrid(*each, indexing="ij"), axis=-1).reshape(-1, len(each))


def tensor_product(rules: list[Rule], negligible: float = 1e-15) -> tuple[Array, Array]:
    """Return nodes and weights for independent numbers: all combinations, without those that weigh next to nothing."""
    nodes = combinations([each.nodes for each in rules])
    weights = rules[0].weights
    for each in rules[1:]:
        weights = np.outer(weights, each.weights).ravel()
    order = np.argsort(weights)
    kept = np.sort(order[np.cumsum(weights[order]) > negligible])
    return nodes[kept], weights[kept] / weights[kept].sum()


def rule(name: str, distribution: Distribution, n_nodes: int, n_panels: int, *, smooth: bool = True) -> Rule:
    """Return a rule for a law: its atoms, the trapezoidal rule if it is smooth on the whole line, or panels."""
    if not hasattr(distribution, "pdf"):
        return atoms(name, distribution)
    low, high = float(distribution.ppf(_TAIL)), float(distribution.isf(_TAIL))
    if smooth and np.isinf(distribution.support()).all():
        nodes = np.linspace(low, high, n_nodes)
        spacing = nodes[1] - nodes[0]
        weights = spacing * distribution.pdf(nodes)
        if abs(weights.sum() - 1) < 1e-13 + 1e-16 * n_nodes:
            return Rule(nodes, weights, 0.8 / spacing, 12.0)
    return _composite_rule(name, distribution, low, high, n_panels)


def atoms(name: str, distribution: Distribution) -> Rule:
    """Return the values that a discrete distribution takes, and their probabilities."""
    listed = getattr(getattr(distribution, "dist", distribution), "xk", None)
    values = np.arange(distribution.ppf(1e-15), distribution.isf(1e-15) + 1) if listed is None else np.asarray(listed)
    weights = distribution.pmf(values)
    if abs(weights.sum() - 1) > 1e-9:
        raise ValueError(
            f"{name}: the atoms of a discrete distribution were not found: their weights sum to {weights.sum():g}"
        )
    return Rule(values[weights > 0], weights[weights > 0], np.inf)


def _composite_rule(name: str, distribution: Distribution, low: float, high: float, panels: int) -> Rule:
    """Composite Gauss–Legendre between the quantiles of 1e-17, times the density."""
    ends = [end for end in (0.0, float(distribution.median())) if low < end < high]
    while panels <= 20 * 2**6:
        edges = np.unique(np.append(np.linspace(low, high, panels + 1), ends))
        nodes, weights = gauss_legendre(edges, _ORDER)
        weights *= distribution.pdf(nodes)
        if abs(weights.sum() - 1) < 1e-9:
            return Rule(nodes, weights, 10.0 / np.diff(edges).max())
        panels *= 2
    kind = getattr(getattr(distribution, "dist", distribution), "name", None) or "the law"
    raise ValueError(
        f"{name}: the density of {kind} cannot be integrated to 1e-9 between its quantiles "
        f"{low:.3g} and {high:.3g}; a law with lighter tails is needed"
    )
