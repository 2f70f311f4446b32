"""Two chains read by one network, and what proofs about the Poisson equation say of them."""

import numpy as np
from reference import CHAIN, LAW

import rnnkernel as rk

MEMORY = rk.MemoryMap(LAW)
FUNCTIONS = {
    "x": lambda x, _: x,
    "m": lambda _, m: m,
    "xm": lambda x, m: x * m,
    "sin": lambda x, m: np.sin(3 * m) + x**2,
}
LIPSCHITZ = {"x": 0.0, "m": 1.0, "xm": 1.5, "sin": 3.0}

TWO_STATES = rk.DataSequence(CHAIN, [-1.0, 1.5], [0.0, 0.0])
# Two of four states share an input; rows 0 and 2 have nothing in common after one step, all rows do after two.
HIDDEN = rk.DataSequence(
    rk.MarkovChain([[0.5, 0.5, 0, 0], [0, 0.4, 0.6, 0], [0, 0, 0.2, 0.8], [0.7, 0, 0, 0.3]]),
    [-1.0, 1.5, 1.5, 0.3],
    np.zeros(4),
)
CASES = {"two": rk.StationaryLaw(TWO_STATES, MEMORY), "hidden": rk.StationaryLaw(HIDDEN, MEMORY)}


def overlap(P, r):
    """η_r: the least common mass of two rows of P^r."""
    power = np.linalg.matrix_power(P, r)
    return np.minimum(power[:, None], power[None]).sum(axis=2).min()


def first_overlap(P):
    return next((r, overlap(P, r)) for r in range(1, 20) if overlap(P, r) > 0)


def on_grid(mu, sol):
    """The solution u on a fine grid over all states and memories, (n_states, n), and that grid."""
    m = np.linspace(mu.intervals.min(axis=0)[0], mu.intervals.max(axis=0)[1], 201)
    inside = [np.clip(m, *interval) for interval in mu.intervals]
    return np.array([sol(np.full(201, i), each) for i, each in enumerate(inside)]), np.array(inside)


def one_step(mu, u, states, after):
    """Σ_j P_ij u(j, φ_i(m)) at states i, from the memories φ_i(m) afterwards."""
    P, total = mu.data.chain.transition, np.zeros(len(states))
    for j in range(len(P)):
        reached = P[states, j] > 0
        total[reached] += P[states[reached], j] * u(np.full(reached.sum(), j), after[reached])
    return total
