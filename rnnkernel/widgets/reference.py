"""The reference case of `Train`, `Poisson` and `Modes`: a sticky chain, the law of the units, and the limit's modes."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rnnkernel.chains import DataSequence, MarkovChain
from rnnkernel.initial import InitialLaw
from rnnkernel.limit import KernelLimit
from rnnkernel.memory import MemoryMap

INPUTS, STATIONARY = np.array([-1.0, 1.5]), np.array([0.75, 0.25])
REACH = 0.5  # q, the largest memory
N_MODES, DEGREE = 8, 16  # the limit to 1e-9 up to αt = 40, to 1e-4 up to 4·10⁵
PREVIOUS, PRESENT = np.repeat([0, 1], 2), np.tile([0, 1], 2)  # the states: two successive inputs


class Target(NamedTuple):
    """A target: its mean after each pair of inputs, its part in each mode, and the losses that are left.

    ``floor`` is ½ E Var(Y | X, M), ``rest`` the loss that is left when the modes of the table are learned.
    """

    means: Any
    coefficients: Any
    floor: float
    rest: float


class Tables(NamedTuple):
    """The modes of a chain: eigenvalues, Chebyshev coefficients in m of e_r(x, m) (state, mode, degree), targets."""

    eigenvalues: Any
    modes: Any
    targets: dict[str, Target]


def transition(stickiness: float) -> Any:
    """P = ρI + (1 − ρ)1π, whose second eigenvalue is the stickiness ρ."""
    return stickiness * np.eye(2) + (1 - stickiness) * STATIONARY


@cache
def law() -> InitialLaw:
    """W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1)."""
    from scipy import stats

    return InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))


@cache
def memory_map() -> MemoryMap:
    """φ of these units."""
    return MemoryMap(law())


def quadrature() -> dict[str, Any]:
    """Return the nodes (1, Q) and weights (Q,) of φ."""
    rule = law().quadrature
    return {"nodes": rule.nodes.T.copy(order="C"), "weights": rule.weights * law().recurrent_mean}


@cache
def tables(stickiness: float) -> Tables:
    """Solve the limit, and project the targets "next", "before" and "product" onto its modes.

    The chain of pairs (x_{k−1}, x_k) drives them all: the next input, the input before, and x_{k−1} x_k.  Memory tells
    the inputs before apart, since φ(−1, ·) and φ(1.5, ·) have images with a gap between them, so that
    E[Y | x, m] = E[Y | state].
    """
    P = transition(stickiness)[PRESENT][:, PRESENT] * (PRESENT[:, None] == PREVIOUS)
    before, now = INPUTS[PREVIOUS], INPUTS[PRESENT]
    data = {
        name: DataSequence(MarkovChain(P), now, targets)
        for name, targets in {"next": np.tile(now, (4, 1)), "before": before, "product": before * now}.items()
    }
    limit = KernelLimit(data["next"], law())
    mu, angles = limit.stationary, (np.arange(DEGREE) + 0.5) * np.pi / DEGREE
    signs = np.sign(limit.eigenfunctions(INPUTS[0], [0.25])[0, :N_MODES])  # so that they do not jump with ρ
    functions = signs * limit.eigenfunctions(mu.inputs, mu.memory)[:, :N_MODES]
    transform = 2 / DEGREE * np.cos(np.outer(np.arange(DEGREE), angles))
    transform[0] /= 2
    modes = [(transform @ limit.eigenfunctions(x, REACH * np.cos(angles))[:, :N_MODES] * signs).T for x in INPUTS]
    targets = {}
    for name, each in data.items():
        coefficients = (mu.weights * each.mean_target[mu.states]) @ functions
        pi = each.chain.stationary_distribution
        floor = round(float(pi @ each.target_variance) / 2, 15)
        rest = floor + float(pi @ each.mean_target**2 - coefficients @ coefficients) / 2
        targets[name] = Target(each.mean_target, coefficients, floor, rest)
    return Tables(limit.eigenvalues[:N_MODES].copy(), np.round(modes, 10), targets)
