"""The learner of *Fluctuations while learning*, written out with the kernel or coordinates of its features.

It never uses the chapter's own code.
"""

import numpy as np
from reference import LAW
from scipy.linalg import expm

import rnnkernel as rk

CHAIN = rk.MarkovChain([[0.8, 0.2], [0.3, 0.7]])
# Targets depend on the transition; two of three states of the other case share an input.
TWO = rk.DataSequence(CHAIN, [-1.0, 1.5], [[-1.0, 1.5], [0.5, 1.0]])
HIDDEN = rk.DataSequence(
    rk.MarkovChain([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.4, 0.4, 0.2]]),
    [-1.0, 1.5, 1.5],
    [[0.5, -1.0, 1.0], [1.0, 0.0, -0.5], [1.5, -0.5, 0.2]],
)
CASES = {"two": TWO, "hidden": HIDDEN}
RATE = 1.3


def norm(vectors):
    """Norms in H of vectors in coordinates."""
    return np.linalg.norm(vectors, axis=-1)


class Case:
    """A limit, with features in coordinates at the nodes of μ, and paths with values of functions along them."""

    def __init__(self, data, rate=RATE):
        self.data, self.limit = data, rk.KernelLimit(data, LAW, learning_rate=rate)
        self.mu = mu = self.limit.stationary
        self.known = self.limit.eigenvalues > 1e-9
        self.eigenvalues = self.limit.eigenvalues[self.known]
        self.Phi = self.features(mu.inputs, mu.memory)
        self.best = data.mean_target[mu.states]
        self.invert = np.linalg.inv(np.eye(len(mu.weights)) - mu.transition_operator + mu.weights)
        self.K_bar = self.limit.kernel.diagonal(mu.inputs, mu.memory).max()

    def features(self, x, m):
        return self.limit.eigenfunctions(x, m)[:, self.known] * np.sqrt(self.eigenvalues)

    def g(self, t):
        return (self.limit.mode_shares(t) * self.limit.coefficients)[self.known] / np.sqrt(self.eigenvalues)

    def steps(self, t):
        """f_t at the nodes, its mean, and u_t at the nodes."""
        f = RATE * (self.best - self.Phi @ self.g(t))[:, None] * self.Phi
        mean = self.mu.weights @ f
        return f, mean, self.invert @ (f - mean)

    def paths(self, n, runs, seed):
        """States (runs, n + 1) and memories of stationary runs."""
        rngs = np.random.default_rng(seed).spawn(runs)
        states, _, m = map(np.array, zip(*(self.mu.simulate(n + 1, rng=rng) for rng in rngs), strict=True))
        return states, m

    def learn(self, n_units, states, m):
        """Yield after each step the driver, the error and the linear model, (runs, r), and the drift alone."""
        a, mu = RATE / n_units, self.mu
        Phi = self.features(self.data.inputs[states.ravel()], m.ravel()).reshape(*m.shape, -1)
        g = driven = drift = linear = F = np.zeros((len(m), Phi.shape[2]))
        u = self.steps(0.0)[2]
        for k in range(m.shape[1] - 1):
            t, now = (k + 1) / n_units, Phi[:, k]
            y = self.data.targets[states[:, k], states[:, k + 1]]
            at_limit = now @ self.g(k / n_units)
            old, before, u = u, F, self.steps(t)[2]
            driven = driven + a * (y - at_limit)[:, None] * now
            g = g + a * (y - (g * now).sum(axis=1))[:, None] * now
            F = driven - self.g(t)
            linear = (1 - a * self.eigenvalues) * linear + F - before
            change = [mu.interpolate(c)(states[:, k + 1], m[:, k + 1]) for c in (u - old).T]
            drift = drift + np.array(change).T / n_units
            yield F, g - self.g(t), linear, drift


BUILT = {name: Case(data) for name, data in CASES.items()}


def flow(case, t):
    """g_t at the nodes by the exponential of a matrix: ġ = α K diag(w) (f* − g), from zero."""
    mu = case.mu
    K = case.limit.kernel(mu.inputs, mu.memory, mu.inputs, mu.memory)
    return case.best - expm(-case.limit.learning_rate * t * K * mu.weights) @ case.best


def solved(case, t, j):
    """Coordinate j of u_t at the nodes by the package's own solution, where inputs tell the states apart."""
    mu = case.mu

    def f(x, m):
        best = case.data.mean_target[(x[:, None] == case.data.inputs).argmax(axis=1)]
        return RATE * (best - case.limit.predict(t, x, m)) * case.features(x, m)[:, j]

    return mu.solve_poisson(f)(mu.states, mu.memory)


def variance(case, t, z, independent=False):
    """α² ∫ E D² ds with D over all transitions from every node, by its definition and not by the closed form."""
    mu, data = case.mu, case.data
    P = data.chain.transition
    after = case.limit.memory_map(mu.inputs, mu.memory)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    total = 0.0
    for s, weight in zip(t * (1 + nodes) / 2, t * weights / 2, strict=True):
        h = case.Phi @ (np.exp(-RATE * case.eigenvalues * (t - s)) * z)
        f = (case.best - case.Phi @ case.g(s)) * h
        f = f - mu.weights @ f
        u = case.invert @ f
        for j in range(len(P)):
            deviation = data.targets[mu.states, j] - case.best
            reached = mu.interpolate(u)(np.full(len(u), j), after)
            D = deviation * h + reached - mu.transition_operator @ u
            # Independent draws: the pair (z', Y') of the next draw knows nothing of this one.
            D2 = (deviation * h) ** 2 + mu.weights @ f**2 if independent else D**2
            total += weight * mu.weights @ (P[mu.states, j] * D2)
    return RATE**2 * total
