"""`Train`: a finite network drawn onto the curve of its limit while it learns, and its forecast beside the data."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_training import DURATION, N_AFTER
from rnnkernel.widgets.reference import INPUTS, PAIRED, REACH, quadrature, tables, transition

MEMORY = np.array([-0.2, 0.4])
SPAN = -1.7, 1.7  # of forecasts and data in the picture


class Train(Explorable):
    """A network learns to forecast a chain of two states, and its limit beside it: width, scaling, start and data.

    Left, the forecasts in two situations, (x, m) = (−1, −0.2) and (1.5, 0.4), while the network learns, over the limit
    g_t.  Right, the one-step forecasts of both along the next 40 steps.  Each move of a slider trains a network anew.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``n_units``, ``beta``, ``learning_rate``, ``stickiness``
        (ρ, where P = ρI + (1 − ρ)1π), ``seed`` and ``paired``.

    Notes
    -----
    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1); inputs −1 and 1.5, target the next input, π = (0.75, 0.25).
    Book: :doc:`training-online`.

    Examples
    --------
    >>> figure = Train(n_units=100)
    >>> figure.beta = 0.9
    >>> bool(0 < figure.compute()["forecast_distance"] < 1)
    True
    """

    name = "train"
    legend: ClassVar[dict[str, str]] = {
        "a-line limit": "limit",
        "a-dot network": "network, learning",
        "a-line network": "network, forecast",
        "a-dot data": "data",
    }
    alt = (
        "Left, two forecasts of a network while it learns, as dots, over the two limit curves. Right, forecasts of the "
        "network and of the limit one step ahead, as lines, and the data as dots. The wider the network, the closer it "
        "is to the limit."
    )
    subplots: ClassVar[dict[str, Any]] = {"ncols": 2, "figsize": (6.2, 2.8), "sharey": True}

    # 4N steps of N units, each 5 to 6 ns in the page: a wider network would lag behind its slider.
    n_units = slider("units N", [10, 16, 24, 40, 64, 100, 160, 250, 400, 640], 40)
    beta = slider("scaling exponent β", [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0], 0.75)
    learning_rate = slider("learning rate α", [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0], 1.0)
    stickiness = slider("stickiness ρ", [-0.3, 0.0, 0.3, 0.6, 0.8, 0.9, 0.95], 0.6)
    paired = slider("initial units", PAIRED, False)
    seed = slider("seed", range(1, 21), 1)

    def data(self) -> dict[str, Any]:
        """Return the limits, the quadrature of φ, and the numbers that are fixed."""
        chains = self.values("stickiness")
        return {
            "inputs": INPUTS,
            "at_memory": MEMORY,
            "moments": np.linspace(0, DURATION, 81),
            "transitions": np.array([transition(rho) for rho in chains]),
            **quadrature(),
            "reach": REACH,
            "eigenvalues": np.array([tables(rho)["eigenvalues"] for rho in chains]),
            "coefficients": np.array([tables(rho)["coefficients"][0] for rho in chains]),
            "modes": np.array([tables(rho)["modes"] for rho in chains]),
            "span": SPAN,
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        left, right = axes
        for network, limit in zip(shown["network"], shown["limit"], strict=True):
            left.plot(self._given["moments"], limit, **STYLES["limit"])
            left.plot(shown["times"], network, **STYLES["measured"])
        steps = np.arange(1, N_AFTER + 1)
        right.plot(steps, shown["data"], **STYLES["data"])
        right.plot(steps, shown["limit_forecast"], **STYLES["limit"])
        right.plot(steps, shown["forecast"], **STYLES["network"])
        left.set(title="While it learns", xlabel="time t = steps / N", ylabel="forecast", ylim=SPAN)
        right.set(title="Then: one step ahead", xlabel="step after learning")
