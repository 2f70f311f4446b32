"""`Coupling`: two copies of a chain that run until they meet, beside the bound of how soon."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.chains import MarkovChain
from rnnkernel.figures import COLORS, STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_chains import N_LATER, N_PAIRS

CIRCLE = np.array([[0.7, 0.25, 0.05], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6]])


class Coupling(Explorable):
    """Two copies of a chain, started apart, until they meet; and how many pairs have not met, beside laws and bound.

    Left, one pair.  Right, of 500 pairs the share that has not met, the total variation between the laws of the two
    copies, and the bound (1 − η_1)^k.  Copies that have met stay together.  Until then they move each alone, with the
    same random numbers, or so that they are equal as often as may be, which is never rarer than η_1.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``coupling`` ("alone", "numbers" or "best"),
        ``stickiness`` (ρ, where P = ρI + (1 − ρ) times the chain of three states that goes round), ``step``, which can
        be played, and ``seed``.

    Notes
    -----
    Book: :doc:`ergodic-data`.

    Examples
    --------
    >>> shown = Coupling(coupling="best", step=10).compute()
    >>> bool(shown["distance"] <= shown["not_met"] and shown["distance"] <= shown["bound"])
    True
    """

    name = "coupling"
    play = "step"
    legend: ClassVar[dict[str, str]] = {
        "a-line network": "one copy",
        "a-line network dashed": "the other",
        "a-dot data": "pairs that have not met",
        "a-line limit": "distance of their laws",
        "a-line bound": "bound",
        "a-dot highlight": "now",
    }
    alt = (
        "Left, two paths over three states, which start apart and are one from the step at which they meet. Right, on "
        "a logarithmic scale against the step, the share of pairs that have not met: never below the distance of the "
        "two laws, and never above the bound if the copies are equal as often as possible."
    )

    coupling = slider("copies move", {"alone": "alone", "numbers": "by one draw", "best": "at best"}, "best")
    stickiness = slider("stickiness ρ", [0.0, 0.3, 0.5, 0.7, 0.8], 0.5)
    step = slider("step k", range(N_LATER + 1), 8)
    seed = slider("seed", range(1, 21), 1)

    def data(self) -> dict[str, Any]:
        """Return the chains, the overlap η_1 of each, and the two starts."""
        chains = [MarkovChain(rho * np.eye(3) + (1 - rho) * CIRCLE) for rho in self.values("stickiness")]
        return {
            "transitions": np.array([chain.transition for chain in chains]),
            "overlaps": np.array([chain.dobrushin_coefficient() for chain in chains]),
            "starts": np.array([0, 2]),
            "n_pairs": N_PAIRS,
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        (left, right), steps = axes, np.arange(N_LATER + 1)
        for path, stroke in ((shown["path"], "-"), (shown["other"], "--")):
            left.plot(path, stroke, drawstyle="steps-mid", color=COLORS["network"])
            left.plot(self.step, path[-1], "o", color=COLORS["highlight"])
        apart = shown["apart"]
        right.errorbar(steps, apart, 1.96 * np.sqrt(apart * (1 - apart) / N_PAIRS), **STYLES["data"])
        right.plot(steps, shown["distances"], **STYLES["limit"])
        right.plot(steps, shown["bounds"], **STYLES["bound"])
        right.plot(self.step, shown["distance"], "o", color=COLORS["highlight"])
        left.set(xlabel="step k", ylabel="state", yticks=[0, 1, 2], xlim=(-0.5, N_LATER + 0.5), ylim=(-0.3, 2.3))
        right.set(xlabel="step k", ylabel="share", yscale="log", ylim=(1e-3, 1.4))
