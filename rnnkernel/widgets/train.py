"""`Train`: a finite network drawn onto the curve of its limit while it learns, and its forecast beside the data."""

from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnkernel.widgets import kernels, live
from rnnkernel.widgets.sticky import INPUTS, REACH, memory_map, quadrature, tables, transition

TIME, N_RECORDS, N_WARM, N_FORECAST = 4.0, 40, 40, 40
MEMORY = np.array([-0.2, 0.4])


class Train(live.Live):
    """A network learns to forecast a chain of two states, and its limit beside it: width, scaling, start and data.

    Left, the forecasts in two situations, (x, m) = (−1, −0.2) and (1.5, 0.4), while the network learns, over the limit
    g_t.  Right, the one-step forecasts of both along the next 40 steps.  Every position of the sliders trains a network
    anew, in the page too, with the loop of the package.  The limit is computed by `KernelLimit`, once for each chain
    that the slider offers, and carried along as a short sum over its modes.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``n_units``, ``beta``, ``learning_rate``, ``stickiness``
        (ρ, where P = ρI + (1 − ρ)1π), ``seed`` and ``paired``.

    Notes
    -----
    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1); inputs −1 and 1.5, target the next input, π = (0.75, 0.25).
    Training is 4N steps of N units, and in the page each takes 5 to 6 ns: N = 640 is the widest that is painted within
    a frame or two of the slider's move.
    Book: :doc:`training-online`.

    Examples
    --------
    >>> figure = Train(n_units=100)
    >>> figure.beta = 0.9
    >>> sorted(figure.compute())[:3]
    ['data', 'forecast', 'forecast_distance']
    """

    name = "train"
    labels: ClassVar[dict[str, str]] = {
        "n_units": "units N",
        "beta": "scaling exponent β",
        "learning_rate": "learning rate α",
        "stickiness": "stickiness ρ",
        "paired": "initial units",
        "seed": "seed",
    }
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
    _esm = live.module("train")
    _css = live.style()

    n_units = traitlets.Enum([10, 16, 24, 40, 64, 100, 160, 250, 400, 640], 40).tag(sync=True)
    beta = traitlets.Enum([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0], 0.75).tag(sync=True)
    learning_rate = traitlets.Enum([0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0], 1.0).tag(sync=True)
    stickiness = traitlets.Enum([-0.3, 0.0, 0.3, 0.6, 0.8, 0.9, 0.95], 0.6).tag(sync=True)
    paired = traitlets.Enum([False, True], False).tag(sync=True)
    seed = traitlets.Enum(list(range(1, 21)), 1).tag(sync=True)

    def text(self, key: str, value: Any) -> str:
        """Return how a value is shown."""
        if key == "paired":
            return "pairs ±C" if value else "i.i.d."
        return super().text(key, value)

    def data(self) -> dict[str, Any]:
        """Return the limits, the quadrature of φ, and the numbers that are fixed."""
        chains = {
            f"{rho:g}": {
                "transition": transition(rho).ravel().tolist(),
                "eigenvalues": tables(rho).eigenvalues.tolist(),
                "coefficients": tables(rho).targets["next"].coefficients.tolist(),
                "modes": tables(rho).modes.ravel().tolist(),
            }
            for rho in self.values("stickiness")
        }
        fixed = {
            "time": TIME,
            "n_records": N_RECORDS,
            "n_warm": N_WARM,
            "n_forecast": N_FORECAST,
            "inputs": INPUTS.tolist(),
            "at_memory": MEMORY.tolist(),
            "reach": REACH,
        }
        return {"chains": chains, **quadrature(), "fixed": fixed}

    def compute(self) -> dict[str, Any]:
        """Return what the picture shows, by name, computed here.

        Returns
        -------
        dict
            ``situations``, for each of the two the forecasts of the ``network`` at ``times`` and of the ``limit`` at
            ``moments``; ``forecast``, ``limit_forecast`` and ``data`` after learning; the root mean square distances
            ``learning_distance`` (the larger of the two) and ``forecast_distance``.
        """
        n_steps = round(TIME * self.n_units)
        stops = np.arange(N_RECORDS + 1) * n_steps // N_RECORDS
        losses, predictions, forecast = np.empty(N_RECORDS), np.empty((N_RECORDS, 2)), np.empty(N_FORECAST)
        states = np.empty(N_WARM + N_FORECAST + 1, np.int64)
        scaling = self.n_units, float(self.beta), float(self.learning_rate), int(self.paired), self.seed
        given = transition(self.stickiness), INPUTS, INPUTS[:, None], MEMORY, stops
        found = losses, predictions, states, forecast, np.empty((3, self.n_units))
        kernels.train(kernels.TANH.value, kernels.TANH.derivative, *scaling, *given, *found)
        times, moments = stops[1:] / self.n_units, np.linspace(0, TIME, 81)
        situations = [
            {
                "network": predictions[:, i].copy(),
                "limit": self._limit(moments, np.full(81, i), np.full(81, MEMORY[i])),
                "limit_then": self._limit(times, np.full(N_RECORDS, i), np.full(N_RECORDS, MEMORY[i])),
            }
            for i in range(2)
        ]
        path = INPUTS[states]
        held, after = memory_map().trajectory(path[:-1])[N_WARM:-1], states[N_WARM:-1]
        limit_forecast = self._limit(np.full(N_FORECAST, TIME), after, held)
        return {
            "times": times,
            "moments": moments,
            "situations": situations,
            "forecast": forecast,
            "limit_forecast": limit_forecast,
            "data": path[N_WARM + 1 :],
            "learning_distance": max(kernels.distance(each["network"], each["limit_then"]) for each in situations),
            "forecast_distance": kernels.distance(forecast, limit_forecast),
            "losses": losses,
        }

    def figure(self) -> Any:
        """Return the picture as a matplotlib figure.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib import pyplot as plt

        from rnnkernel.figures import STYLES

        shown = self.compute()
        fig, (left, right) = plt.subplots(1, 2, figsize=(6.2, 2.8), sharey=True)
        for each in shown["situations"]:
            left.plot(shown["moments"], each["limit"], **STYLES["limit"])
            left.plot(shown["times"], each["network"], **STYLES["measured"])
        steps = np.arange(1, N_FORECAST + 1)
        right.plot(steps, shown["data"], **STYLES["data"])
        right.plot(steps, shown["limit_forecast"], **STYLES["limit"])
        right.plot(steps, shown["forecast"], **STYLES["network"])
        left.set(title="While it learns", xlabel="time t = steps / N", ylabel="forecast", ylim=(-1.7, 1.7))
        right.set(title="Then: one step ahead", xlabel="step after learning")
        return fig

    def _limit(self, times: Any, states: Any, memory: Any) -> Any:
        found, out = tables(self.stickiness), np.empty(len(times))
        coefficients, clock = found.targets["next"].coefficients, self.learning_rate * times
        kernels.limit(found.eigenvalues, coefficients, found.modes, REACH, clock, states, memory, out)
        return out
