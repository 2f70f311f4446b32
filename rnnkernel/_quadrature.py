"""Rules for integrals."""

import numpy as np

from rnnkernel._types import Array


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
