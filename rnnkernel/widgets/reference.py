"""The reference case of `Train`, `Poisson` and `Modes`: a sticky chain, the law of the units, and the limit's modes."""

from functools import cache
from typing import Any

import numpy as np

from rnnkernel.chains import DataSequence, MarkovChain
from rnnkernel.initial import InitialLaw
from rnnkernel.limit import KernelLimit
from rnnkernel.memory import MemoryMap
from rnnkernel.stationary import StationaryLaw

INPUTS, STATIONARY = np.array([-1.0, 1.5]), np.array([0.75, 0.25])
REACH = 0.5  # q, the largest memory
N_MODES, DEGREE = 8, 16  # the limit to 1e-9 up to αt = 40, to 1e-4 up to 4·10⁵
PAIRED = {False: "i.i.d.", True: "pairs ±C"}
PREVIOUS, PRESENT = np.repeat([0, 1], 2), np.tile([0, 1], 2)  # the states: two successive inputs


def transition(stickiness: float) -> Any:
    """P = ρI + (1 − ρ)1π, whose second eigenvalue is the stickiness ρ."""
    return stickiness * np.eye(2) + (1 - stickiness) * STATIONARY


def sequence(stickiness: float) -> DataSequence:
    """Return inputs of this chain, each with the next as its target."""
    return DataSequence(MarkovChain(transition(stickiness)), INPUTS, targets=[INPUTS] * 2)


@cache
def law() -> InitialLaw:
    """W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1)."""
    from scipy import stats

    return InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))


@cache
def memory_map() -> MemoryMap:
    """φ of these units."""
    return MemoryMap(law())


@cache
def stationary(stickiness: float) -> StationaryLaw:
    """μ of input and memory."""
    return StationaryLaw(sequence(stickiness), memory_map())


def quadrature() -> dict[str, Any]:
    """Return the nodes (1, Q) and weights (Q,) of φ."""
    rule = law().quadrature
    return {"nodes": rule.nodes.T.copy(order="C"), "weights": rule.weights * law().recurrent_mean}


@cache
def tables(stickiness: float) -> dict[str, Any]:
    """Solve the limit; project three targets onto its modes, a row each: the next input, the input before, the product.

    The chain of pairs (x_{k−1}, x_k) drives them all.  Memory tells the inputs before apart, since φ(−1, ·) and
    φ(1.5, ·) have images with a gap between them, so that E[Y | x, m] = E[Y | state].  Modes e_r(x, m) are given by
    their Chebyshev coefficients in m (state, mode, degree), ``floors`` are ½ E Var(Y | X, M), and ``rests`` the losses
    that are left when the modes of the table are learned.
    """
    P = transition(stickiness)[PRESENT][:, PRESENT] * (PRESENT[:, None] == PREVIOUS)
    before, now = INPUTS[PREVIOUS], INPUTS[PRESENT]
    targets = [DataSequence(MarkovChain(P), now, each) for each in (np.tile(now, (4, 1)), before, before * now)]
    limit = KernelLimit(targets[0], law())
    mu, angles = limit.stationary, (np.arange(DEGREE) + 0.5) * np.pi / DEGREE
    signs = np.sign(limit.eigenfunctions(INPUTS[0], [0.25])[0, :N_MODES])  # so that they do not jump with ρ
    functions = signs * limit.eigenfunctions(mu.inputs, mu.memory)[:, :N_MODES]
    transform = 2 / DEGREE * np.cos(np.outer(np.arange(DEGREE), angles))
    transform[0] /= 2
    modes = [(transform @ limit.eigenfunctions(x, REACH * np.cos(angles))[:, :N_MODES] * signs).T for x in INPUTS]
    pi = targets[0].chain.stationary_distribution
    means = np.array([each.mean_target for each in targets])
    coefficients = np.array([(mu.weights * mean[mu.states]) @ functions for mean in means])
    floors = np.array([round(float(pi @ each.target_variance) / 2, 15) for each in targets])
    learned = np.array([each @ each for each in coefficients])
    return {
        "eigenvalues": limit.eigenvalues[:N_MODES],
        "modes": np.round(modes, 10),
        "means": means,
        "coefficients": coefficients,
        "floors": floors,
        "rests": floors + (np.array([pi @ mean**2 for mean in means]) - learned) / 2,
    }
