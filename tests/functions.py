"""Functions of the input weights, as values at the quadrature nodes of a law, for tests of memory."""

import numpy as np


def tanh_units(law, x, m):
    """The function w ↦ tanh(w·x + m) at the quadrature nodes of a law with d = 1."""
    return np.tanh(law.quadrature.nodes[:, 0] * x + m)


def mean(law, values):
    return float(law.quadrature.weights @ values)


def spread(law, values):
    """sd_λ(B g(W)) for the values of g at the quadrature nodes."""
    return np.sqrt(mean(law, law.recurrent_square * values**2) - mean(law, law.recurrent_mean * values) ** 2)


def fine(inputs, low, high):
    """Points and weights for averages over one input weight, by trapezoids, without the package's quadrature."""
    w = np.linspace(low, high, 20_001)
    return w, inputs.pdf(w) * (w[1] - w[0])
