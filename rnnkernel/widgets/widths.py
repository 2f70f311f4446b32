"""`Widths`: the error of networks against their width, on logarithmic axes, while more and more of them are trained."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import COLORS, STYLES
from rnnkernel.fluctuations import Fluctuations
from rnnkernel.limit import KernelLimit
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_training import AT
from rnnkernel.widgets.reference import INPUTS, PAIRED, law, sequence, transition
from rnnkernel.widgets.train import MEMORY

UNITS = np.array([10.0, 20.0, 40.0, 80.0, 160.0, 320.0])
RANGE = 0.005, 2.0  # of errors in the picture


class Widths(Explorable):
    """The error of networks against their width: a dot for each network, and their root mean square while it settles.

    For each seed a network of each width learns the reference case up to t = 2; its error is the root mean square of
    network − limit in two situations, (x, m) = (−1, −0.2) and (1.5, 0.4).  The dashed line is the law of the error, by
    `KernelLimit.fluctuations`.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``n_seeds``, which can be played, ``beta`` and ``paired``.

    Notes
    -----
    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1); P = [[.9, .1], [.3, .7]], inputs −1 and 1.5, target the next input, α = 1.
    Book: :doc:`convergence-measured`.

    Examples
    --------
    >>> shown = Widths(n_seeds=2).compute()
    >>> shown["errors"].shape
    (2, 6)
    """

    name = "widths"
    play = "n_seeds"
    legend: ClassVar[dict[str, str]] = {
        "a-dot muted": "one network",
        "a-dot network": "root mean square, 95 %",
        "a-line predicted dashed": "law of the error",
    }
    alt = (
        "Errors of single networks as dots above six widths, on logarithmic axes, with their root mean square, whose "
        "interval shrinks as networks are added. It settles on the dashed line of the law of the error, which falls "
        "with the width: most slowly for independent units and a small beta."
    )
    subplots: ClassVar[dict[str, Any]] = {"figsize": (6.2, 2.9)}

    n_seeds = slider("networks per width", [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100], 5)
    beta = slider("scaling exponent β", [0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9], 0.6)
    paired = slider("initial units", PAIRED, False)

    def data(self) -> dict[str, Any]:
        """Return the chain, the widths, the limit at t = 2, and the law of the error for each β, start and width."""
        error = KernelLimit(sequence(0.6), law()).fluctuations(AT, INPUTS, MEMORY)
        return {
            "inputs": INPUTS,
            "at_memory": MEMORY,
            "transition": transition(0.6),
            "units": UNITS,
            "limit": error.prediction,
            "laws": np.array([[_expected(error, b, pairs) for pairs in (False, True)] for b in self.values("beta")]),
            "range": RANGE,
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        axes.plot(UNITS, shown["errors"].T, "o", ms=2.5, color=COLORS["muted"])
        axes.plot(UNITS, shown["predicted"], **STYLES["predicted"])
        rms = shown["rms"]
        axes.errorbar(UNITS, rms, [rms - shown["low"], shown["high"] - rms], fmt="o", color=COLORS["network"])
        axes.set(xscale="log", yscale="log", xlabel="width N", ylabel="error at t = 2", ylim=RANGE)
        axes.set_xticks(UNITS, [f"{n:.0f}" for n in UNITS])
        axes.minorticks_off()


def _expected(error: Fluctuations, beta: float, paired: bool) -> Any:
    """Return the root mean square error that a network of each width should have."""
    starts: list[dict[str, Any]] = [{"n_units": int(n), "beta": beta, "paired": paired} for n in UNITS]
    squares = [(error.mean(**start) - error.prediction) ** 2 + error.std(**start) ** 2 for start in starts]
    return np.sqrt(np.mean(squares, axis=1))
