"""The work that is timed: online training of the book's reference case."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

import rnnkernel as rk

BETA = 0.75
LEARNING_RATE = 1.0


def reference_data() -> rk.DataSequence:
    """Make the two-state chain whose next input is the target."""
    return rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)


def reference_law() -> rk.InitialLaw:
    """Make the law of a unit: C ~ U(−1, 1), W ~ N(0.7, 1), B ~ U(0, 1)."""
    return rk.InitialLaw(output=stats.uniform(-1, 2), inputs=stats.norm(0.7, 1), recurrent=stats.uniform(0, 1))


@dataclass(frozen=True, eq=False)
class Problem:
    """A network and the sequence on which it is trained, τ = 1, no clipping."""

    rnn: rk.RNN
    x: Any
    y: Any

    @classmethod
    def of_size(cls, n_units: int, n_steps: int) -> "Problem":
        """Draw the problem; the seeds are fixed."""
        rnn = rk.RNN.sample(reference_law(), n_units=n_units, beta=BETA, rng=0)
        return cls(rnn, *reference_data().simulate(n_steps, rng=1))

    @property
    def weights(self) -> tuple[Any, Any, Any, Any]:
        """Fresh copies of C, W, B and S, each of shape (N,)."""
        rnn = self.rnn
        return rnn.output.copy(), rnn.inputs[:, 0].copy(), rnn.recurrent.copy(), rnn.hidden.copy()

    @property
    def rates(self) -> tuple[float, float]:
        """The scale N^{−β} of the output, and the learning rate α^N = α/N^{2−2β}."""
        N = self.rnn.n_units
        return N**-BETA, LEARNING_RATE / N ** (2 - 2 * BETA)

    def part(self, share: float) -> "Problem":
        """Return the same problem with fewer steps."""
        n = max(1, round(share * len(self.y)))
        return Problem(self.rnn, self.x[:n], self.y[:n])


def disagreement(found: Any, expected: Any) -> float:
    """Return the largest error of C, W, B or S, relative to the largest entry of each."""
    return max(
        float(np.max(np.abs(np.asarray(a) - b)) / np.max(np.abs(b))) for a, b in zip(found, expected, strict=True)
    )
