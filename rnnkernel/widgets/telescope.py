"""`Telescope`: the sum along a chain of two states, one step at a time, as a boundary and a martingale."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import COLORS, STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_chains import N_TELESCOPED
from rnnkernel.widgets.reference import INPUTS, STATIONARY, stationary


class Telescope(Explorable):
    """The Poisson equation one step at a time: what a step adds to the sum, its boundary and its martingale.

    Left, the head start u(X_k) along a path of two states: at each step a forecast, dotted, which differs from u by
    f − π(f), and a surprise, which the forecast could not know.  Right, the sum of f − π(f), f = x, and its two parts.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``step``, which can be played, ``stickiness`` (ρ, where
        P = ρI + (1 − ρ)1π) and ``seed``.

    Notes
    -----
    Inputs −1 and 1.5, π = (0.75, 0.25).  Book: :doc:`poisson-equation`.

    Examples
    --------
    >>> shown = Telescope(step=12).compute()
    >>> bool(abs(shown["total"] - shown["boundary"] - shown["martingale"]) < 1e-12)
    True
    """

    name = "telescope"
    play = "step"
    legend: ClassVar[dict[str, str]] = {
        "a-dot data": "head start u",
        "a-line muted": "forecast",
        "a-line predicted dashed": "surprise, martingale",
        "a-line network": "sum",
        "a-line highlight": "boundary",
    }
    alt = (
        "Left, the head start of the state against the step: from each dot a dotted line goes to the forecast of the "
        "next, and a dashed vertical line from there to the next dot. Right, the sum, its boundary, which takes two "
        "values only, and its martingale, which changes by the vertical lines on the left."
    )

    step = slider("step k", range(N_TELESCOPED + 1), 13)
    stickiness = slider("stickiness ρ", [-0.3, 0.0, 0.3, 0.6, 0.8], 0.6)
    seed = slider("seed", range(1, 21), 5)

    def data(self) -> dict[str, Any]:
        """Return f − π(f), and for each chain its transitions and the solution of the Poisson equation."""
        laws = [stationary(rho) for rho in self.values("stickiness")]
        solutions = [law.solve_poisson(lambda x, _: x)([0, 1], [0.0, 0.0]) for law in laws]  # memory plays no part
        return {
            "transitions": np.array([law.data.chain.transition for law in laws]),
            "function": (INPUTS - STATIONARY @ INPUTS)[:, None],
            "solutions": np.array(solutions)[:, :, None],
            "n_all": N_TELESCOPED,
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        (left, right), steps = axes, np.arange(self.step + 1)
        heads, forecasts = shown["heads"], shown["forecasts"]
        for k in range(self.step):
            left.plot([k, k + 1], [heads[k], forecasts[k + 1]], ":", color=COLORS["muted"])
            left.plot([k + 1, k + 1], [forecasts[k + 1], heads[k + 1]], "--", color=COLORS["predicted"])
        left.plot(steps, heads, **STYLES["data"])
        right.plot(steps, shown["sums"], "-", color=COLORS["network"], lw=2.2)
        right.plot(steps, shown["martingales"], **STYLES["predicted"])
        right.plot(steps, shown["boundaries"], "-", color=COLORS["highlight"], lw=1)
        left.set(xlabel="step k", ylabel="head start u", xlim=(-0.5, N_TELESCOPED + 0.5))
        right.set(xlabel="step k", ylabel="sum", xlim=(-0.5, N_TELESCOPED + 0.5))
