"""`FixedPoint`: memory as an iteration of random maps, forward and backward, from two starts that meet."""

from typing import Any, ClassVar

import numpy as np

from rnnkernel.figures import COLORS, STYLES
from rnnkernel.widgets.explorable import Explorable, slider
from rnnkernel.widgets.of_memory import N_HISTORY

LINE = np.linspace(-1.6, 1.6, 161)  # of the cobweb
N_NODES = 24  # φ to 1e-14 for the inputs offered


class FixedPoint(Explorable):
    """The random fixed point: how two memories meet under the same inputs, and to what they tend.

    Inputs are tosses of a coin with the faces −x and x.  *Two starts*: the graphs of φ(−x, ·) and φ(x, ·) with the
    cobwebs of two starts, and both memories against the step.  *Two orders*: memory after the first k inputs,
    which never rests, and after the last k, which converges; with all 24 inputs the two are the same number.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``contraction`` (q), ``input_size`` (x), ``step``, which
        can be played, ``seed`` and ``panels`` ("starts" or "order").

    Notes
    -----
    W ~ N(1, 0.2²), B ~ U(0, 2q), so that φ is proportional to q.  Book: :doc:`random-fixed-point`.

    Examples
    --------
    >>> shown = FixedPoint(contraction=0.5, step=4).compute()
    >>> bool(shown["distance"] <= shown["bound"] == 3 * 0.5**4)
    True
    """

    name = "fixed_point"
    play = "step"
    legend: ClassVar[dict[str, str]] = {
        "a-line limit": "φ(x, ·)",
        "a-line limit dashed": "φ(−x, ·)",
        "a-line network": "start at −1.5",
        "a-line network dashed": "start at 1.5",
        "a-dot highlight": "memory now",
        "a-dot data": "inputs −x, x",
    }
    alt = (
        "Either the graphs of the memory map for two inputs, with the cobwebs of two memories that start apart and see "
        "the same inputs, and both memories against the step: they merge quickly if q is small. Or both memories after "
        "the first inputs, which keep jumping when they have merged, beside both after the last inputs, which settle."
    )
    subplots: ClassVar[dict[str, Any]] = {"ncols": 2, "figsize": (6.2, 3.1)}

    contraction = slider("contraction factor q", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4], 0.7)
    input_size = slider("input size", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5], 0.5)
    step = slider("step k", range(N_HISTORY + 1), 10)
    seed = slider("seed", range(1, 21), 1)
    panels = slider("panels", {"starts": "two starts", "order": "two orders"}, "starts")

    def data(self) -> dict[str, Any]:
        """Return the quadrature of φ for q = 1, and the numbers that are fixed."""
        return {"line": LINE, "starts": np.array([-1.5, 1.5]), **quadrature()}

    def _draw(self, shown: dict[str, Any], axes: Any) -> None:
        left, right = axes
        forward, backward = (shown["path"], shown["other"]), (shown["backward"], shown["backward_other"])
        pairs = {left: forward, right: backward} if self.panels == "order" else {right: forward}
        for panel, paths in pairs.items():
            for path, stroke in zip(paths, ("-", "--"), strict=True):
                panel.plot(path, stroke, color=COLORS["network"])
                panel.plot(self.step, path[-1], "o", color=COLORS["highlight"])
            panel.set(xlabel="step k", xlim=(-0.5, N_HISTORY + 0.5), ylim=LINE[[0, -1]])
        if self.panels == "order":
            left.set(title="the first k inputs", xlabel="inputs k", ylabel="memory")
            right.set(title="the last k inputs", xlabel="inputs k")
            return
        left.plot(LINE, LINE, **STYLES["muted"])
        for graph, path, stroke in zip(shown["graphs"][::-1], forward, ("-", "--"), strict=True):
            corners = np.repeat(path, 2)
            left.plot(LINE, graph, stroke, color=COLORS["limit"], lw=2)
            left.plot(corners[:-1], corners[1:], stroke, color=COLORS["network"], lw=1)
            left.plot(path[-1], path[-1], "o", color=COLORS["highlight"])
        left.set(xlabel="memory m", ylabel="φ(x, m)", xlim=LINE[[0, -1]], ylim=LINE[[0, -1]])
        right.set(ylabel="memory")


def quadrature() -> dict[str, Any]:
    """Return nodes (1, Q) and weights (Q,) of φ for E B = 1: so narrow a law of W needs few nodes of Gauss–Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    return {"nodes": 1 + 0.2 * nodes[None], "weights": weights / weights.sum()}
