"""`FixedPoint`: memory as an iteration of random maps, two starts that meet, and the law of what is remembered."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
import traitlets

from rnnkernel.widgets.explorable import Explorable
from rnnkernel.widgets.kernels import N_BINS, N_HISTORY

STARTS = -1.5, 1.5
LINE = np.linspace(-1.6, 1.6, 161)  # of the cobweb
N_NODES = 24  # φ to 1e-14 for the inputs offered


class FixedPoint(Explorable):
    """The random fixed point: how two memories meet under the same inputs, and where memory lives in the long run.

    Inputs are tosses of a coin with the faces −x and x.  Above, the graphs of φ(−x, ·) and φ(x, ·) with the cobwebs of
    two starts, and both memories against the step.  Below, the histogram of memory along a path.  It lies on a Cantor
    set where the images of the two maps leave a gap between them.

    Parameters
    ----------
    **start : dict
        The values shown first, by slider, which are traits: ``contraction`` (q), ``input_size`` (x), ``step``,
        ``n_steps`` and ``seed``.

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
    labels: ClassVar[dict[str, str]] = {
        "contraction": "contraction factor q",
        "input_size": "size of the inputs",
        "step": "step k",
        "n_steps": "steps in the histogram",
        "seed": "seed",
    }
    legend: ClassVar[dict[str, str]] = {
        "a-line limit": "φ(x, ·)",
        "a-line limit dashed": "φ(−x, ·)",
        "a-line network": "start at −1.5",
        "a-line network dashed": "start at 1.5",
        "a-dot highlight": "memory now",
        "a-dot data": "inputs −x, x",
        "an-area limit": "how often",
    }
    alt = (
        "Above left, the graphs of the memory map for two inputs, with the cobwebs of two memories that start apart "
        "and see the same inputs; above right, both memories against the step. They merge quickly if q is small. "
        "Below, a histogram of memory along a path: two separate clusters, each split again and again, if q is small, "
        "and one smooth hill if q is large and inputs are small."
    )

    contraction = traitlets.Enum([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4], 0.7).tag(sync=True)
    input_size = traitlets.Enum([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5], 0.5).tag(sync=True)
    step = traitlets.Enum(list(range(N_HISTORY + 1)), 10).tag(sync=True)
    n_steps = traitlets.Enum([10, 30, 100, 300, 1000, 3000, 10_000], 3000).tag(sync=True)
    seed = traitlets.Enum(list(range(1, 21)), 1).tag(sync=True)

    def data(self) -> dict[str, Any]:
        """Return the quadrature of φ for q = 1, and the numbers that are fixed."""
        nodes, weights = _quadrature()
        return {
            "line": LINE,
            "starts": np.array(STARTS),
            "nodes": nodes,
            "weights": weights,
        }

    def figure(self) -> Any:
        """Return the picture as a matplotlib figure."""
        from matplotlib import pyplot as plt

        from rnnkernel.figures import COLORS, STYLES

        shown = self.compute()
        fig, axes = plt.subplot_mosaic("AB;CC", figsize=(6.2, 4.2), height_ratios=(3, 2))
        axes["A"].plot(LINE, LINE, **STYLES["muted"])
        for graph, stroke in zip(shown["graphs"], ("--", "-"), strict=True):
            axes["A"].plot(LINE, graph, stroke, color=COLORS["limit"], lw=2)
        for path, stroke in ((shown["path"], "-"), (shown["other"], "--")):
            corners = np.repeat(path, 2)
            axes["A"].plot(corners[:-1], corners[1:], stroke, color=COLORS["network"], lw=1)
            axes["A"].plot(path[-1], path[-1], "o", color=COLORS["highlight"])
            axes["B"].plot(path, stroke, color=COLORS["network"])
        edges = np.linspace(-1, 1, N_BINS + 1) * shown["edge"]
        axes["C"].stairs(shown["counts"], edges, fill=True, color=COLORS["limit"])
        axes["C"].plot(edges[[0, -1]], [0, 0], color=COLORS["data"], lw=0.8)
        axes["A"].set(xlabel="memory m", ylabel="φ(x, m)", xlim=LINE[[0, -1]], ylim=LINE[[0, -1]])
        axes["B"].set(xlabel="step k", ylabel="memory", xlim=(-0.5, N_HISTORY + 0.5), ylim=LINE[[0, -1]])
        axes["C"].set(xlabel="memory in the long run", yticks=[])
        return fig


@cache
def _quadrature() -> tuple[Any, Any]:
    """Return nodes (1, Q) and weights (Q,) of φ for E B = 1: so narrow a law of W needs few nodes of Gauss–Hermite."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    return 1 + 0.2 * nodes[None], weights / weights.sum()
