"""Joint chains of state and memory on small cases, for tests of the stationary law."""

import numpy as np
from reference import CHAIN, LAW
from scipy import stats

import rnnkernel as rk

MEMORY = rk.MemoryMap(LAW)
LINEAR = rk.Activation("linear", lambda u: u, lambda u: 1.0 + 0.0 * u, lipschitz=1.0)
TWO = rk.DataSequence(CHAIN, [-1.0, 1.5], [0.0, 0.0])
RING = rk.DataSequence(
    rk.MarkovChain([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]]), [-1.0, 0.3, 1.5], np.zeros(3)
)
CASES = {"two": TWO, "ring": RING}
LOW, HIGH = -0.3, 0.3
GRID = np.linspace(LOW, HIGH, 1501)
FUNCTIONS = {
    "m": (lambda _, m: m, 1.0, 0.0),
    "xm": (lambda x, m: x * m, 1.5, 0.0),
    "sin": (lambda x, m: np.sin(3 * m + x), 3.0, 9.0),
}


def linear_memory(a, b):
    """φ(x, m) = a x + b m."""
    constant = stats.rv_discrete(values=([b], [1.0]))
    return rk.MemoryMap(rk.InitialLaw(stats.uniform(-1, 2), stats.norm(a / b, 0.1), constant), LINEAR)


def slopes_of(phi, inputs, grid=GRID):
    return np.array([np.abs(phi.derivative(x, grid)).max() for x in inputs])


def products(slopes, P, n):
    """c_0, …, c_n."""
    Q, v, c = slopes[:, None] * P, np.ones(len(P)), [1.0]
    for _ in range(n):
        v = Q @ v
        c.append(v.max())
    return np.array(c)


def cardinals(t, n):
    angle = (np.arange(n) + 0.5) * np.pi / n
    terms = np.sin(angle) * (-1.0) ** np.arange(n) / (t[:, None] - np.cos(angle))
    return terms / terms.sum(axis=1, keepdims=True)


class Interpolation:
    """J on [LOW, HIGH]: nodes, and the values ℓ_a(m) of its functions, (points, nodes)."""

    def __init__(self, kind, n):
        self.kind, self.n, self.half = kind, n, (HIGH - LOW) / 2
        if kind == "polynomials":
            self.nodes = (HIGH + LOW) / 2 + self.half * np.cos((np.arange(n) + 0.5) * np.pi / n)
        else:
            self.nodes = LOW + 2 * self.half * ((np.arange(n) + 0.5) / n if kind == "bins" else np.arange(n) / (n - 1))

    def functions(self, m):
        if self.kind == "polynomials":
            return cardinals((m - (HIGH + LOW) / 2) / self.half, self.n)
        if self.kind == "bins":
            return (np.clip(((m - LOW) / (HIGH - LOW) * self.n).astype(int), 0, self.n - 1)[:, None]) == np.arange(
                self.n
            )
        return np.maximum(0, 1 - np.abs(m[:, None] - self.nodes) / (self.nodes[1] - self.nodes[0]))

    def weights(self, data, phi=MEMORY):
        """w with w T = w and Σ w = 1, (n_states, n)."""
        P = data.chain.transition
        after = [self.functions(phi(x, self.nodes)) for x in data.inputs]
        T = np.block([[p * after[i] for p in row] for i, row in enumerate(P)])
        np.testing.assert_allclose(T.sum(axis=1), 1, atol=1e-12)
        system = np.vstack([T.T - np.eye(len(T)), np.ones(len(T))])
        w = np.linalg.lstsq(system, np.append(np.zeros(len(T)), 1.0), rcond=None)[0]
        np.testing.assert_allclose(w @ T, w, atol=1e-12)
        return w.reshape(len(P), -1)
