"""`Modes`: the tangent kernel as a picture, its modes, and how a target is learned mode by mode."""

from functools import cache
from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import COLORS, STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.reference import INPUTS, REACH, memory_map, tables

LINE = np.linspace(-0.28, 0.28, 29)  # as far as memory goes, and a little further
SHIFT = 0.62  # from one input to the other in the pictures
MARKS = np.array([-0.2, 0.2, SHIFT - 0.2, SHIFT + 0.2])
N_SHOWN = 4
TIMES = [mantissa * 10.0**k for k in range(-2, 5) for mantissa in (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8)] + [1e5]


class Modes(Explorable):
    """The limit equation solved mode by mode: the kernel and its modes, and what of a target is learned by when.

    *Forecast, loss*: the limit g_t over the best forecast E[Y | x, m]; and the loss against time, down to
    ½ E Var(Y | X, M), which no forecast can avoid.  *Kernel, modes*: the tangent kernel K(z, z′) over input and memory,
    z = (x, m), or the part λe(z)e(z′) of one mode; and the first four modes with their rates αλ and the shares learned.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``time`` (t, which can be played), ``mode`` (0 for all),
        ``target``, ``stickiness`` (ρ, where P = ρI + (1 − ρ)1π), ``learning_rate`` and ``panels`` ("learned" or
        "kernel").

    Notes
    -----
    W ~ N(0.7, 1), B ~ U(0, 1), C ~ U(−1, 1); inputs −1 and 1.5, π = (0.75, 0.25).  Book: :doc:`limit-equation`.

    Examples
    --------
    >>> shown = Modes(target="next", time=1e5).compute()
    >>> bool(shown["left"] < 1e-3 * shown["holds"])
    True
    """

    name = "modes"
    play = "time"
    legend: ClassVar[dict[str, str]] = {
        "an-area limit": "kernel > 0",
        "an-area network": "kernel < 0",
        "a-line limit": "limit, its loss and modes",
        "a-line highlight dashed": "mode chosen",
        "a-line data": "best forecast",
        "an-area strip": "where memory lives",
        "a-dot highlight": "now",
        "a-line bound": "can never be learned",
    }
    alt = (
        "Either the limit forecast against memory for both inputs, with the best forecasts as four bars, beside the "
        "loss against the logarithm of time, which falls in steps, one for each mode that holds a part of the target. "
        "Or a heat map of the tangent kernel over input and memory, positive between points with the same input and "
        "negative between others, beside the first four modes as curves, with bars that show how much of each is "
        "learned."
    )

    time = slider("time t", {t: f"{t:,.6g}".replace(",", "\u2009") for t in TIMES}, 10.0)
    mode = slider("mode", {r: str(r or "all") for r in range(N_SHOWN + 1)}, 0)
    target = slider("target", {"next": "next input", "before": "input before", "product": "now × before"}, "product")
    stickiness = slider("stickiness ρ", [-0.3, 0.0, 0.3, 0.6, 0.8, 0.9, 0.95], 0.6)
    learning_rate = slider("learning rate α", [0.25, 0.5, 1.0, 2.0, 4.0], 1.0)
    panels = slider("panels", {"learned": "forecast, loss", "kernel": "kernel, modes"}, "learned")

    def data(self) -> dict[str, Any]:
        """Return the modes and targets of each chain, and the numbers that are fixed."""
        found = [tables(rho) for rho in self.values("stickiness")]
        return {
            "line": LINE,
            "lives": _lives(),
            "inputs": INPUTS,
            "shift": SHIFT,
            "n_shown": N_SHOWN,
            "moments": np.array(TIMES),
            "reach": REACH,
            **{name: np.array([each[name] for each in found]) for name in found[0]},
        }

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        left, right = axes
        if self.panels == "learned":
            self._forecast(left, shown)
            self._loss(right, shown)
        else:
            self._heat_map(left, shown["kernel"])
            self._modes(right, shown)

    def _forecast(self, axes: Any, shown: dict[str, Any]) -> None:
        lines = ((shown["forecast"], "limit", "-"), (shown["part"], "highlight", "--"))[: 1 + (self.mode > 0)]
        for i in range(len(INPUTS)):
            for before, (low, high) in enumerate(_lives()):
                mean = shown["means"][2 * before + i]
                axes.plot([low + i * SHIFT, high + i * SHIFT], [mean, mean], color=COLORS["data"], lw=4)
            for values, role, stroke in lines:
                axes.plot(LINE + i * SHIFT, values.reshape(2, -1)[i], stroke, color=COLORS[role])
        self._along(axes)
        axes.set(ylabel="forecast", ylim=(-2, 2.7))

    def _loss(self, axes: Any, shown: dict[str, Any]) -> None:
        axes.plot(TIMES, shown["losses"], **STYLES["limit"])
        axes.plot(TIMES, np.full(len(TIMES), shown["floor"]), **STYLES["bound"])
        axes.plot(self.time, shown["loss"], "o", color=COLORS["highlight"])
        axes.set(xscale="log", xlabel="time t", ylabel="loss", ylim=(0, 1.12))

    def _modes(self, axes: Any, shown: dict[str, Any]) -> None:
        functions = shown["functions"].reshape(len(INPUTS), len(LINE), -1)
        for r, share in enumerate(shown["shares"][:N_SHOWN]):
            base, curve = N_SHOWN - 1 - r, 0.4 * functions[:, :, r] / np.abs(functions[:, :, r]).max()
            role, stroke = ("highlight", "--") if r + 1 == self.mode else ("limit", "-")
            for i in range(len(INPUTS)):
                axes.plot(LINE + i * SHIFT, base + curve[i], stroke, color=COLORS[role])
            axes.text(1.3, base + 0.1, f"{100 * share:.0f} %", ha="center")
            axes.barh(base - 0.2, 0.6 * share, 0.2, left=1.0, color=COLORS["limit"])
            axes.barh(base - 0.2, 0.6, 0.2, left=1.0, fill=False, ec=COLORS["muted"])
        self._along(axes)
        axes.set(ylabel="mode, and share learned", ylim=(-0.5, N_SHOWN - 0.4))
        axes.set_yticks(range(N_SHOWN), [str(N_SHOWN - i) for i in range(N_SHOWN)])

    def _along(self, axes: Any) -> None:
        for i in range(len(INPUTS)):
            for low, high in _lives() + i * SHIFT:
                axes.axvspan(low, high, color=COLORS["muted"], alpha=0.15, lw=0)
        axes.set(xlabel="m at x = −1 | x = 1.5")
        axes.set_xticks(MARKS, ["−0.2", "0.2"] * 2)

    def _heat_map(self, axes: Any, kernel: Any) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        n, step = len(LINE), LINE[1] - LINE[0]
        apart = round(SHIFT / step)
        picture = np.full((apart + n, apart + n), np.nan)
        places = np.concatenate([np.arange(n), apart + np.arange(n)])
        picture[np.ix_(places, places)] = kernel
        most, low, high = np.abs(kernel).max(), LINE[0] - step / 2, LINE[-1] + SHIFT + step / 2
        colours = LinearSegmentedColormap.from_list("sign", [COLORS["network"], "white", COLORS["limit"]])
        axes.imshow(picture, colours, vmin=-most, vmax=most, origin="lower", extent=(low, high, low, high))
        axes.grid(visible=False)
        between = (LINE[-1] + LINE[0] + SHIFT) / 2
        axes.plot([low, high, np.nan, between, between], [between, between, np.nan, low, high], color=COLORS["data"])
        at = [np.abs(np.concatenate([LINE, LINE + SHIFT]) - mark).argmin() for mark in MARKS]
        for i, y in zip(at, MARKS, strict=True):
            for j, x in zip(at, MARKS, strict=True):
                axes.text(x, y, "+" if kernel[i, j] > 0 else "−", ha="center", va="center")
        axes.set_xticks(MARKS, ["−0.2", "0.2"] * 2)
        axes.set_yticks(MARKS, ["−0.2", "0.2"] * 2)
        axes.set(xlabel="m at x = −1 | x = 1.5", ylabel="m′ at x′ = −1 | x′ = 1.5")


@cache
def _lives() -> Any:
    """Intervals that hold memory after the one input, and after the other: rows (low, high)."""
    phi = memory_map()
    ends = phi.fixed_points(INPUTS[0])[0], phi.fixed_points(INPUTS[1])[-1]
    return np.array([phi([x, x], ends) for x in INPUTS])
